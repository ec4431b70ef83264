"""Connects through SQLAlchemy: timeouts, settings of a session, and errors that only a person can mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import NullPool

from writebehind.errors import ConfigError, TargetUnavailable
from writebehind.sinks.sql_errors import Fault, judge_connect, message

if TYPE_CHECKING:
    from writebehind.connectors.sql import AlchemyConnection

CONNECT_S = 5
STATEMENT_S = 60

# By driver: what its connect() is given so that no call waits for ever.
_TIMEOUTS: dict[str, dict[str, Any]] = {
    "psycopg2": {"connect_timeout": CONNECT_S, "tcp_user_timeout": STATEMENT_S * 1000},
    "psycopg": {"connect_timeout": CONNECT_S, "tcp_user_timeout": STATEMENT_S * 1000},
    "pg8000": {"timeout": STATEMENT_S},
    "pymysql": {"connect_timeout": CONNECT_S, "read_timeout": STATEMENT_S, "write_timeout": STATEMENT_S},
    "mysqldb": {"connect_timeout": CONNECT_S, "read_timeout": STATEMENT_S, "write_timeout": STATEMENT_S},
    "mysqlconnector": {"connection_timeout": CONNECT_S},
    "pyodbc": {"timeout": CONNECT_S},
    "oracledb": {"tcp_connect_timeout": CONNECT_S},
    "snowflake": {"login_timeout": 3 * CONNECT_S, "network_timeout": STATEMENT_S},
    "pysqlite": {"timeout": CONNECT_S},
}

# By dialect. A time without a zone is UTC's in a column that has one; what can't be stored as it is must be an error.
_MYSQL = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
_SETTINGS: dict[str, tuple[str, ...]] = {
    "postgresql": (
        f"SET statement_timeout = {STATEMENT_S * 1000}",
        "SET TIME ZONE 'UTC'",
        "SET default_transaction_isolation = 'read committed'",
    ),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "oracle": ("ALTER SESSION SET TIME_ZONE = '+00:00'",),
    "snowflake": ("ALTER SESSION SET TIMEZONE = 'UTC'",),
    "sqlite": ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL"),
}

_EXTRAS = {"oracle": "oracle", "mssql": "mssql", "snowflake": "snowflake", "db2": "db2", "ibm_db_sa": "db2"}


def connect(given: AlchemyConnection) -> Connection:
    """One connection, of an engine of its own, so that fresh credentials count.

    Raises:
        ConfigError: the driver is not installed, or the login or the database's name is wrong.
        TargetUnavailable: not reachable now.
    """
    url = given.url()
    engine = _engine(url, given)
    try:
        return engine.connect()
    except exc.DBAPIError as error:
        raise _refused(engine.dialect.name, url, error) from None
    except (exc.SQLAlchemyError, TypeError, ValueError) as error:
        # What connect() does not take: an option that it does not know, a URL that lacks something.
        raise ConfigError(f"can't connect by {url.drivername}: {_without(url, message(error))}") from None
    except OSError as error:
        raise TargetUnavailable(_without(url, message(error))) from None


def _engine(url: URL, given: AlchemyConnection) -> Engine:
    try:
        arguments = {**_TIMEOUTS.get(getattr(url.get_dialect(), "driver", ""), {}), **given.connect_args()}
        # A few statements are all that is ever run; those over many rows are large.
        engine = sa.create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True, query_cache_size=50)
    except (exc.NoSuchModuleError, ImportError) as error:
        extra = _EXTRAS.get(url.get_backend_name(), given.extra)
        raise ConfigError(
            f"the driver of {url.drivername} can't be loaded: {message(error)}", f"pip install 'writebehind[{extra}]', or the driver itself"
        ) from None
    except exc.ArgumentError as error:
        raise ConfigError(f"{url.drivername}: {_without(url, message(error))}") from None
    _prepare(engine)
    return engine


def _prepare(engine: Engine) -> None:
    settings = _SETTINGS.get(engine.dialect.name, ())
    is_sqlite = engine.dialect.driver == "pysqlite"

    # Before SQLAlchemy asks the session how it quotes names: MySQL's sql_mode may come with ANSI_QUOTES.
    @event.listens_for(engine, "connect", insert=True)
    def set_up(link: Any, record: Any) -> None:
        del record
        if is_sqlite:
            link.isolation_level = None  # the driver's own BEGIN comes late, and would not guard what is read before
        if engine.dialect.driver == "pyodbc":
            link.timeout = STATEMENT_S
        if engine.dialect.driver == "oracledb":
            link.call_timeout = STATEMENT_S * 1000
        if settings:
            cursor = link.cursor()
            for statement in settings:
                cursor.execute(statement)
            cursor.close()
            link.commit()

    if is_sqlite:

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _refused(dialect: str, url: URL, error: exc.DBAPIError) -> Exception:
    text = _without(url, message(error.orig or error))
    if judge_connect(dialect, error) is Fault.SETUP:
        return ConfigError(f"can't sign in to {_place(url)}: {text}")
    return TargetUnavailable(f"can't connect to {_place(url)}: {text}")


def _place(url: URL) -> str:
    host = f"{url.host}:{url.port}" if url.port else url.host or ""
    return f"{url.get_backend_name()} {host}/{url.database or ''}".rstrip("/")


def _without(url: URL, text: str) -> str:
    """Some drivers repeat what they were given."""
    password = str(url.password or "")
    return text.replace(password, "***") if password else text


_DURABILITY = {
    "postgresql": ("SHOW synchronous_commit", {"on", "remote_write", "remote_apply", "local"}, "synchronous_commit"),
    "mysql": ("SELECT @@innodb_flush_log_at_trx_commit", {"1"}, "innodb_flush_log_at_trx_commit"),
    "mariadb": ("SELECT @@innodb_flush_log_at_trx_commit", {"1"}, "innodb_flush_log_at_trx_commit"),
}


def durability_warnings(connection: Connection) -> list[str]:
    """Would a committed row be lost with the server's power?"""
    if connection.dialect.name not in _DURABILITY:
        return []
    question, safe, setting = _DURABILITY[connection.dialect.name]
    value = str(connection.exec_driver_sql(question).scalar())
    return [] if value in safe else [f"{setting} is {value}: the last commits may be lost if the database's machine fails"]
