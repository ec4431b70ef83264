"""What SQLAlchemy's Inspector says of a table → what the core and the statements want to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from writebehind.errors import ConfigError
from writebehind.sinks import Plan, Table, TableColumn
from writebehind.sinks.sql_dialects import SqlColumn, SqlTable
from writebehind.sinks.sql_types import bind_type, described

EXPRESSION = "(expression)"
"""Stands for what is no whole column, so that such an index equals no set of columns."""


@dataclass(frozen=True, slots=True)
class Described:
    """A table as it was found; names may be `quoted_name`s, which say whether their case counts."""

    name: str
    columns: dict[str, TableColumn]
    types: dict[str, TypeEngine[Any]]
    names: dict[str, str]
    unique_keys: list[list[str]]
    constraints: list[str]
    transactional: bool

    def table(self) -> Table:
        """For the core."""
        return {
            "columns": list(self.columns.values()),
            "unique_keys": self.unique_keys,
            "constraints": self.constraints,
            "transactional": self.transactional,
        }

    def sql_table(self, connection: Connection, plan: Plan) -> SqlTable:
        """For the statements of a plan."""
        dialect = connection.dialect

        def column(name: str, kind: str) -> SqlColumn:
            type_ = self.types[name]
            return SqlColumn(self.names[name], kind, type_, bind_type(type_, kind, dialect.name))

        keys = [column(name, kind) for name, kind, _ in plan.keys]
        return SqlTable(dialect, plan.schema or None, self.name, keys, [column(name, kind) for name, kind, _ in plan.columns])

    def has_other_unique(self, plan: Plan) -> bool:
        """Is there a UNIQUE index besides the plan's key?"""
        keys = {name for name, _, _ in plan.keys}
        return any(set(index) != keys for index in self.unique_keys)

    def must_have(self, name: str) -> bool:
        """Would an INSERT fail that leaves the column out?"""
        column = self.columns[name]
        return not column["nullable"] and not column["has_default"]


def describe(connection: Connection, schema: str, name: str) -> Described:
    """Reads the table anew.

    Raises:
        ConfigError: it is not there.
    """
    inspector = sa.inspect(connection)
    try:
        if inspector.has_table(name, schema or None):
            return _read(connection, inspector, schema, name)
    except sa.exc.NoSuchTableError:
        pass  # SQLite finds it in any case, and then its constraints in one alone
    if found := _in_another_case(inspector, schema or None, name):
        return _read(connection, inspector, schema, found)
    shown = f"{schema}.{name}" if schema else name
    raise ConfigError(f"no table '{shown}' in the database", "writebehind schema prints a CREATE TABLE to start from")


def _read(connection: Connection, inspector: sa.Inspector, schema: str, name: str) -> Described:
    place = schema or None
    reflected = inspector.get_columns(name, place)
    primary = list(inspector.get_pk_constraint(name, place).get("constrained_columns") or [])
    collations = _collations(connection, schema, name)
    described_as = partial(_column, primary=primary, dialect=connection.dialect.name, collations=collations)
    return Described(
        name=name,
        columns={str(column["name"]): described_as(column) for column in reflected},
        types={str(column["name"]): column["type"] for column in reflected},
        names={str(column["name"]): column["name"] for column in reflected},
        unique_keys=_unique_keys(inspector, name, place, primary),
        constraints=_constraints(inspector, name, place),
        transactional=_is_transactional(connection, schema, name),
    )


def _in_another_case(inspector: sa.Inspector, schema: str | None, name: str) -> str | None:
    """Databases fold names that are not quoted; the one table meant, or None."""
    names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    alike = [other for other in names if other.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _column(reflected: Any, primary: list[str], dialect: str, collations: dict[str, str]) -> TableColumn:
    type_ = reflected["type"]
    column = described(type_, dialect, collations.get(str(reflected["name"]), ""))
    identity = reflected.get("identity")
    # SQL Server takes no value for an identity column, others none where it is ALWAYS.
    is_always = identity is not None and (dialect == "mssql" or bool(identity.get("always")))
    column["name"] = str(reflected["name"])
    column["type"] = _type_name(type_)
    column["nullable"] = bool(reflected.get("nullable", True))
    column["has_default"] = reflected.get("default") is not None or identity is not None or reflected.get("autoincrement") is True
    column["generated"] = bool(reflected.get("computed")) or is_always or isinstance(type_, mssql.TIMESTAMP)
    column["primary_key"] = reflected["name"] in primary
    return column


def _type_name(type_: TypeEngine[Any]) -> str:
    try:
        return str(type_).lower()
    except Exception:  # noqa: BLE001 - some dialects' types can't be written without their dialect
        return type_.__visit_name__.lower()


def _unique_keys(inspector: sa.Inspector, name: str, schema: str | None, primary: list[str]) -> list[list[str]]:
    found = [primary] if primary else []
    for constraint in _asked(partial(inspector.get_unique_constraints, name, schema)):
        found.append(list(constraint["column_names"]))
    for index in _asked(partial(inspector.get_indexes, name, schema)):
        if not index.get("unique"):
            continue
        options = index.get("dialect_options") or {}
        # A part of the rows, or the first bytes of a column, make other rows equal than the columns do.
        is_partial = any(options.get(option) for option in options if option.endswith(("_where", "_length")))
        columns = [EXPRESSION] if is_partial else [column or EXPRESSION for column in index["column_names"]]
        found.append(columns)
    unique: list[list[str]] = []
    for columns in found:
        named = [str(column) for column in columns]
        if named not in unique:
            unique.append(named)
    return unique


def _constraints(inspector: sa.Inspector, name: str, schema: str | None) -> list[str]:
    kinds: dict[str, Callable[..., Any]] = {
        "unique": inspector.get_unique_constraints,
        "check": inspector.get_check_constraints,
        "foreign key": inspector.get_foreign_keys,
        "index": inspector.get_indexes,
    }
    found = [(kind, constraint) for kind, read in kinds.items() for constraint in _asked(partial(read, name, schema))]
    return sorted(f"{kind} {sorted(constraint.items())}" for kind, constraint in found if kind != "index" or constraint["unique"])


def _asked(read: Callable[[], Any]) -> list[Any]:
    # Not every dialect can tell.
    try:
        return list(read())
    except NotImplementedError:
        return []


_MYSQL = ("mysql", "mariadb")
_ENGINE = """
SELECT e.TRANSACTIONS FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
WHERE t.TABLE_SCHEMA = coalesce(:schema, database()) AND t.TABLE_NAME = :name
"""
_COLLATIONS = """
SELECT COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = coalesce(:schema, database()) AND TABLE_NAME = :name AND COLLATION_NAME IS NOT NULL
"""


def _is_transactional(connection: Connection, schema: str, name: str) -> bool:
    if connection.dialect.name not in _MYSQL:
        return True
    return connection.execute(sa.text(_ENGINE), {"schema": schema or None, "name": name}).scalar() in ("YES", None)


def _collations(connection: Connection, schema: str, name: str) -> dict[str, str]:
    """MySQL's Inspector tells only those that are not the table's own."""
    if connection.dialect.name not in _MYSQL:
        return {}
    found = connection.execute(sa.text(_COLLATIONS), {"schema": schema or None, "name": name})
    return {str(column): str(collation) for column, collation in found}
