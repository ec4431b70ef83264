"""Connections and connectors: what they read, and what they show."""

from __future__ import annotations

import inspect
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from writebehind import connectors
from writebehind.connectors import (
    BaseSqlConnection,
    BaseSqlConnector,
    CqlConnection,
    CqlConnector,
    MySqlConnection,
    MySqlConnector,
    PostgresConnection,
    PostgresConnector,
    SQLiteConnection,
    SQLiteConnector,
)
from writebehind.connectors.connection import DatabaseAddress, parse_database
from writebehind.connectors.connector import split_table
from writebehind.errors import ConfigError, NotBuiltError

# Every name of rgsync.Connectors, with the parameters that recipes give it; and SQLAlchemy's.
SIGNATURES = {
    "BaseSqlConnection": "user passwd db",
    "BaseSqlConnector": "connection tableName pk exactlyOnceTableName=None",
    "CqlConnection": "user password db keyspace port=9042 consistency='LOCAL_QUORUM' local_dc=None"
    " ssl_required=None ssl_ca=None ssl_cert=None ssl_key=None ssl_verify=None",
    "CqlConnector": "connection tableName pk exactlyOnceTableName=None",
    "DB2Connection": "user passwd db",
    "DB2Connector": "connection tableName pk exactlyOnceTableName=None",
    "MongoConnection": "user password db authSource='admin' conn_string=None"
    " tls=None tlsCAFile=None tlsCertificateKeyFile=None tlsAllowInvalidHostnames=None",
    "MongoConnector": "connection db tableName pk exactlyOnceTableName=None",
    "MsSqlConnection": "user passwd db server port driver",
    "MsSqlConnector": "connection tableName pk exactlyOnceTableName=None",
    "MySqlConnection": "user passwd db ssl_required=None ssl_ca=None ssl_cert=None ssl_key=None ssl_verify=None",
    "MySqlConnector": "connection tableName pk exactlyOnceTableName=None",
    "OracleSqlConnection": "user passwd db",
    "OracleSqlConnector": "connection tableName pk exactlyOnceTableName=None",
    "PostgresConnection": "user passwd db sslmode=None sslrootcert=None sslcert=None sslkey=None",
    "PostgresConnector": "connection tableName pk exactlyOnceTableName=None",
    "RedisClusterConnection": "host=None port=None cluster_nodes=None password=None",
    "RedisConnection": "host port password=None username=None ssl=None ssl_cert_reqs=None ssl_ca_certs=None ssl_certfile=None"
    " ssl_keyfile=None ssl_check_hostname=None",
    "RedisConnector": "connection newPrefix exactlyOnceTableName=None",
    "SQLAlchemyConnection": "url connect_args=None",
    "SQLAlchemyConnector": "connection tableName pk exactlyOnceTableName=None",
    "SQLiteConnection": "filePath",
    "SQLiteConnector": "connection tableName pk exactlyOnceTableName=None",
    "SimpleHashConnector": "newPefix",
    "SnowflakeSqlConnection": "user passwd db account",
    "SnowflakeSqlConnector": "connection tableName pk exactlyOnceTableName=None",
}


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_parameters_are_those_of_recipes(name: str) -> None:
    parameters = inspect.signature(getattr(connectors, name)).parameters.values()
    assert [
        parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}" for parameter in parameters
    ] == SIGNATURES[name].split()


def test_all_names_are_there() -> None:
    assert set(connectors.__all__) == set(SIGNATURES)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:3306/test", DatabaseAddress("localhost", 3306, "test")),
        ("db.example.com/test", DatabaseAddress("db.example.com", 0, "test")),
        ("[::1]:5432/test", DatabaseAddress("::1", 5432, "test")),
        ("[::1]/test", DatabaseAddress("::1", 0, "test")),
        ("10.0.0.1:1/a/b", DatabaseAddress("10.0.0.1", 1, "a/b")),
        ("h:1/test?charset=utf8mb4", DatabaseAddress("h", 1, "test")),
    ],
)
def test_databases_are_read(text: str, address: DatabaseAddress) -> None:
    assert parse_database(text) == address


@pytest.mark.parametrize("text", ["", "test", "/test", "h:1/", "h:x/test", "h:99999/test", "h:1"])
def test_what_is_no_database_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="host:port/database"):
        parse_database(text)


def test_database_options_are_not_ignored_silently() -> None:
    with pytest.raises(NotBuiltError, match="ssl_ca"):
        PostgresConnection("u", "p", "h:1/test?ssl_ca=f").sink_options()
    with pytest.raises(NotBuiltError, match="sslmode"):
        parse_database("h:1/test?sslmode=require")


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ({}, None),
        ({"sslrootcert": "/ca"}, {"sslmode": "verify-full", "sslrootcert": "/ca"}),
        ({"sslcert": "/c", "sslkey": "/k"}, {"sslmode": "require", "sslcert": "/c", "sslkey": "/k"}),
        ({"sslmode": "verify-ca", "sslrootcert": Path("/ca")}, {"sslmode": "verify-ca", "sslrootcert": "/ca"}),
    ],
)
def test_tls_to_postgres(given: dict[str, Any], driver: dict[str, str] | None) -> None:
    assert PostgresConnection("u", "p", "h:1/d", **given).sink_options().get("driver") == driver
    query = "&".join(f"{name}={value}" for name, value in given.items())
    assert PostgresConnection("u", "p", f"h:1/d?{query}").sink_options().get("driver") == driver


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ({}, None),
        ({"ssl_required": False}, None),
        ({"ssl_required": True}, {"sslEnforce": "true", "sslVerify": "false"}),
        ({"ssl_verify": True}, {"sslEnforce": "true", "sslVerify": "true"}),
        ({"ssl_ca": "/ca"}, {"sslEnforce": "true", "sslVerify": "true", "sslCA": "/ca"}),
        ({"ssl_ca": "/ca", "ssl_verify": False}, {"sslEnforce": "true", "sslVerify": "false", "sslCA": "/ca"}),
        ({"ssl_cert": "/c", "ssl_key": "/k"}, {"sslEnforce": "true", "sslVerify": "false", "sslCert": "/c", "sslKey": "/k"}),
    ],
)
def test_tls_to_mysql(given: dict[str, Any], driver: dict[str, str] | None) -> None:
    assert MySqlConnection("u", "p", "h:1/d", **given).sink_options().get("driver") == driver
    query = "&".join(f"{name}={value}" for name, value in given.items())
    assert MySqlConnection("u", "p", f"h:1/d?{query}").sink_options().get("driver") == driver


@pytest.mark.parametrize(
    ("make", "given", "text"),
    [
        (PostgresConnection, {"sslmode": "on"}, "sslmode is 'on'"),
        (MySqlConnection, {"ssl_required": False, "ssl_ca": "/ca"}, "ssl_required is false, but ssl_ca is given"),
        (MySqlConnection, {"ssl_verify": "perhaps"}, "ssl_verify is 'perhaps'"),
        (MySqlConnection, {"ssl_cert": "/c"}, "given together"),
    ],
)
def test_tls_options_that_make_no_sense(make: Any, given: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        make("u", "p", "h:1/d", **given)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("persons", ("", "persons")),
        ("public.persons", ("public", "persons")),
        ('"a.b"', ("", "a.b")),
        ('"a.b".`c`', ("a.b", "c")),
        ("s.`a.b`", ("s", "a.b")),
    ],
)
def test_tables_are_read(name: str, parts: tuple[str, str]) -> None:
    assert split_table(name) == parts


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a.b.c", '"a', '"a"b', '""', None])
def test_what_is_no_table_is_refused(name: Any) -> None:
    with pytest.raises(ConfigError, match="table's name"):
        split_table(name)


def test_a_connection_asks_its_callables_at_each_access() -> None:
    passwords = iter(["first", "second"])
    connection = PostgresConnection(lambda: "me", lambda: next(passwords), "h:1/d")
    assert connection.is_dynamic
    assert connection.sink_options()["password"] == "first"
    assert connection.sink_options()["password"] == "second"
    credentials = PostgresConnector(PostgresConnection("u", lambda: "p", "h:1/d"), "t", "id").credentials()
    assert credentials is not None
    assert credentials() == {"kind": "postgres", "host": "h", "port": 1, "user": "u", "password": "p", "database": "d"}
    assert PostgresConnector(PostgresConnection("u", "p", "h:1/d"), "t", "id").credentials() is None


def test_a_connector_has_the_surface_of_rgsync() -> None:
    connection = MySqlConnection("u", "p", "h:1/d")
    connector = MySqlConnector(connection, "persons", "person_id", exactlyOnceTableName="once")
    assert (connector.TableName(), connector.PrimaryKey()) == ("persons", "person_id")
    assert (connector.tableName, connector.pk, connector.exactlyOnceTableName) == ("persons", "person_id", "once")
    assert connector.connection is connection
    assert (connection.user, connection.passwd, connection.db) == ("u", "p", "h:1/d")
    connector.PrepereQueries({"a": "b"})
    with pytest.raises(NotBuiltError):
        connector.WriteData([])
    assert connector.sink_options() == {
        "kind": "mysql",
        "host": "h",
        "port": 1,
        "user": "u",
        "password": "p",
        "database": "d",
        "exactly_once_table": "once",
    }


def test_sqlite_needs_a_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SQLiteConnection("a.db").sink_options()["database"] == str(tmp_path / "a.db")
    assert SQLiteConnection(tmp_path / "b.db").filePath == str(tmp_path / "b.db")
    for path in ("", ":memory:"):
        with pytest.raises(ConfigError, match="not a file"):
            SQLiteConnection(path).sink_options()


def test_a_connector_wants_a_connection_of_its_kind() -> None:
    with pytest.raises(ConfigError, match="SQLiteConnector needs a connection of its kind, not MySqlConnection"):
        SQLiteConnector(MySqlConnection("u", "p", "h:1/d"), "t", "id")
    with pytest.raises(ConfigError, match="not a column's name"):
        SQLiteConnector(SQLiteConnection("f"), "t", "")
    with pytest.raises(NotBuiltError):
        BaseSqlConnector(BaseSqlConnection("u", "p", "h:1/d"), "t", "id")


def test_no_text_shows_the_password() -> None:
    connection = MySqlConnection("user", "hidden", "user:hidden@h:1/d")
    connector = MySqlConnector(connection, "t", "id")
    assert "hidden" not in f"{connection!r} {connection} {connector!r}"
    with pytest.raises(ConfigError) as raised:
        PostgresConnection("user", "hidden", "user:hidden@nowhere").sink_options()
    assert "hidden" not in str(raised.value)


def test_cassandra_is_read() -> None:
    connection = CqlConnection("u", lambda: "hidden", "one  two", "ks", port=lambda: "9043", consistency="QUORUM")
    assert (connection.user, connection.password, connection.hosts()) == ("u", "hidden", ["one", "two"])
    assert (connection.keyspace, connection.port, connection.ssl_context()) == ("ks", 9043, None)
    connector = CqlConnector(connection, "Other.persons", "id")
    assert (connector.schema, connector.table) == ("Other", "persons")
    assert "hidden" not in f"{connection!r} {connector!r}"
    table, times = connector.schema_sql(["id"], ["a", 'b"c'])
    assert table == 'CREATE TABLE "Other"."persons" (\n  "id" text PRIMARY KEY,\n  "a" text,\n  "b""c" text\n)'
    assert times.startswith('CREATE TABLE IF NOT EXISTS "Other"."writebehind_times" (origin text, ')


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: CqlConnection("u", "p", "h", "k", consistency="most"), "consistency is 'most'"),
        (lambda: CqlConnection("u", "p", "h", "k", port="x").port, "port of CqlConnection is 'x'"),
        (lambda: CqlConnection("u", "p", "  ", "k").hosts(), "names no host"),
        (lambda: CqlConnection("u", "p", "h", "k", ssl_cert="/c"), "given together"),
        (lambda: CqlConnection("u", "p", "h", "k", ssl_required=False, ssl_ca="/ca"), "ssl_required is false"),
        (lambda: CqlConnection("u", "p", "h", "k", ssl_ca="/no/such/ca").ssl_context(), "/no/such/ca"),
        (lambda: CqlConnector(CqlConnection("u", "p", "h", "k"), "t", "id", "once"), "no transaction over rows"),
        (lambda: CqlConnector(MySqlConnection("u", "p", "h:1/d"), "t", "id"), "needs a connection of its kind"),  # type: ignore[arg-type]
    ],
)
def test_what_cassandra_can_not_have(make: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        make()


@pytest.mark.parametrize(
    ("given", "verified", "name_checked"),
    [({"ssl_required": True}, False, False), ({"ssl_verify": True}, True, True), ({"ssl_verify": False}, False, False)],
)
def test_tls_to_cassandra(given: dict[str, Any], verified: bool, name_checked: bool) -> None:
    context = CqlConnection("u", "p", "h", "k", **given).ssl_context()
    assert context is not None
    assert (context.verify_mode is ssl.CERT_REQUIRED, context.check_hostname) == (verified, name_checked)


def test_a_driver_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cassandra", None)
    with pytest.raises(ConfigError, match="driver of Cassandra can't be loaded") as raised:
        CqlConnector(CqlConnection("u", "p", "h", "k"), "t", "id").sink_options()["factory"]().open()
    assert raised.value.hint == "pip install 'writebehind[cassandra]'"
