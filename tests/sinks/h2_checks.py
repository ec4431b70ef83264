"""What the sink must do in each mode of H2; h2.py runs them, each with a database of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from writebehind.connectors import SQLAlchemyConnection
from writebehind.errors import CheckpointMoved, ConfigError, RowsRefused
from writebehind.sinks import Plan, Row
from writebehind.sinks.sql import SqlSink

COLUMNS = (("name", "text", False), ("n", "numeric", False))


class Bench:
    """A sink on H2, and the table it writes to."""

    def __init__(self, mode: str, name: str, columns: str, once: bool = False) -> None:
        self.sink = SqlSink(SQLAlchemyConnection(f"{mode}_h2://x/{mode}_{name}"), "seen" if once else None)
        self.sink.open()
        self.run(f"CREATE TABLE people ({columns})", "CREATE TABLE seen (id VARCHAR(100) PRIMARY KEY, val VARCHAR(64))")
        self.sink.describe("", "people")

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        connection = self.sink._connection
        assert connection is not None
        for statement in statements:
            found = connection.exec_driver_sql(statement)
        rows = [tuple(row) for row in found] if found.returns_rows else []
        connection.commit()
        return rows

    def write(self, *rows: tuple[Any, ...], move: Any = None, columns: Any = COLUMNS, replaces: bool = False) -> None:
        plan = Plan(len(columns), "", "people", (("id", "text", False),), tuple(columns), False)
        made: list[Row] = [(len(row) == 1, replaces, row, None, None) for row in rows]
        self.sink.write(plan, made, move)

    def rows(self) -> list[tuple[Any, ...]]:
        return [tuple(_shown(value) for value in row) for row in self.run("SELECT * FROM people ORDER BY 1")]


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:.2f}" if isinstance(value, float) else str(value)


PEOPLE = "id VARCHAR(20) PRIMARY KEY, name VARCHAR(20), n NUMERIC(10,2), kept VARCHAR(20) DEFAULT 'new'"


def upsert_twice_and_keep_what_is_not_mapped(mode: str) -> None:
    bench = Bench(mode, "upsert", PEOPLE)
    bench.run("INSERT INTO people VALUES ('1', 'old', 0, 'KEEP ME')")
    for n in ("1.50", "2.25"):
        bench.write(("1", "Ada ☃ 'x' :y", n), ("2", None, None))
        assert bench.rows() == [("1", "Ada ☃ 'x' :y", n, "KEEP ME"), ("2", None, None, "new")], bench.rows()


def delete_keep_and_replace(mode: str) -> None:
    bench = Bench(mode, "keep", PEOPLE)
    bench.write(*((str(i), f"old{i}", "1") for i in range(5)))
    bench.write(("0",), ("1", ..., "2"), ("2", "new2", ...), ("3", "new3", "3"), ("7", ..., "7"))
    kept = [("1", "old1", "2.00", "new"), ("2", "new2", "1.00", "new"), ("3", "new3", "3.00", "new"), ("4", "old4", "1.00", "new")]
    assert bench.rows() == [*kept, ("7", None, "7.00", "new")], bench.rows()
    bench.write(("1", ..., "9"), replaces=True)
    assert bench.rows()[0] == ("1", None, "9.00", "new"), bench.rows()


def many_rows_in_few_statements(mode: str) -> None:
    bench = Bench(mode, "many", PEOPLE)
    for name in ("a", "b"):
        bench.write(*((str(i), name, str(i)) for i in range(1101)))
    assert bench.run("SELECT count(*), count(DISTINCT n), min(name) FROM people") == [(1101, 1101, "b")]
    bench.write(*((str(i),) for i in range(1100)))
    assert bench.rows() == [("1100", "b", "1100.00", "new")]


def a_table_of_keys_alone(mode: str) -> None:
    bench = Bench(mode, "keys", "id VARCHAR(20) PRIMARY KEY, kept VARCHAR(9) DEFAULT 'kept'")
    for _ in range(2):
        bench.write(("1",), columns=())  # a delete
        bench.sink.write(Plan(0, "", "people", (("id", "text", False),), (), False), [(False, False, (key,), None, None) for key in "123"], None)
    assert bench.rows() == [(key, "kept") for key in "123"], bench.rows()


def refused_rows_are_found(mode: str) -> None:
    bench = Bench(mode, "refused", "id VARCHAR(20) PRIMARY KEY, name VARCHAR(5), n NUMERIC(10,2) CHECK (n > 0)")
    rows = [(str(i), "x" if i not in (7, 60) else "too long", "1" if i != 13 else "-1") for i in range(100)]
    with pytest.raises(RowsRefused) as raised:
        bench.write(*rows)
    assert [(row.row, row.is_constraint) for row in raised.value.rows] == [(7, False), (13, True), (60, False)]
    assert bench.rows() == []
    bench.write(*(row for i, row in enumerate(rows) if i not in (7, 13, 60)))
    assert len(bench.rows()) == 97


def exactly_once_over_batches(mode: str) -> None:
    bench = Bench(mode, "once", PEOPLE, once=True)
    assert bench.sink.load_checkpoint("p/0/1/1of1") == "0-0"
    bench.write(("1", "a", "1"), move=("p/0/1/1of1", "0-0", "5-0"))
    bench.write(("1",), move=("p/0/1/1of1", "5-0", "6-0"))
    bench.write(("1", "again", "1"), move=("p/0/1/1of1", "5-0", "6-0"))
    bench.write(move=("p/0/1/1of1", "6-0", "7-0"))
    assert bench.rows() == []
    with pytest.raises(CheckpointMoved, match="holds 7-0, not 5-0"):
        bench.write(("1", "late", "1"), move=("p/0/1/1of1", "5-0", "9-0"))
    assert bench.rows() == []
    assert bench.sink.load_checkpoint("p/0/1/1of1") == "7-0"
    bench.sink.forget_checkpoint("p/0/1/1of1")
    assert bench.run("SELECT count(*) FROM seen") == [(0,)]
    bench.run("DROP TABLE seen")
    with pytest.raises(ConfigError, match="is not there") as raised:
        bench.sink.load_checkpoint("p/0/1/1of1")
    assert "CREATE TABLE seen" in raised.value.hint


def types_are_cast(mode: str) -> None:
    columns = (("name", "text", False), ("born", "date", False), ("moment", "timestamp", False), ("raw", "bytes", False))
    raw = {"mssql": "VARBINARY(MAX)", "oracle": "RAW(100)", "db2": "VARBINARY(100)"}[mode]
    bench = Bench(mode, "types", f"id VARCHAR(20) PRIMARY KEY, name VARCHAR(2000), born DATE, moment TIMESTAMP, raw {raw}")
    if mode != "mssql":
        columns = columns[:3]  # H2 casts no VARCHAR to bytes
    first = ("1", "x" * 2000, "2024-02-29", "2024-02-29 12:00:00.5", b"\x00\xff")
    bench.write(("2", None, None, None, None)[: len(columns) + 1], first[: len(columns) + 1], columns=columns)
    found, empty = bench.rows()
    assert found[1] == "x" * 2000 and found[2][:10] == "2024-02-29" and found[3][:21] == "2024-02-29 12:00:00.5", found
    assert empty[1:] == (None,) * 4, empty


CHECKS: list[Callable[[str], None]] = [
    upsert_twice_and_keep_what_is_not_mapped,
    delete_keep_and_replace,
    many_rows_in_few_statements,
    a_table_of_keys_alone,
    refused_rows_are_found,
    exactly_once_over_batches,
    types_are_cast,
]
