"""A connector of the recipe's own: any object with `TableName`, `PrimaryKey` and `WriteData`, as recipes have always had them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from writebehind.errors import ConfigError, RefusedRow, RowsRefused
from writebehind.sinks.base import Cell, Move, Plan, Row, Sink, sink_options

UPDATE, DELETE = "=", "~"


@runtime_checkable
class WritesData(Protocol):
    """What such an object has; `PrepereQueries(mappings)` (spelled so) is called once if it is there."""

    def TableName(self) -> str: ...
    def PrimaryKey(self) -> str: ...
    def WriteData(self, data: list[dict[str, Any]]) -> None: ...


class OwnConnector:
    """Lets a pipeline use such an object; it is one object for all batches, so that the pipeline has one writer."""

    kind = "own"
    schema = ""
    exactlyOnceTableName: str | None = None
    most_writers = 1
    has_one_key = True

    def __init__(self, connector: WritesData, mapping: Mapping[str, str]) -> None:
        self.connector = connector
        self.table = _named(connector, "TableName")
        self.pk = _named(connector, "PrimaryKey")
        prepare = getattr(connector, "PrepereQueries", None)
        if prepare is not None:
            prepare(dict(mapping))

    def sink_options(self) -> dict[str, Any]:
        return sink_options(lambda: OwnSink(self.connector), None)

    def credentials(self) -> Callable[[], dict[str, Any]] | None:
        return None


class OwnSink(Sink):
    """Calls `WriteData` with `{"key", "id", "value"}` for each row: the Redis key, the ID of the change, and its columns as text with the
    primary key's column and `#`, which is "=" for an upsert and "~" for a delete. A column whose field the hash lacks is None; with
    `missing: keep` it is not there."""

    def __init__(self, connector: WritesData) -> None:
        self._connector = connector

    def write(self, plan: Plan, rows: Sequence[Row], move: Move | None) -> None:
        del move
        data, bad = [], []
        for index, (is_delete, _, cells, key, id) in enumerate(rows):
            try:
                value = _value(plan, cells, is_delete)
            except UnicodeDecodeError as error:
                bad.append(RefusedRow(index, f"not UTF-8 text: {error.reason} at byte {error.start}"))
                continue
            data.append({"key": key, "id": id, "value": value})
        if bad:
            raise RowsRefused(bad)
        if data:
            self._connector.WriteData(data)

    def explain(self, plan: Plan) -> list[str]:
        columns = ", ".join(name for name, _, _ in plan.keys + plan.columns)
        return [f"{type(self._connector).__name__}.WriteData: {plan.table} ({columns})"]


def _value(plan: Plan, cells: tuple[Cell, ...], is_delete: bool) -> dict[str, str | None]:
    columns = plan.keys if is_delete else plan.keys + plan.columns
    value: dict[str, str | None] = {"#": DELETE if is_delete else UPDATE}
    for (name, _, _), cell in zip(columns, cells, strict=True):
        if cell is not ...:
            value[name] = cell.decode() if isinstance(cell, bytes) else cell
    return value


def _named(connector: WritesData, method: str) -> str:
    name = getattr(connector, method)()
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{type(connector).__name__}.{method}() returns {name!r}, not a name")
    return name
