"""The seam between the core and a sink that is written in Python.

The core reads, casts, coalesces, orders, retries and rejects as for a native target; a sink only describes its table and writes a
batch, in one call that holds the GIL. Each writer has a sink of its own and calls it from one thread; only `cancel` comes from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, TypedDict

Cell = str | bytes | None | EllipsisType
"""A value as canonical text of its column's kind (bytes where the kind is "bytes"); None: NULL; `...`: leave the column alone."""

Row = tuple[bool, bool, tuple[Cell, ...], str | None, str | None]
"""Is it a delete (then only the key cells are there), is the row to be deleted before it is written, the cells (keys first), the Redis
key, and the ID of the change."""

Move = tuple[str, str, str]
"""The row of the exactly-once table, where its value has to be, and where it goes, in the rows' own transaction."""

PlanColumn = tuple[str, str, bool]
"""Name, kind, and whether a timestamp has a zone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The columns of a batch; a changed table or definition makes another with another id."""

    id: int
    schema: str
    table: str
    keys: tuple[PlanColumn, ...]
    columns: tuple[PlanColumn, ...]
    update_first: bool
    """An INSERT would fail, for a NOT NULL column that the mapping lacks, also where the row is there."""


class TableColumn(TypedDict, total=False):
    """A column as the casts want it; `kind` and `name` must be there.

    kind: boolean, integer (bits, is_unsigned, boolean_words: "true" is 1, is_year: 0 or 1901 to 2155), numeric (precision, scale,
    as_double: kept as one), float (bits), text (max_length in characters, max_bytes), bytes (max_length, pads: to that length), date,
    time (max_hours, above 24: negative too), timestamp (with_zone), uuid, json, enum (labels, is_set: several of them), other (text that
    the database reads by itself; has_spellings: several may be one value). reads_numbers: a text of json or other that is a number
    is stored as one.
    """

    name: str
    kind: str
    type: str
    bits: int
    is_unsigned: bool
    boolean_words: bool
    is_year: bool
    as_double: bool
    precision: int
    scale: int
    max_length: int
    max_bytes: int
    pads: bool
    max_hours: int
    with_zone: bool
    labels: list[str]
    is_set: bool
    nullable: bool
    has_default: bool
    generated: bool
    primary_key: bool
    allows_nan: bool
    allows_infinity: bool
    allows_nul: bool
    ignores_spaces: bool
    case_insensitive: bool
    reads_numbers: bool
    has_spellings: bool


class Table(TypedDict, total=False):
    """What a sink says of its table."""

    columns: list[TableColumn]
    unique_keys: list[list[str]]
    constraints: list[str]
    transactional: bool


class Sink:
    """Base of all; a target without tables, transactions or checkpoints overrides `write` alone.

    What a method raises decides what happens: `RowsRefused` rejects those rows; `TargetUnavailable` connects anew; `CommitInDoubt` does too
    and writes the batch again; `ConfigError` ends `run` at its start, later it is retried; everything else is retried with backoff.
    No message may hold a password.
    """

    def open(self) -> None:
        """Connects, or connects again."""

    def describe(self, schema: str, table: str) -> Table | None:
        """The table's columns; None: any column takes any text, as bytes."""
        del schema, table
        return None

    def load_checkpoint(self, id: str) -> str:
        """The stream ID that the exactly-once table holds for `id`, made with 0-0 where it is absent."""
        del id
        return "0-0"

    def forget_checkpoint(self, id: str) -> None:
        """Removes that row."""

    def stream(self, origin: str, identity: str) -> None:
        """Before the first `write` of changes of another stream: of which registration, and its identity, in hex (docs/protocol.md)."""
        del origin, identity

    def write(self, plan: Plan, rows: Sequence[Row], move: Move | None) -> None:
        """Writes all rows and the checkpoint in one transaction, or nothing. Rows are unique by key."""
        raise NotImplementedError

    def warnings(self) -> list[str]:
        """What an operator should know, a sentence each; asked once after `open`."""
        return []

    def explain(self, plan: Plan) -> list[str]:
        """What `write` runs, for --dry-run."""
        del plan
        return []

    def cancel(self) -> None:
        """From another thread: makes a call under way return soon, where the driver can."""

    def close(self) -> None:
        """Lets go of the connection; must not fail."""


def sink_options(factory: Any, exactly_once_table: str | None) -> dict[str, Any]:
    """What the core needs to make a Python sink for each writer: `factory` takes no arguments."""
    return {"kind": "python", "factory": factory, "exactly_once_table": exactly_once_table or ""}
