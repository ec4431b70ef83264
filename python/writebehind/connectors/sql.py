"""Connections and connectors of databases that are reached through SQLAlchemy; nothing of it is imported before a connect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, unquote_plus

from writebehind.connectors.connection import BaseSqlConnection, DatabaseAddress, Setting, ask, parse_database
from writebehind.connectors.connector import BaseSqlConnector
from writebehind.errors import ConfigError
from writebehind.sinks import sink_options

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


class AlchemyConnection(BaseSqlConnection):
    """Base of these connections: makes the URL anew before each connect, so that callables are asked each time."""

    extra: ClassVar[str] = "sqlalchemy"
    """The pip extra of this package that brings the driver."""

    def url(self) -> URL:
        """Where to connect and as whom; it shows no password when it is printed.

        Raises:
            ConfigError: an argument can't be read, or SQLAlchemy is not installed.
        """
        raise NotImplementedError

    def connect_args(self) -> dict[str, Any]:
        """What the driver's connect() is given besides."""
        return {}

    def sink_options(self) -> dict[str, Any]:
        raise ConfigError(f"{type(self).__name__} is no connection of a native sink")


class OracleSqlConnection(AlchemyConnection):
    """Oracle, by python-oracledb.

    Args:
        user, passwd: who logs in.
        db: ``host[:port]/SID``, or ``host[:port]/?service_name=NAME``; further options of the driver may follow with `&`.
    """

    kind = "oracle"
    extra = "oracle"

    def url(self) -> URL:
        place, query = _taken_apart(self.db, "service_name" in self.db)
        return _url("oracle+oracledb", self.user, self.passwd, place, query)


class DB2Connection(AlchemyConnection):
    """IBM DB2, by ibm_db_sa.

    Args:
        user, passwd: who logs in; the driver can't take a `;` in either.
        db: ``host[:port]/name``; options of the driver may follow behind a `?`.
    """

    kind = "db2"
    extra = "db2"

    def url(self) -> URL:
        place, query = _taken_apart(self.db)
        user, password = self.user, self.passwd
        if ";" in user + password:
            raise ConfigError("DB2's driver can't take a ';' in a user's name or password")
        return _url("db2+ibm_db", user, password, place, query)


class MsSqlConnection(AlchemyConnection):
    """Microsoft SQL Server, by pyodbc.

    Args:
        user, passwd: who logs in.
        db: the database's name; options of the ODBC driver may follow behind a `?` (``?Encrypt=yes&TrustServerCertificate=yes``).
        server, port: where it listens.
        driver: of ODBC, for example "ODBC Driver 18 for SQL Server"; `+` for a space is understood.
    """

    kind = "mssql"
    extra = "mssql"

    def __init__(self, user: Setting, passwd: Setting, db: Setting, server: Setting, port: Any, driver: Setting) -> None:
        super().__init__(user, passwd, db)
        self._server, self._port, self._odbc = server, port, driver

    def url(self) -> URL:
        name, query = _options(self.db)
        port = str(ask(self._port))
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(f"port of {type(self).__name__} is {port!r}, not a port's number")
        place = DatabaseAddress(str(ask(self._server)), int(port), name)
        return _url("mssql+pyodbc", self.user, self.passwd, place, {"driver": unquote_plus(str(ask(self._odbc))), **query})


class SnowflakeSqlConnection(AlchemyConnection):
    """Snowflake, by snowflake-sqlalchemy.

    Args:
        user, passwd: who logs in.
        db: ``database[/schema]``; options may follow behind a `?` (``?warehouse=w&role=r``).
        account: the account's name, with its region where it needs one.
    """

    kind = "snowflake"
    extra = "snowflake"

    def __init__(self, user: Setting, passwd: Setting, db: Setting, account: Setting) -> None:
        super().__init__(user, passwd, db)
        self._account = account

    def url(self) -> URL:
        name, query = _options(self.db)
        return _url("snowflake", self.user, self.passwd, DatabaseAddress(str(ask(self._account)), 0, name), query)


class SQLAlchemyConnection(AlchemyConnection):
    """Any database that SQLAlchemy has a dialect for.

    Args:
        url: SQLAlchemy's, as text or `sqlalchemy.engine.URL`, or a callable that returns one. In a text, the password must be escaped as
            in every URL; `URL.create` takes it as it is.
        connect_args: given to the driver's connect(), over our own timeouts; or a callable that returns them.
    """

    kind = "sqlalchemy"

    def __init__(
        self,
        url: str | URL | Callable[[], str | URL],
        connect_args: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__("", "", "")
        self._url = url
        self._connect_args = connect_args

    def url(self) -> URL:
        given = ask(self._url)
        with needs_alchemy():
            from sqlalchemy.engine import make_url
            from sqlalchemy.exc import ArgumentError
        try:
            return make_url(given)
        except (ArgumentError, ValueError):
            # Its own message shows the text, and so the password.
            raise ConfigError("url is no URL of SQLAlchemy", "for example 'mysql+pymysql://user:password@localhost:3306/test'") from None

    def connect_args(self) -> dict[str, Any]:
        return dict(ask(self._connect_args) or {})

    def __repr__(self) -> str:
        return f"SQLAlchemyConnection({'<callable>' if callable(self._url) else _without_secrets(str(self._url))!r})"


class AlchemyConnector(BaseSqlConnector):
    """Base of their connectors: each writer gets a sink that is written in Python."""

    connection: AlchemyConnection

    def sink_options(self) -> dict[str, Any]:
        return sink_options(partial(_make_sink, self.connection, self.exactlyOnceTableName), self.exactlyOnceTableName)

    def credentials(self) -> None:
        # The sink asks the connection before each connect.
        return None

    def schema_sql(self, keys: list[str], columns: list[str]) -> list[str]:
        """CREATE TABLE statements of this dialect, for `writebehind schema`; no database is asked.

        Args:
            keys: columns of the primary key.
            columns: the others.
        """
        with needs_alchemy():
            from writebehind.sinks.sql_schema import create_tables
        return create_tables(self.connection, (self.schema, self.table), keys, columns, self.exactlyOnceTableName)


class OracleSqlConnector(AlchemyConnector):
    """A table of Oracle."""

    serves = "oracle"


class MsSqlConnector(AlchemyConnector):
    """A table of Microsoft SQL Server."""

    serves = "mssql"


class SnowflakeSqlConnector(AlchemyConnector):
    """A table of Snowflake."""

    serves = "snowflake"


class DB2Connector(AlchemyConnector):
    """A table of IBM DB2."""

    serves = "db2"


class SQLAlchemyConnector(AlchemyConnector):
    """A table of any database that SQLAlchemy has a dialect for."""

    serves = "sqlalchemy"


@contextmanager
def needs_alchemy(extra: str = "sqlalchemy") -> Iterator[None]:
    """Turns a failing import of SQLAlchemy into a ConfigError that names the pip extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise ConfigError("SQLAlchemy is not installed", f"pip install 'writebehind[{extra}]'") from None


def _make_sink(connection: AlchemyConnection, exactly_once_table: str | None) -> Any:
    with needs_alchemy(connection.extra):
        from writebehind.sinks.sql import SqlSink
    return SqlSink(connection, exactly_once_table)


def _url(driver: str, user: str, password: str, place: DatabaseAddress, query: Mapping[str, str]) -> URL:
    with needs_alchemy():
        from sqlalchemy.engine import URL
    return URL.create(driver, user, password, place.host, place.port or None, place.database or None, query)


def _options(text: str) -> tuple[str, dict[str, str]]:
    place, _, query = text.partition("?")
    return place, dict(parse_qsl(query, keep_blank_values=True))


def _taken_apart(db: str, may_lack_name: bool = False) -> tuple[DatabaseAddress, dict[str, str]]:
    place, query = _options(db)
    if may_lack_name and place.rstrip("/").count("/") == 0:
        address = parse_database(place.rstrip("/") + "/-")
        return DatabaseAddress(address.host, address.port, ""), query
    return parse_database(place), query


def _without_secrets(url: str) -> str:
    # A URL object hides its password by itself; in a text anything may stand before the last @ and behind the ?.
    scheme, found, rest = url.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2].partition('?')[0]}"
