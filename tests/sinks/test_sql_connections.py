"""Connections through SQLAlchemy: what they make of their arguments, and what is said where something is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Cli
from writebehind.connectors import (
    DB2Connection,
    DB2Connector,
    MsSqlConnection,
    MsSqlConnector,
    OracleSqlConnection,
    OracleSqlConnector,
    PostgresConnection,
    SnowflakeSqlConnection,
    SnowflakeSqlConnector,
    SQLAlchemyConnection,
    SQLAlchemyConnector,
)
from writebehind.errors import ConfigError, TargetUnavailable
from writebehind.sinks import sql_connect
from writebehind.sinks.sql import SqlSink
from writebehind.testing import free_port

SECRET = "p@ss/1:?#%&+ x"
ODBC = "ODBC Driver 18 for SQL Server"


@pytest.mark.parametrize(
    ("connection", "parts"),
    [
        (OracleSqlConnection("u", SECRET, "h:1521/ORCL"), ("oracle+oracledb", "h", 1521, "ORCL", {})),
        (OracleSqlConnection("u", SECRET, "h/?service_name=PDB1"), ("oracle+oracledb", "h", None, None, {"service_name": "PDB1"})),
        (DB2Connection("u", SECRET, "h:50000/sample"), ("db2+ibm_db", "h", 50000, "sample", {})),
        (MsSqlConnection("u", SECRET, "shop", "h", "1433", ODBC), ("mssql+pyodbc", "h", 1433, "shop", {"driver": ODBC})),
        (MsSqlConnection("u", SECRET, "shop", "h", 1433, ODBC.replace(" ", "+")), ("mssql+pyodbc", "h", 1433, "shop", {"driver": ODBC})),
        (
            MsSqlConnection("u", SECRET, "shop?Encrypt=no", "h", 1433, ODBC),
            ("mssql+pyodbc", "h", 1433, "shop", {"driver": ODBC, "Encrypt": "no"}),
        ),
        (SnowflakeSqlConnection("u", SECRET, "d/s?warehouse=w", "acc.eu"), ("snowflake", "acc.eu", None, "d/s", {"warehouse": "w"})),
    ],
)
def test_urls(connection: Any, parts: tuple[Any, ...]) -> None:
    url = connection.url()
    assert (url.drivername, url.host, url.port, url.database, dict(url.query)) == parts
    assert (url.username, url.password) == ("u", SECRET)
    again = sa.make_url(url.render_as_string(hide_password=False))
    assert again == url
    assert SECRET not in f"{connection!r} {connection} {url} {url!r}"


def test_any_argument_may_be_a_callable() -> None:
    passwords = iter(["first", "second"])
    connection = MsSqlConnection(lambda: "u", lambda: next(passwords), lambda: "d", lambda: "h", lambda: 1433, lambda: ODBC)
    assert [connection.url().password for _ in range(2)] == ["first", "second"]
    url = connection = SQLAlchemyConnection(lambda: "sqlite:///a.db", lambda: {"timeout": 1})
    assert (str(url.url()), url.connect_args()) == ("sqlite:///a.db", {"timeout": 1})


@pytest.mark.parametrize(
    ("connection", "wrong"),
    [
        (OracleSqlConnection("u", SECRET, "nowhere"), "db is"),
        (DB2Connection("u", "a;b", "h/d"), "';'"),
        (MsSqlConnection("u", SECRET, "d", "h", "port", ODBC), "port"),
        (SQLAlchemyConnection(f"no url {SECRET}"), "no URL"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(connection: Any, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as raised:
        connection.url()
    assert SECRET not in f"{raised.value} {raised.value.hint}"


def test_no_text_of_a_connection_shows_a_secret() -> None:
    for url in ("postgresql://u:hidden@h/d", "postgresql://u:hid@den@h/d", "mssql://h/d?password=hidden", sa.make_url("mysql://u:hidden@h/d")):
        assert "hid" not in repr(SQLAlchemyConnection(url)), url
    assert repr(SQLAlchemyConnection("postgresql://u:hidden@h:1/d")) == "SQLAlchemyConnection('postgresql://h:1/d')"


def test_a_driver_that_repeats_the_password_is_cut_short() -> None:
    url = sa.URL.create("postgresql", "u", SECRET, "h")
    assert sql_connect._without(url, f"no such option in 'password={SECRET} host=h'") == "no such option in 'password=*** host=h'"


def test_a_connector_wants_a_connection_of_its_kind() -> None:
    for connector in (OracleSqlConnector, DB2Connector, MsSqlConnector, SnowflakeSqlConnector, SQLAlchemyConnector):
        with pytest.raises(ConfigError, match="needs a connection of its kind"):
            connector(PostgresConnection("u", "p", "h/d"), "t", "id")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("connection", "extra"),
    [
        (SQLAlchemyConnection("nosuch+driver://h/d"), "sqlalchemy"),
        (SQLAlchemyConnection("postgresql+asyncpg://h/d"), "sqlalchemy"),
        (SQLAlchemyConnection("oracle+cx_oracle://h/d"), "oracle"),
    ],
)
def test_a_driver_that_is_not_installed_is_named(connection: Any, extra: str) -> None:
    with pytest.raises(ConfigError, match="can't be loaded") as raised:
        SqlSink(connection).open()
    assert f"writebehind[{extra}]" in raised.value.hint


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_no_sqlalchemy() -> None:
    assert run_python("import sys, writebehind, writebehind.connectors; print('sqlalchemy' in sys.modules)") == "False"


def test_without_sqlalchemy_the_extra_is_named() -> None:
    code = """
import sys
sys.modules["sqlalchemy"] = None  # its import fails
from writebehind.connectors import MsSqlConnection, MsSqlConnector
from writebehind.errors import ConfigError
connector = MsSqlConnector(MsSqlConnection("u", "p", "d", "h", 1433, "x"), "t", "id")
try:
    connector.sink_options()["factory"]()
except ConfigError as error:
    print(error, error.hint)
"""
    assert run_python(code) == "SQLAlchemy is not installed pip install 'writebehind[mssql]'"


def test_oracles_own_driver_says_that_nobody_answers() -> None:
    pytest.importorskip("oracledb")
    with pytest.raises(TargetUnavailable, match="can't connect to oracle") as raised:
        SqlSink(OracleSqlConnection("u", SECRET, f"127.0.0.1:{free_port()}/x")).open()
    assert SECRET not in str(raised.value)


RECIPE = """
from writebehind import RGWriteBehind
from writebehind.connectors import *
RGWriteBehind(GB, "p", {{"a": "a"}}, {connector}, "p")
"""


def test_schema_prints_the_dialects_own_sql(tmp_path: Path, cli: Cli) -> None:
    recipe = tmp_path / "recipe.py"
    oracle = "OracleSqlConnector(OracleSqlConnection('u', 'p', 'h/d'), 'hr.order', 'id', 'seen')"
    recipe.write_text(RECIPE.format(connector=oracle))
    done = cli("schema", recipe)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert words == (
        'CREATE TABLE hr."order" ( id VARCHAR2(255 CHAR) NOT NULL, a CLOB, PRIMARY KEY (id) );'
        " CREATE TABLE seen ( id VARCHAR2(512 CHAR) NOT NULL, val VARCHAR2(64 CHAR) NOT NULL, PRIMARY KEY (id) );"
    )


def test_schema_and_dry_run_go_together(tmp_path: Path, cli: Cli) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    recipe = tmp_path / "recipe.py"
    recipe.write_text(RECIPE.format(connector=f"SQLAlchemyConnector(SQLAlchemyConnection({url!r}), 'order', 'id', 'seen')"))
    schema = cli("schema", recipe)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in schema.stdout.split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    engine.dispose()
    done = cli("run", recipe, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert [" ".join(line.split()) for line in done.stdout.replace(" \n", " ").splitlines()] == [
        "-- p: p:* -> sqlalchemy order",
        "UPDATE seen SET val=? WHERE seen.id = ? AND seen.val = ?;",
        'DELETE FROM "order" WHERE "order".id IN (?);',
        'INSERT INTO "order" (id, a) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET a = excluded.a;',
    ]
