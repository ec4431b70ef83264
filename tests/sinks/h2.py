"""Runs the SQL of other dialects on H2, which is in Java: `python -m tests.sinks.h2 JAR MODE` prints what each check found, as JSON.

A process of its own: a Java machine in the tests' process would take its signals. What H2 lacks is put in its place in `_for_h2`, and
nothing else: the sink, its transactions and its statements are the real ones.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import jaydebeapi
import jpype
import sqlalchemy as sa
from sqlalchemy.dialects import oracle
from sqlalchemy.dialects.mssql.base import MSDialect
from sqlalchemy.dialects.oracle.base import OracleDialect
from sqlalchemy.engine import default

from tests.sinks.h2_checks import CHECKS
from writebehind.sinks import sql_connect

JAR = ""
OPTIONS = {
    "mssql": "MODE=MSSQLServer;CASE_INSENSITIVE_IDENTIFIERS=TRUE",
    "oracle": "MODE=Oracle",
    "db2": "MODE=DB2",
}


class H2(default.DefaultDialect):
    """Mixed into a dialect: connects to H2 by JDBC and reads its catalog; the dialect writes the SQL."""

    supports_statement_cache = True
    default_paramstyle = "qmark"
    positional = True
    driver = "jdbc"
    mode = ""

    @classmethod
    def import_dbapi(cls) -> Any:
        return jaydebeapi

    def create_connect_args(self, url: sa.URL) -> Any:
        place = f"jdbc:h2:mem:{url.database};DB_CLOSE_DELAY=-1;{OPTIONS[self.mode]}"
        return ["org.h2.Driver", place, ["sa", ""], JAR], {}

    def connect(self, *arguments: Any, **options: Any) -> Any:
        link = super().connect(*arguments, **options)
        link.jconn.setAutoCommit(False)
        return link

    def initialize(self, connection: Any) -> None: ...
    def on_connect(self) -> None: ...
    def get_isolation_level(self, dbapi_connection: Any) -> str:
        return "READ COMMITTED"

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        with _sqlstates():
            cursor.execute(_for_h2(self.mode, statement), [_for_java(value) for value in parameters])

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        with _sqlstates():
            cursor.executemany(_for_h2(self.mode, statement), [[_for_java(value) for value in row] for row in parameters])

    def has_table(self, connection: Any, table_name: str, schema: Any = None, **options: Any) -> bool:
        return bool(self.get_columns(connection, table_name))

    def get_table_names(self, connection: Any, schema: Any = None, **options: Any) -> list[str]:
        found = connection.exec_driver_sql("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'PUBLIC'")
        return [self.normalize_name(row[0]) for row in found]

    def get_view_names(self, connection: Any, schema: Any = None, **options: Any) -> list[str]:
        return []

    def get_columns(self, connection: Any, table_name: str, schema: Any = None, **options: Any) -> list[Any]:
        asked = (
            "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, IS_NULLABLE, COLUMN_DEFAULT"
            " FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = ? ORDER BY ORDINAL_POSITION"
        )
        rows = connection.exec_driver_sql(asked, (self._stored(table_name),))
        return [
            {"name": self.normalize_name(name), "type": _type(self.mode, *rest), "nullable": nullable == "YES", "default": default}
            for name, *rest, nullable, default in rows
        ]

    def get_pk_constraint(self, connection: Any, table_name: str, schema: Any = None, **options: Any) -> Any:
        asked = (
            "SELECT u.COLUMN_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS c JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE u"
            " ON u.CONSTRAINT_NAME = c.CONSTRAINT_NAME WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' AND c.TABLE_NAME = ? ORDER BY u.ORDINAL_POSITION"
        )
        rows = connection.exec_driver_sql(asked, (self._stored(table_name),))
        return {"constrained_columns": [self.normalize_name(row[0]) for row in rows], "name": None}

    def get_unique_constraints(self, connection: Any, table_name: str, schema: Any = None, **options: Any) -> list[Any]:
        return []

    get_check_constraints = get_foreign_keys = get_indexes = get_unique_constraints

    def _stored(self, name: str) -> str:
        return str(self.denormalize_name(name)) if self.requires_name_normalize else name.upper()

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name) if self.requires_name_normalize else name.lower()


class MsSqlOnH2(H2, MSDialect):
    supports_statement_cache = True
    mode = "mssql"


class OracleOnH2(H2, OracleDialect):
    supports_statement_cache = True
    mode = "oracle"


@contextmanager
def _sqlstates() -> Iterator[None]:
    """As other drivers have them; H2's stand in the text: "… [23505-232]"."""
    try:
        yield
    except (jaydebeapi.DatabaseError, jpype.JException) as error:
        wrapped = jaydebeapi.DatabaseError(str(error))
        found = re.search(r"\[(\w{5})-\d+\]", str(error))
        wrapped.sqlstate = found.group(1) if found else ""
        raise wrapped from None


def _for_h2(mode: str, statement: str) -> str:
    if mode == "oracle":
        # It can't tell a parameter's type by where it goes.
        statement = re.sub(r"\? AS (c\d+)", r"CAST(? AS VARCHAR) AS \1", statement)
    for unknown, known in (
        (" WITH (HOLDLOCK)", ""),
        (" ON ROLLBACK RETAIN CURSORS", ""),
        ("RELEASE TO SAVEPOINT", "RELEASE SAVEPOINT"),
        ("SET CONSTRAINTS ALL IMMEDIATE", "SELECT 1"),
    ):
        statement = statement.replace(unknown, known)
    return statement


def _for_java(value: Any) -> Any:
    if isinstance(value, Decimal | dt.date | dt.time | dt.datetime):
        return str(value)
    return jpype.JArray(jpype.JByte)(value) if isinstance(value, bytes) else value


def _type(mode: str, name: str, length: Any, precision: Any, scale: Any) -> Any:
    if name.startswith("CHARACTER LARGE"):
        return sa.Text()
    if name.startswith("CHARACTER"):
        return sa.Unicode(int(length)) if mode == "mssql" else sa.String(int(length))
    if name in ("NUMERIC", "DECIMAL"):
        return oracle.NUMBER(int(precision), int(scale)) if mode == "oracle" else sa.Numeric(int(precision), int(scale))
    known = {"INTEGER": sa.Integer, "DATE": sa.Date, "TIMESTAMP": sa.DateTime, "BINARY VARYING": sa.LargeBinary, "BOOLEAN": sa.Boolean}
    return known[name]()


def main(jar: str, mode: str) -> None:
    global JAR
    JAR = jar
    sa.dialects.registry.register("mssql_h2", __name__, "MsSqlOnH2")
    sa.dialects.registry.register("oracle_h2", __name__, "OracleOnH2")
    if mode == "db2":
        from ibm_db_sa.base import DB2Dialect

        class Db2OnH2(H2, DB2Dialect):
            supports_statement_cache = True
            mode = "db2"

        globals()["Db2OnH2"] = Db2OnH2
        sa.dialects.registry.register("db2_h2", __name__, "Db2OnH2")
    sql_connect._SETTINGS.pop("oracle")  # H2 has no ALTER SESSION
    jpype.startJVM("-Xrs", classpath=[jar], convertStrings=True)
    found = {}
    for check in CHECKS:
        try:
            check(mode)
            found[check.__name__] = ""
        except Exception:  # noqa: BLE001 - told to the test
            found[check.__name__] = traceback.format_exc()
    print(json.dumps(found))


if __name__ == "__main__":
    # As a module by its name, where SQLAlchemy looks for the dialects.
    from tests.sinks import h2

    h2.main(*sys.argv[1:])
