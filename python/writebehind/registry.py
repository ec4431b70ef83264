"""Registrations: what Redis knows of the pipelines, and how a recipe's definition gets there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from writebehind.definition import captures_same, is_equal, may_replace, to_json
from writebehind.errors import ConfigError, NotBuiltError

if TYPE_CHECKING:
    from redis import Redis

    from writebehind.pipeline import Pipeline

REGISTRY = "writebehind:registry"
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Registration:
    """One pipeline, as Redis has it.

    Args:
        serial: of the current definition.
        definition: the current one.
        active: False after unregistering: nothing is captured, what waits can be drained.
        waiting_definitions: how many earlier ones are kept for entries that wait.
        has_field_keys: one of all these has key columns that are fields.
        limit: of what may wait, as `Pipeline.limit` has it; {}: none.
    """

    serial: int
    definition: dict[str, Any]
    active: bool = True
    waiting_definitions: int = 0
    has_field_keys: bool = False
    limit: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of `register`."""

    action: Literal["registered", "attached", "replaced"]
    serial: int
    definition: str
    """The JSON text that Redis has now."""


@dataclass(frozen=True, slots=True)
class PipelineState:
    """A line of WB.LIST."""

    name: str
    stream: str
    version: str = ""
    captured: int = 0
    rejected: int = 0
    flushed: int = 0
    replaced: int = 0
    waiting: int = 0
    definition: int = 0
    identity: str = ""
    active: bool = True
    max_pending: int = 0
    when_full: str = "warn"
    refused: int = 0
    raw: dict[str, str] = field(default_factory=dict, compare=False)


def key(pipeline: str, what: str) -> str:
    """The name of a key of a pipeline (docs/protocol.md): `stream`, `rejected`, `checkpoint`, `engine` and so on."""
    return f"writebehind:{{{pipeline}}}:{what}"


def read_registration(text: str | None) -> Registration | None:
    """Reads a value of the registry; None: there is none.

    Raises:
        ConfigError: it is not what we write.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
        serial = int(value["definition"])
        definitions = value["definitions"]
        return Registration(
            serial,
            definitions[str(serial)],
            bool(value.get("active", True)),
            len(definitions) - 1,
            any("key_fields" in definition for definition in definitions.values()),
            {name: value[name] for name in ("max_pending", "when_full") if name in value},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"a registration in {REGISTRY} can't be read: {error!r}") from None


def register(client: Redis, pipeline: Pipeline) -> Registered:
    """Registers a pipeline's definition, by the version rules; under them it attaches to an equal one. Its limit is this pipeline's anyway.

    Raises:
        VersionError: another definition is there that this one may not replace.
    """
    from redis.exceptions import WatchError

    for _ in range(_TRIES):
        with client.pipeline() as transaction:
            transaction.watch(REGISTRY)
            there = read_registration(transaction.hget(REGISTRY, pipeline.name))  # type: ignore[arg-type]
            action, text = decide(pipeline.name, pipeline.definition(), there)
            if there is not None and action == "attached" and there.limit == pipeline.limit():
                return Registered(action, there.serial, text)
            # WATCH, because another engine may register the same name between our reading and our command.
            transaction.multi()
            transaction.execute_command("WB.REGISTER", pipeline.name, to_json({**json.loads(text), **pipeline.limit()}))
            try:
                reply = transaction.execute()
            except WatchError:
                continue
            return Registered(action, int(reply[0]), text)
    raise ConfigError(f"pipeline '{pipeline.name}': others keep registering it at this moment", "try again")


def check(client: Redis, pipeline: Pipeline) -> None:
    """Raises VersionError if `register` would, as things are now."""
    there = read_registration(client.hget(REGISTRY, pipeline.name))  # type: ignore[arg-type]
    decide(pipeline.name, pipeline.definition(), there)


def decide(name: str, wanted: Mapping[str, Any], there: Registration | None) -> tuple[Literal["registered", "attached", "replaced"], str]:
    """What is to be done for a definition, and the text that Redis has afterwards.

    Raises:
        VersionError: `wanted` may not replace what is there.
    """
    if there is None:
        return "registered", to_json(wanted)
    if not there.active:
        # Whoever unregistered the name gave it up; entries that wait keep their own definition.
        same = is_equal(wanted, there.definition)
        return "registered", to_json(there.definition if same else wanted)
    if is_equal(wanted, there.definition):
        if captures_same(wanted, there.definition):
            return "attached", to_json(there.definition)
        # A transform came or went: what is captured changes, what it means does not.
        version = {"version": there.definition["version"]} if "version" in there.definition else {}
        return "replaced", to_json({**wanted, **version})
    may_replace(name, wanted, there.definition)
    return "replaced", to_json(wanted)


def check_writers(client: Redis, pipeline: Pipeline) -> None:
    """Raises NotBuiltError where changes wait that need one writer, and there would be more.

    Those with fields as key columns do, whatever comes after them.
    """
    if pipeline.writers == 1 or not client.xlen(key(pipeline.name, "stream")):
        return
    there = read_registration(client.hget(REGISTRY, pipeline.name))  # type: ignore[arg-type]
    if there is not None and there.has_field_keys:
        raise NotBuiltError(
            f"pipeline '{pipeline.name}': changes wait whose key columns are fields: more than one writer would not keep their order",
            "write what waits with writers=1 first (run --once), then change it",
        )


def list_pipelines(client: Redis) -> list[PipelineState]:
    """What WB.LIST says, sorted by name."""
    reply: Any = client.execute_command("WB.LIST")
    return sorted((_state(_pairs(entry)) for entry in reply), key=lambda state: state.name)


def find_pipeline(client: Redis, name: str) -> PipelineState:
    """The line of one pipeline.

    Raises:
        ConfigError: there is none; the hint names those that are.
    """
    states = list_pipelines(client)
    for state in states:
        if state.name == name:
            return state
    names = ", ".join(f"'{state.name}'" for state in states)
    raise ConfigError(f"no pipeline '{name}' is registered", f"registered: {names}" if names else "none is registered")


def _pairs(entry: Any) -> dict[str, str]:
    if isinstance(entry, Mapping):
        return {str(name): str(value) for name, value in entry.items()}
    return {str(entry[i]): "" if entry[i + 1] is None else str(entry[i + 1]) for i in range(0, len(entry), 2)}


def _state(raw: dict[str, str]) -> PipelineState:
    def number(name: str) -> int:
        text = raw.get(name, "0")
        return int(text) if text.lstrip("-").isdecimal() else 0

    return PipelineState(
        name=raw.get("name", ""),
        stream=raw.get("stream", ""),
        version=raw.get("version", ""),
        captured=number("captured"),
        rejected=number("rejected"),
        flushed=number("flushed"),
        replaced=number("replaced"),
        waiting=number("waiting"),
        definition=number("definition"),
        identity=raw.get("identity", ""),
        active=raw.get("active", "1").lower() in ("1", "true", "yes"),
        max_pending=number("max_pending"),
        when_full=raw.get("when_full", "warn"),
        refused=number("refused"),
        raw=raw,
    )
