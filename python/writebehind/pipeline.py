"""A pipeline as a value: which keys, which fields, which table, and how it is run.

A Pipeline holds no connection and starts nothing; an Engine runs it. What Redis is told of it is `definition()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from writebehind.definition import build_definition, canonical_events, check_version, literal_prefix
from writebehind.errors import ConfigError, NotBuiltError
from writebehind.key_columns import KeyColumn, KeyItem, key_columns
from writebehind.sinks.own import OwnConnector, WritesData

MAX_NAME_BYTES = 200


@runtime_checkable
class Connector(Protocol):
    """What a pipeline asks of its target; the classes of `writebehind.connectors` have it."""

    schema: str
    table: str
    pk: str
    exactlyOnceTableName: str | None

    @property
    def kind(self) -> str: ...

    def sink_options(self) -> dict[str, Any]: ...
    def credentials(self) -> Callable[[], dict[str, Any]] | None: ...


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Every change of the hashes `<prefix>:*` goes to one table.

    Args:
        name: 1 to 200 bytes, without braces and control characters.
        prefix: of the keys; the primary key is all that follows `<prefix>:`. As in a glob, a backslash makes the next character
            literal.
        mapping: hash field to column; fields that begin with `_` are skipped.
        connector: the table.
        version: ``x.y.z``; None: without.
        events: names of the Redis events to capture (`hset`, `del`, …); None: all.
        batch: rows that end a busy writer's wait for more. Default 100.
        duration_ms: the time that ends it, in milliseconds; 0: never wait. Default 100.
        retry_interval_s: the longest wait between two tries, in seconds. Default 5.
        writers: connections that write at the same time; changes are spread over them by key. Default 1.
        max_batch: the most rows of one transaction. Default 5000.
        max_batch_bytes: the most bytes of one; a larger single row still passes. Default 8 MiB.
        keys: the columns of the primary key, or of a UNIQUE index, that name a row; None: the connector's `pk` alone. In a column named as
            the `pk` is the Redis key, in any other the field that is mapped to it, or else the field of its name. ``("col", "field")``, or
            ``{"col": "field"}``, names the field. They need not be in `mapping` too. A hash that lacks such a field is rejected; one whose
            key changes takes its row along: the old row is deleted with the write of the new. With fields as keys there is one writer, and
            a change whose key fields a `transform` changes is rejected.
        missing: what a mapped field that the hash lacks becomes: "null" (default), or "keep" leaves the column alone.
        expired: "keep" (default) the row of a key that expires, or "delete" it.
        constraint_grace: how long a change that a foreign key refuses waits for the row that it misses, in seconds; what is behind it waits
            too. Default 30; 0: not at all.
        error_handling: "dlq" (default) stores a refused change in the rejected stream; "stop" ends the pipeline at it.
        transform: a callable on each upsert before it is mapped: it gets ``{"key": str, "type": "hash", "value": {field: text}}`` with all
            fields of the hash, and returns it, changed or not; None drops the change. What it raises rejects that change.
        max_pending: the most changes that may wait in Redis; 0 (default): no limit. What is captured is never lost for it.
        when_full: at that limit: "warn" (default) says so in the server's log and in `status`; "reject" makes Redis refuse commands that
            would add a change (HSET and its kin, RESTORE) with an error `WBFULL …`, until some are written. Deletes always pass.
        wait_replicas: replicas that must have a change before it is committed, so that the table never holds what a failover may still
            lose. Default 0.
        wait_aof: True: the AOF must have it, on its disk; with wait_replicas, that of so many replicas too. Default False.

    Raises:
        ConfigError: a value is none of these; the message names it.
        NotBuiltError: an option that this version can't serve.
    """

    name: str
    prefix: str
    mapping: Mapping[str, str]
    connector: Connector
    version: str | None = None
    events: Sequence[str] | None = None
    batch: int = 100
    duration_ms: int = 100
    retry_interval_s: float = 5
    writers: int = 1
    max_batch: int = 5000
    max_batch_bytes: int = 8 << 20
    keys: Sequence[KeyItem] | None = None
    missing: Literal["null", "keep"] = "null"
    expired: Literal["keep", "delete"] = "keep"
    constraint_grace: float = 30
    error_handling: Literal["dlq", "ignore", "stop"] = "dlq"
    transform: Callable[[Any], Any] | None = None
    max_pending: int = 0
    when_full: Literal["warn", "reject"] = "warn"
    wait_replicas: int = 0
    wait_aof: bool = False
    source: str = field(default="", compare=False)
    """Where it was declared, `file:line`; for messages."""
    key_columns: tuple[KeyColumn, ...] = field(init=False, compare=False)
    """What `keys` says."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        set_ = object.__setattr__
        set_(self, "connector", _adapted(self.name, self.connector, self.mapping))
        _check_is_mapping(self.name, self.mapping)
        set_(self, "key_columns", key_columns(self.name, self.keys, self.connector.pk, self.mapping))
        set_(self, "mapping", _check_mapping(self.name, self.mapping, self.key_columns))
        if (check := getattr(self.connector, "check_columns", None)) is not None:
            check(self.mapping.values())
        if self.events is not None:
            set_(self, "events", canonical_events(self.name, self.events))
        keys = literal_prefix(self.name, self.prefix) + ":"
        if getattr(self.connector, "is_same_server", False) and f"{self.connector.table}:".startswith(keys):
            raise ConfigError(
                f"pipeline '{self.name}': the target's keys '{self.connector.table}:*' would be captured by the pipeline itself",
                "choose another prefix",
            )
        check_version(self.name, self.version)
        self._check_numbers()
        self._check_keys()
        self._check_choices()
        if self.transform is not None and not callable(self.transform):
            raise ConfigError(f"pipeline '{self.name}': transform is {self.transform!r}, not a callable")
        self._check_planned()
        _check_is_text(self.name, self.definition())

    @property
    def pattern(self) -> str:
        """The glob of the keys, as in KEYS."""
        return f"{self.prefix}:*"

    def definition(self) -> dict[str, Any]:
        """The part of the registration that says what is captured and where it goes: versions are of this."""
        return build_definition(self)

    def limit(self) -> dict[str, Any]:
        """The part that is always the running recipe's; what `WB.REGISTER` takes is both."""
        return {"max_pending": self.max_pending, "when_full": self.when_full} if self.max_pending else {}

    def core_options(self, *, once: bool = False) -> dict[str, Any]:
        """The mapping that `_core.Pipeline` takes as `options`."""
        return {
            "batch": self.batch,
            "duration_ms": self.duration_ms,
            "max_batch_rows": self.max_batch,
            "max_batch_bytes": self.max_batch_bytes,
            "writers": self.writers,
            "retry_interval_ms": round(self.retry_interval_s * 1000),
            "constraint_grace_ms": round(self.constraint_grace * 1000),
            "stop_on_reject": self.error_handling == "stop",
            "wait_replicas": self.wait_replicas,
            "wait_aof": self.wait_aof,
            "once": once,
        }

    def _check_numbers(self) -> None:
        for option, least, unit in (
            ("batch", 1, "rows"),
            ("duration_ms", 0, "milliseconds"),
            ("writers", 1, "connections"),
            ("max_batch", 1, "rows"),
            ("max_batch_bytes", 1, "bytes"),
            ("wait_replicas", 0, "replicas"),
            ("max_pending", 0, "changes"),
        ):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"pipeline '{self.name}': {option} is {value!r}, not a whole number of {unit}, {least} or more")
        if self.writers > getattr(self.connector, "most_writers", self.writers):
            raise ConfigError(f"pipeline '{self.name}': a connector of your own is one object: it has one writer, not {self.writers}")
        interval = self.retry_interval_s
        if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval <= 86400:
            raise ConfigError(f"pipeline '{self.name}': the retry interval is {interval!r}, not seconds above 0, a day at most")
        grace = self.constraint_grace
        if isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace <= 86400:
            raise ConfigError(f"pipeline '{self.name}': constraint_grace is {grace!r}, not seconds from 0 on, a day at most")

    def _check_keys(self) -> None:
        if self.key_columns == (KeyColumn(self.connector.pk),):
            return
        if getattr(self.connector, "has_one_key", False):
            kind = "a connector of your own" if self.connector.kind == "own" else type(self.connector).__name__
            raise ConfigError(
                f"pipeline '{self.name}': keys: {kind} has one key, '{self.connector.pk}', which is the Redis key",
                "leave keys out",
            )
        if self.writers > 1 and any(key.field is not None for key in self.key_columns):
            raise ConfigError(
                f"pipeline '{self.name}': with fields as keys there is one writer, not {self.writers}: several keys may name one row, "
                "and writers share the changes out by Redis key"
            )

    def _check_choices(self) -> None:
        for option, choices in (
            ("missing", ("null", "keep")),
            ("expired", ("keep", "delete")),
            ("error_handling", ("dlq", "ignore", "stop")),
            ("wait_aof", (True, False)),
            ("when_full", ("warn", "reject")),
        ):
            if getattr(self, option) not in choices:
                names = ", ".join(map(str, choices))
                raise ConfigError(f"pipeline '{self.name}': {option} is {getattr(self, option)!r}, not one of {names}")

    def _check_planned(self) -> None:
        planned = {
            "error_handling: ignore": self.error_handling == "ignore",
        }
        for option, is_used in planned.items():
            if is_used:
                raise NotBuiltError(f"pipeline '{self.name}': {option} is not served by this version; leave it at its default")


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 1 <= len(name.encode(errors="replace")) <= MAX_NAME_BYTES:
        raise ConfigError(f"a pipeline's name is {name!r}, not 1 to {MAX_NAME_BYTES} bytes of text")
    if any(letter in "{}" or not letter.isprintable() for letter in name):
        raise ConfigError(f"pipeline {name!r}: the name holds a brace or a control character")


def _check_is_text(name: str, part: object) -> None:
    """What Python takes for text may hold half a character, which no other program can be told."""
    if isinstance(part, str):
        try:
            part.encode()
        except UnicodeEncodeError:
            raise ConfigError(f"pipeline '{name}': {part!r} is no text that UTF-8 can write") from None
    elif isinstance(part, Mapping):
        _check_is_text(name, [*part, *part.values()])
    elif isinstance(part, (list, tuple)):
        for one in part:
            _check_is_text(name, one)


def _adapted(name: str, connector: object, mapping: Mapping[str, str]) -> Connector:
    if isinstance(connector, Connector):
        return connector
    if isinstance(connector, WritesData):
        return OwnConnector(connector, mapping)
    kind = type(connector).__name__
    raise ConfigError(
        f"pipeline '{name}': {kind} is no connector",
        "use one of writebehind.connectors, or an object with TableName(), PrimaryKey() and WriteData(data)",
    )


def _check_is_mapping(name: str, mapping: object) -> None:
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"pipeline '{name}': mappings is {type(mapping).__name__}, not a dict of field: column")
    for source, column in mapping.items():
        if not isinstance(source, str) or not isinstance(column, str) or not source or not column:
            raise ConfigError(f"pipeline '{name}': mapping {source!r}: {column!r} is not 'field': 'column'")


def _check_mapping(name: str, mapping: Mapping[str, str], keys: Sequence[KeyColumn]) -> dict[str, str]:
    kept: dict[str, str] = {}
    taken = {key.column: "the primary key" for key in keys if key.field is None}
    for source, column in mapping.items():
        if source.startswith("_"):
            continue
        if source == "#":
            raise ConfigError(f"pipeline '{name}': the field '#' says what to do with a change and is never written")
        if column in taken:
            raise ConfigError(f"pipeline '{name}': field '{source}' is mapped to column '{column}', which {taken[column]} has already")
        taken[column] = f"field '{source}'"
        kept[source] = column
    return kept
