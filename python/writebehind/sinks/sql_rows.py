"""Rows of a batch → parameters and statements, in the order in which they are run."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import Executable

from writebehind.errors import RefusedRow, RowsRefused
from writebehind.sinks import Plan, Row
from writebehind.sinks.sql_catalog import Described
from writebehind.sinks.sql_dialects import DB2_MOST_BYTES, UPSERTS, Build, Shape, SqlTable, Upsert, chunks, is_national
from writebehind.sinks.sql_errors import Fault, judge
from writebehind.sinks.sql_types import converter

Task = tuple[Shape, int]
"""One thing to do with a row, by its place in the batch."""


class Refused(Exception):
    """The database refuses a value or a row."""

    def __init__(self, reason: str, is_constraint: bool, cause: str = "") -> None:
        super().__init__(reason)
        self.is_constraint = is_constraint
        self.cause = cause


MOST_STATEMENTS = 50
DELETE = Upsert(SqlTable.delete, most_rows=512, most_parameters=900)
SHOWN_VALUE = 200


class RowWriter:
    """Writes the rows of one plan.

    Args:
        connection: to the database.
        plan: of the rows.
        described: the plan's table.
    """

    def __init__(self, connection: Connection, plan: Plan, described: Described) -> None:
        self.plan = plan
        self.described = described
        self.table = described.sql_table(connection, plan)
        self._connection = connection
        self._dialect = connection.dialect.name
        self._converters = [
            converter(kind, with_zone, self._dialect, column.bind)
            for (_, kind, with_zone), column in zip(plan.keys + plan.columns, self.table.columns, strict=True)
        ]
        self._statements: OrderedDict[tuple[Build, Shape, int], Executable] = OrderedDict()
        # Keys that differ as texts may be equal to the database, which takes no row twice in one statement.
        keys = [described.columns[name] for name, _, _ in plan.keys]
        self._folds = any(key.get("case_insensitive") or key.get("ignores_spaces") for key in keys)
        self._has_narrow_key = self._dialect == "mssql" and any(
            column.kind == "text" and not is_national(column.type) for column in self.table.columns[: len(plan.keys)]
        )

    # What is to be done.

    def values(self, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """The cells as the driver takes them.

        Raises:
            RowsRefused: Python can't hold a value, or the database's driver would cut it.
        """
        made, bad = [], []
        for index, (_, _, cells, _, _) in enumerate(rows):
            row = []
            for cell, (text, convert) in enumerate(zip(cells, self._converters, strict=False)):
                try:
                    row.append(convert(text) if convert is not None and isinstance(text, str) else self._checked(cell, text))
                except (ValueError, ArithmeticError) as error:
                    bad.append(self._refusal(index, cell, text, str(error)))
                    break
            made.append(tuple(row))
        if bad:
            raise RowsRefused(bad)
        return made

    def _checked(self, cell: int, text: Any) -> Any:
        if self._dialect == "ibm_db_sa" and self.table.columns[cell].kind == "text" and isinstance(text, str):
            is_short = getattr(self.table.columns[cell].type, "length", None)
            if is_short and len(text) * 4 > DB2_MOST_BYTES and len(text.encode()) > DB2_MOST_BYTES:
                raise ValueError(f"more than {DB2_MOST_BYTES} bytes")
        return text

    def refusal(self, index: int, row: Row, why: Refused) -> RefusedRow:
        """What is known of a row that the database refuses."""
        cell = _named_column([str(column.name) for column in self.table.columns[: len(row[2])]], str(why))
        if cell is None and not why.is_constraint and self._dialect == "postgresql":
            cell = self._unreadable(row)
        if cell is None:
            return RefusedRow(index, str(why), is_constraint=why.is_constraint, cause=why.cause)
        return self._refusal(index, cell, row[2][cell], str(why), why)

    def _unreadable(self, row: Row) -> int | None:
        """The cell whose text PostgreSQL does not take, of which its message names no column. In no transaction."""
        for cell, text in enumerate(row[2]):
            if not isinstance(text, str):
                continue
            try:
                self._connection.execute(self.table.reading(cell), {f"p0_{cell}": text})
            except DBAPIError as error:
                if judge(self._dialect, error) is not Fault.DATA:
                    raise
                return cell
            finally:
                self._connection.rollback()
        return None

    def _refusal(self, row: int, cell: int, value: Any, reason: str, why: Refused | None = None) -> RefusedRow:
        name = str(self.table.columns[cell].name)
        shown = "NULL" if value is None else "" if value is ... else str(value)[:SHOWN_VALUE]
        of = (why.is_constraint, why.cause) if why is not None else ()
        return RefusedRow(row, reason, name, self.described.columns[name].get("type", ""), shown, *of)

    def tasks(self, rows: Sequence[Row]) -> list[Task]:
        """All deletes, then the upserts by the columns that they write: first deleted, no UNIQUE value is in the way."""
        keys = self.table.keys
        deletes, upserts = [], []
        for index, (is_delete, is_replaced, cells, _, _) in enumerate(rows):
            is_wide = self._has_narrow_key and not all(isinstance(cells[i], str) and cells[i].isascii() for i in keys)  # type: ignore[union-attr]
            if is_delete or is_replaced:
                deletes.append((Shape(True, keys, is_wide), index))
            if not is_delete:
                written = tuple(i for i, cell in enumerate(cells) if cell is not ...)
                upserts.append((Shape(False, written, is_wide), index))
        deletes.sort(key=lambda task: task[0].is_wide)
        upserts.sort(key=lambda task: (task[0].is_wide, task[0].cells))
        return deletes + upserts

    # Doing it.

    def run(self, tasks: Sequence[Task], values: Sequence[tuple[Any, ...]], *, one_by_one: bool = False) -> None:
        """Runs tasks; what the driver raises comes through."""
        for shape, group in groupby(tasks, key=lambda task: task[0]):
            rows = [row for _, row in group]
            for some in [[row] for row in rows] if one_by_one else self._apart(rows, values):
                self._run_some(shape, some, values)

    def _run_some(self, shape: Shape, rows: list[int], values: Sequence[tuple[Any, ...]]) -> None:
        upsert = DELETE if shape.is_delete else UPSERTS.get(self._dialect)
        if upsert is None or (not shape.is_delete and self._is_exact(shape)):
            for row in rows:
                self._write_exactly(shape, values[row])
        elif upsert.most_rows == 1:
            statement = self._statement(upsert.build, shape, 1)
            self._connection.execute(statement, [_parameters(shape, [values[row]]) for row in rows])
        else:
            for few in chunks(rows, len(shape.cells), upsert, lambda row: _size(values[row])):
                statement = self._statement(upsert.build, shape, len(few))
                self._connection.execute(statement, _parameters(shape, [values[row] for row in few]))

    def _is_exact(self, shape: Shape) -> bool:
        """Must it be UPDATE, then INSERT?"""
        if self.plan.update_first:
            return True
        names = [name for name, _, _ in self.plan.keys + self.plan.columns]
        # ON DUPLICATE KEY fires for every UNIQUE index; and SQLAlchemy doubles a name's percent signs once too often in VALUES().
        has_null_key = any(self.described.columns[name]["nullable"] for name, _, _ in self.plan.keys)
        has_trap = self.described.has_other_unique(self.plan) or has_null_key or any("%" in name for name in names)
        if self._dialect in ("mysql", "mariadb") and has_trap:
            return True
        return any(self.described.must_have(name) for i, name in enumerate(names) if i not in shape.cells)

    def _write_exactly(self, shape: Shape, values: tuple[Any, ...]) -> None:
        """Touches the row of this key alone, and names what is wrong."""
        parameters = _parameters(shape, [values])
        sets = bool(self.table.written(shape))
        counts = self._connection.dialect.supports_sane_rowcount
        is_there = False
        if not sets or not counts:
            is_there = self._execute(SqlTable.probe, shape, parameters).first() is not None
        if sets and (is_there or counts):
            found = self._execute(SqlTable.update, shape, parameters).rowcount
            is_there = is_there or found > 0
        if not is_there:
            self._execute(SqlTable.insert, shape, parameters)

    def explain(self) -> list[Any]:
        """What writing one row runs."""
        shape = Shape(False, tuple(range(len(self.table.columns))))
        upsert = UPSERTS.get(self._dialect)
        upserts = [upsert.build(self.table, shape, 1)] if upsert else []
        if upsert is None or self._is_exact(shape):
            first = self.table.update(shape, 1) if self.table.written(shape) else self.table.probe(shape, 1)
            upserts = [first, self.table.insert(shape, 1)]
        return [self.table.delete(Shape(True, self.table.keys), 1), *upserts]

    def _execute(self, build: Build, shape: Shape, parameters: dict[str, Any]) -> Any:
        return self._connection.execute(self._statement(build, shape, 1), parameters)

    def _statement(self, build: Build, shape: Shape, rows: int) -> Executable:
        key = (build, shape, rows)
        found = self._statements.get(key)
        if found is None:
            found = self._statements[key] = build(self.table, shape, rows)
            if len(self._statements) > MOST_STATEMENTS:
                self._statements.popitem(last=False)
        return found

    def _apart(self, rows: list[int], values: Sequence[tuple[Any, ...]]) -> Iterator[list[int]]:
        """Cuts where a key comes that may equal an earlier one, whatever the collation makes of case, accents and spaces."""
        if not self._folds:
            yield rows
            return
        some: list[int] = []
        seen: set[tuple[Any, ...]] = set()
        for row in rows:
            key = tuple(_folded(value) for value in values[row][: len(self.table.keys)])
            if key in seen:
                yield some
                some, seen = [], set()
            seen.add(key)
            some.append(row)
        yield some


def _parameters(shape: Shape, rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    return {f"p{place}_{cell}": row[cell] for place, row in enumerate(rows) for cell in shape.cells}


def _size(row: tuple[Any, ...]) -> int:
    return sum(len(value) if isinstance(value, str | bytes) else 16 for value in row)


def _folded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    letters = unicodedata.normalize("NFKD", value).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).rstrip()


def _named_column(names: Sequence[str], text: str) -> int | None:
    """The cell of the column that a database's message names, in one of the ways in which they write names."""
    lowered = text.lower()
    for cell, name in enumerate(names):
        low = name.lower()
        forms = (f'"{low}"', f"'{low}'", f"`{low}`", f"[{low}]", f"({low})=(")
        if any(form in lowered for form in forms) or lowered.endswith(f".{low}") or f".{low}," in lowered:
            return cell
    return None
