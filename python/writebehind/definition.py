"""Definitions: the part of a pipeline that Redis keeps, and when one may replace another.

A definition is a JSON object (docs/protocol.md). Two are equal if they write the same; the order in which a recipe lists its fields and
its version do not count, nor whether all fields are captured, for a `transform` to see them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from writebehind.errors import ConfigError, VersionError

if TYPE_CHECKING:
    from writebehind.pipeline import Pipeline

ALWAYS_NEWER = "99.99.99"

# Names that recipes use for what is one event of Redis. `change` (a peer's write, of an edition with several masters) has none.
_EVENT_NAMES = {"hmset": "hset", "hsetnx": "hset", "unlink": "del", "getdel": "del", "change": ""}
_NEVER_CAPTURED = frozenset({"new", "keymiss", "loaded", "expire", "persist", "hexpire", "hpersist"})


def build_definition(pipeline: Pipeline) -> dict[str, Any]:
    """The definition of a pipeline, as docs/protocol.md has it."""
    prefix = literal_prefix(pipeline.name, pipeline.prefix) + ":"
    keys = {key.column: key.field for key in pipeline.key_columns}
    key_fields = sorted({field for field in keys.values() if field is not None})
    definition: dict[str, Any] = {
        "pattern": pipeline.pattern,
        "expired": pipeline.expired,
        "outputs": [
            {
                "name": "0",
                "schema": pipeline.connector.schema,
                "table": pipeline.connector.table,
                "keys": [
                    {"column": column, "key_prefix": prefix} if field is None else {"column": column, "field": field}
                    for column, field in keys.items()
                ],
                "columns": [{"column": column, "field": field} for field, column in pipeline.mapping.items() if column not in keys],
                "missing": pipeline.missing,
            }
        ],
    }
    if pipeline.transform is None:
        definition["fields"] = list(dict.fromkeys([*pipeline.mapping, *key_fields]))
    if key_fields:
        definition["key_fields"] = key_fields
        if None not in keys.values():
            definition["shared_rows"] = True
    if pipeline.version is not None:
        definition["version"] = pipeline.version
    if pipeline.events is not None:
        definition["events"] = list(pipeline.events)
    return definition


def to_json(definition: Mapping[str, Any]) -> str:
    """The canonical text of a definition: sorted members, no spaces, UTF-8."""
    return json.dumps(definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def is_equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Do both write the same?"""
    return _normal(one) == _normal(other)


def captures_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Of two that are equal: do both capture the same fields?"""
    return sorted(one.get("fields") or ["*"]) == sorted(other.get("fields") or ["*"])


def literal_prefix(name: str, prefix: object) -> str:
    r"""The text that the keys of a pipeline begin with.

    The prefix is a glob, as it has always been for recipes: `\*` is a star. A wildcard in it is refused, because keys of several
    prefixes would share one row: under `app*`, both `app1:7` and `app2:7` would be row 7.

    Raises:
        ConfigError: no text, or a wildcard.
    """
    if not isinstance(prefix, str) or not prefix:
        raise ConfigError(f"pipeline '{name}': keysPrefix is {prefix!r}, not the text before the first ':' of the keys")
    literal, escaped = [], False
    for letter in prefix:
        if not escaped and letter in "*?[":
            raise ConfigError(
                f"pipeline '{name}': keysPrefix '{prefix}' has the wildcard '{letter}': keys of several prefixes would share a row",
                f"write '\\{letter}' for the character itself, or declare a pipeline for each prefix",
            )
        escaped = letter == "\\" and not escaped
        if not escaped:
            literal.append(letter)
    if escaped:
        raise ConfigError(f"pipeline '{name}': keysPrefix '{prefix}' ends with a lone backslash")
    text = "".join(literal)
    if f"{text}:".startswith("writebehind:"):
        raise ConfigError(f"pipeline '{name}': keys that begin with 'writebehind:' are never captured")
    return text


def canonical_events(name: str, events: Iterable[str]) -> tuple[str, ...]:
    """Event names in lower case, as Redis spells them, sorted, each once.

    Raises:
        ConfigError: no event is left, or one that never changes a value.
    """
    names = [events] if isinstance(events, (str, bytes)) or not isinstance(events, Iterable) else list(events)
    if names == [events] or not all(isinstance(event, str) for event in names):
        raise ConfigError(f"pipeline '{name}': eventTypes is {events!r}, not a list of names")
    found = {_EVENT_NAMES.get(event.lower(), event.lower()) for event in names} - {""}
    never = sorted(found & _NEVER_CAPTURED)
    if never:
        raise ConfigError(f"pipeline '{name}': the event '{never[0]}' changes no value and is never captured")
    if not found:
        raise ConfigError(f"pipeline '{name}': eventTypes names no event", "leave it out to capture every event")
    return tuple(sorted(found))


def check_version(name: str, version: object) -> None:
    """Raises ConfigError unless `version` is None or three numbers."""
    if version is None:
        return
    parts = version.split(".") if isinstance(version, str) else []
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ConfigError(f"pipeline '{name}': version is {version!r}, not 'x.y.z' with three whole numbers")


def may_replace(name: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    """May definition `new` take the place of `old`, which is not equal to it?

    A higher version replaces a lower one, 99.99.99 any, and no version no version.

    Raises:
        VersionError: no; says which version is there.
    """
    ours, theirs = new.get("version"), old.get("version")
    if ours == ALWAYS_NEWER or (ours is None and theirs is None):
        return
    if ours is not None and theirs is not None and theirs != ALWAYS_NEWER and _numbers(ours) > _numbers(theirs):
        return
    there = f"version {theirs}" if theirs is not None else "a definition without a version"
    mine = f"version {ours}" if ours is not None else "this one, without a version,"
    raise VersionError(
        f"pipeline '{name}': Redis has {there}, which differs; {mine} may not replace it",
        f"give the recipe a higher version ({ALWAYS_NEWER} replaces any), or: writebehind unregister {name} --drain",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _normal(definition: Mapping[str, Any]) -> dict[str, Any]:
    normal = {name: value for name, value in definition.items() if name not in ("version", "fields") and value is not None}
    normal.setdefault("expired", "keep")
    if "events" in normal:
        normal["events"] = sorted(normal["events"])
    normal["outputs"] = [_normal_output(output) for output in definition.get("outputs", [])]
    return normal


def _normal_output(output: Mapping[str, Any]) -> dict[str, Any]:
    normal = {"schema": "", "missing": "null", **output}
    for part in ("keys", "columns"):
        normal[part] = sorted(output.get(part, []), key=lambda column: str(column.get("column")))
    return normal
