"""The SQL of each dialect: the only file, beside SQLAlchemy itself, that builds statements for a table.

Names are quoted by the dialect's own preparer, values are bound. Cell `i` of row `r` is the parameter `p<r>_<i>`; in the source of a
MERGE, which is called `s`, it is column `c<i>`. No CAST is to a type that could cut a text: databases do that silently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import NullType, TypeEngine

Bound = sa.BindParameter[Any]


@dataclass(frozen=True, slots=True)
class SqlColumn:
    """A column as statements need it."""

    name: str
    """As SQLAlchemy quotes it, which may be a `quoted_name`."""

    kind: str
    type: TypeEngine[Any]
    """The column's own."""

    bind: TypeEngine[Any]
    """What a value is bound as."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What rows of one statement have in common: the columns that they write, by place; keys come first."""

    is_delete: bool
    cells: tuple[int, ...]
    is_wide: bool = False
    """Keys with letters beyond ASCII; see `_mssql_cast`."""


class SqlTable:
    """A table and the columns of a plan.

    Args:
        dialect: of the connection.
        schema, name: of the table.
        keys, columns: of the plan, in its order.
    """

    def __init__(self, dialect: Dialect, schema: str | None, name: str, keys: Sequence[SqlColumn], columns: Sequence[SqlColumn]) -> None:
        self.dialect = dialect
        self.columns = (*keys, *columns)
        self.keys = tuple(range(len(keys)))
        # Keyed by place, so that no column's name can be that of a parameter. Of the bound type: a parameter without one of its own
        # would take the column's.
        made = [sa.Column(column.name, column.bind, key=f"c{i}") for i, column in enumerate(self.columns)]
        self.table = sa.Table(name, sa.MetaData(), *made, schema=schema)

    def column(self, cell: int) -> sa.Column[Any]:
        return self.table.c[f"c{cell}"]

    def bound(self, row: int, cell: int, shape: Shape) -> Bound:
        bind = self.columns[cell].bind
        if shape.is_wide and cell in self.keys and isinstance(bind, sa.types.String):
            bind = sa.Unicode(bind.length)
        return sa.bindparam(f"p{row}_{cell}", type_=bind)

    def same_key(self, row: int, shape: Shape) -> sa.ColumnElement[bool]:
        return sa.and_(*(self.column(cell) == self.bound(row, cell, shape) for cell in self.keys))

    def written(self, shape: Shape) -> list[int]:
        """The cells that are no keys."""
        return [cell for cell in shape.cells if cell not in self.keys]

    def reading(self, cell: int) -> Executable:
        """Reads one cell's text as the column's type, and nothing else. Parameter: `p0_<cell>`."""
        return sa.select(sa.cast(sa.bindparam(f"p0_{cell}", type_=sa.Text()), self.columns[cell].type))

    def delete(self, shape: Shape, rows: int) -> Executable:
        """Deletes rows by their keys."""
        if len(self.keys) == 1:
            return self.table.delete().where(self.column(0).in_([self.bound(row, 0, shape) for row in range(rows)]))
        return self.table.delete().where(sa.or_(*(self.same_key(row, shape) for row in range(rows))))

    def insert(self, shape: Shape, rows: int) -> Executable:
        """Inserts one row."""
        del rows
        return self._insert_of(sa.insert(self.table), shape)  # type: ignore[no-any-return]

    def update(self, shape: Shape, rows: int) -> Executable:
        """Updates one row. REQUIRES: the shape writes more than keys."""
        del rows
        values = {f"c{cell}": self.bound(0, cell, shape) for cell in self.written(shape)}
        return self.table.update().where(self.same_key(0, shape)).values(values)

    def probe(self, shape: Shape, rows: int) -> Executable:
        """Is the row there?"""
        del rows
        return sa.select(sa.literal_column("1")).select_from(self.table).where(self.same_key(0, shape))

    def _insert_of(self, insert: Any, shape: Shape) -> Any:
        return insert.values({f"c{cell}": self.bound(0, cell, shape) for cell in shape.cells})

    # From here on what dialects do about a row that may be there or not.

    def on_conflict(self, shape: Shape, rows: int) -> Executable:
        """PostgreSQL and SQLite. As text, because SQLAlchemy compiles an INSERT of many rows each time anew."""
        source = _values(rows, lambda row: ", ".join(f":p{row}_{cell}" for cell in shape.cells))
        taken = ", ".join(f"{self._quoted(cell)} = excluded.{self._quoted(cell)}" for cell in self.written(shape))
        keys = ", ".join(self._quoted(cell) for cell in self.keys)
        into = ", ".join(self._quoted(cell) for cell in shape.cells)
        action = f"UPDATE SET {taken}" if taken else "NOTHING"
        return self._bound_text(
            f"INSERT INTO {self._quoted_table()} ({into}) VALUES {source} ON CONFLICT ({keys}) DO {action}", shape, rows
        )

    def on_duplicate(self, shape: Shape, rows: int) -> Executable:
        """MySQL and MariaDB, for executemany. REQUIRES: no key column may be NULL.

        It fires for every UNIQUE index, also for one that was added since the table was described. A row found by another one than
        the key's has another key; a value that is two values fails, so that it is never touched. NULL would not do: to a key that
        the database counts up it is the next number.
        """
        del rows
        insert = self._insert_of(mysql.insert(self.table), shape)
        same = sa.and_(*(self.column(cell).op("<=>")(insert.inserted[f"c{cell}"]) for cell in self.keys))
        guard = ("c0", sa.case((same, self.column(0)), else_=sa.literal_column("(SELECT NULL UNION ALL SELECT NULL)")))
        taken = [(f"c{cell}", insert.inserted[f"c{cell}"]) for cell in self.written(shape)]
        return insert.on_duplicate_key_update([guard, *taken])  # type: ignore[no-any-return]

    def merge_oracle(self, shape: Shape, rows: int) -> Executable:
        """One row, for executemany."""
        del rows
        source = ", ".join(f":p0_{cell} AS c{cell}" for cell in shape.cells)
        return self._merge(shape, 1, " t", f"(SELECT {source} FROM dual) s", "")

    def merge_mssql(self, shape: Shape, rows: int) -> Executable:
        """HOLDLOCK, because otherwise two MERGEs may both find no row and both insert it."""
        source = _values(rows, lambda row: ", ".join(self._mssql_cast(row, cell, shape) for cell in shape.cells))
        return self._merge(shape, rows, " WITH (HOLDLOCK) AS t", f"(VALUES {source}) AS s ({_names(shape)})", ";")

    def merge_db2(self, shape: Shape, rows: int) -> Executable:
        """DB2 wants to know each parameter's type."""
        source = _values(rows, lambda row: ", ".join(f"CAST(:p{row}_{cell} AS {self._db2_type(cell)})" for cell in shape.cells))
        return self._merge(shape, rows, " AS t", f"(VALUES {source}) AS s ({_names(shape)})", "")

    def merge_snowflake(self, shape: Shape, rows: int) -> Executable:
        """The casts stand outside of VALUES, which takes constants alone."""
        picked = ", ".join(f"{self._snowflake_cast(i, cell)} AS c{cell}" for i, cell in enumerate(shape.cells, 1))
        source = _values(rows, lambda row: ", ".join(f":p{row}_{cell}" for cell in shape.cells))
        return self._merge(shape, rows, " AS t", f"(SELECT {picked} FROM (VALUES {source})) AS s", "")

    def _merge(self, shape: Shape, rows: int, target: str, source: str, end: str) -> Executable:
        same = " AND ".join(f"t.{self._quoted(cell)} = s.c{cell}" for cell in self.keys)
        taken = ", ".join(f"{self._quoted(cell)} = s.c{cell}" for cell in self.written(shape))
        matched = f" WHEN MATCHED THEN UPDATE SET {taken}" if taken else ""
        into = ", ".join(self._quoted(cell) for cell in shape.cells)
        values = ", ".join(f"s.c{cell}" for cell in shape.cells)
        sql = (
            f"MERGE INTO {self._quoted_table()}{target} USING {source} ON ({same}){matched}"
            f" WHEN NOT MATCHED THEN INSERT ({into}) VALUES ({values}){end}"
        )
        return self._bound_text(sql, shape, rows)

    def _bound_text(self, sql: str, shape: Shape, rows: int) -> Executable:
        return sa.text(sql).bindparams(*(self.bound(row, cell, shape) for row in range(rows) for cell in shape.cells))

    def _quoted_table(self) -> str:
        return _text(self.dialect, self.dialect.identifier_preparer.format_table(self.table))

    def _quoted(self, cell: int) -> str:
        return _text(self.dialect, self.dialect.identifier_preparer.quote(self.columns[cell].name))

    def _type_text(self, type_: TypeEngine[Any]) -> str:
        return type_.compile(dialect=self.dialect)

    def _mssql_cast(self, row: int, cell: int, shape: Shape) -> str:
        """A NULL has no type of its own, and VALUES gives a column one type.

        A key is compared as what its column is, or no index would serve: varchar beside nvarchar is turned into nvarchar, row by row.
        A key with letters that a varchar may lack is compared as nvarchar all the same: as varchar it could become another key.
        """
        column = self.columns[cell]
        parameter = f":p{row}_{cell}"
        is_key = cell in self.keys
        if column.kind == "text":
            if is_key and not is_national(column.type) and not shape.is_wide:
                return f"CAST({parameter} AS VARCHAR(8000))"
            return f"CAST({parameter} AS NVARCHAR({'4000' if is_key else 'MAX'}))"
        if column.kind == "bytes":
            return f"CAST({parameter} AS VARBINARY({'8000' if is_key else 'MAX'}))"
        return parameter if column.kind in ("other", "json") else f"CAST({parameter} AS {self._type_text(column.type)})"

    def _db2_type(self, cell: int) -> str:
        column = self.columns[cell]
        if column.kind == "bytes":
            return "BLOB(2147483647)"
        if column.kind not in ("text", "other", "json", "enum"):
            return self._type_text(column.type)
        if isinstance(column.type, sa.Text):
            return "CLOB(2147483647)"
        # A character has 4 bytes at most, and the core lets none through that the column has no room for.
        length = getattr(column.type, "length", None) or DB2_MOST_BYTES
        return f"VARCHAR({min(DB2_MOST_BYTES, 4 * length)})"

    def _snowflake_cast(self, place: int, cell: int) -> str:
        column = self.columns[cell]
        name = column.type.__visit_name__.upper()
        if column.kind == "json":
            parsed = f"PARSE_JSON(column{place})"
            return {"OBJECT": f"TO_OBJECT({parsed})", "SNOWFLAKE_ARRAY": f"TO_ARRAY({parsed})"}.get(name, parsed)
        if column.kind in ("text", "bytes"):
            return f"CAST(column{place} AS {'VARCHAR' if column.kind == 'text' else 'BINARY'})"
        return f"column{place}" if isinstance(column.type, NullType) else f"CAST(column{place} AS {self._type_text(column.type)})"


DB2_MOST_BYTES = 32672
"""Of a VARCHAR."""


Build = Callable[[SqlTable, Shape, int], Executable]
"""Makes the statement for rows of a shape, this many."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """How a dialect writes rows that may be there or not."""

    build: Build
    most_rows: int = 1
    """Of one statement; 1: executed for many."""

    most_parameters: int = 1
    most_bytes: int = 16 << 20
    """Of a statement's values."""


UPSERTS: dict[str, Upsert] = {
    "postgresql": Upsert(SqlTable.on_conflict, most_rows=512, most_parameters=16000),  # its drivers' executemany goes row by row
    "sqlite": Upsert(SqlTable.on_conflict),
    "mysql": Upsert(SqlTable.on_duplicate),
    "mariadb": Upsert(SqlTable.on_duplicate),
    "oracle": Upsert(SqlTable.merge_oracle),
    "mssql": Upsert(SqlTable.merge_mssql, most_rows=512, most_parameters=2000),  # 1,000 rows, 2,100 parameters
    "ibm_db_sa": Upsert(SqlTable.merge_db2, most_rows=256, most_parameters=8000),
    "snowflake": Upsert(SqlTable.merge_snowflake, most_rows=1024, most_parameters=16000, most_bytes=500_000),  # 1 MB of text
}
"""By SQLAlchemy's name of the dialect; every other has UPDATE, then INSERT."""

SAVEPOINTS = {"postgresql", "sqlite", "mysql", "mariadb", "oracle", "ibm_db_sa"}
"""Where an error leaves the transaction, up to a savepoint, as it was. Not SQL Server: some of its errors doom it whole."""


def chunks(rows: Sequence[int], width: int, upsert: Upsert, size: Callable[[int], int]) -> Iterable[Sequence[int]]:
    """Cuts rows into statements. Their numbers are powers of two, so that few statements serve any number of rows."""
    most = min(upsert.most_rows, max(1, upsert.most_parameters // width))
    while rows:
        count = total = 0
        while count < min(most, len(rows)):
            total += size(rows[count])
            if count and total > upsert.most_bytes:
                break
            count += 1
        count = 1 << int(math.log2(count))
        yield rows[:count]
        rows = rows[count:]


def is_national(type_: TypeEngine[Any]) -> bool:
    """Is it NVARCHAR or its kin?"""
    return isinstance(type_, sa.Unicode | sa.UnicodeText | sa.NCHAR | sa.NVARCHAR)


def _values(rows: int, row_text: Callable[[int], str]) -> str:
    return ", ".join(f"({row_text(row)})" for row in range(rows))


def _names(shape: Shape) -> str:
    return ", ".join(f"c{cell}" for cell in shape.cells)


def _text(dialect: Dialect, quoted: str) -> str:
    """A quoted name as a part of `sqlalchemy.text`, which doubles percent signs again and reads :x as a parameter."""
    if getattr(dialect.identifier_preparer, "_double_percents", False):
        quoted = quoted.replace("%%", "%")
    return quoted.replace(":", r"\:")
