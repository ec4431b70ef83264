"""Connections and connectors that this version knows by name only: calling one raises NotBuiltError, so that recipes import."""

from __future__ import annotations

from typing import Any, NoReturn

from writebehind.errors import NotBuiltError

_SERVED = "it writes to PostgreSQL, MySQL, MariaDB and SQLite"


def _refuse(thing: object) -> NoReturn:
    raise NotBuiltError(f"{type(thing).__name__} is not served by this version; {_SERVED}")


class OracleSqlConnection:
    """Oracle."""

    def __init__(self, user: Any, passwd: Any, db: Any) -> None:
        _refuse(self)


class DB2Connection:
    """IBM DB2."""

    def __init__(self, user: Any, passwd: Any, db: Any) -> None:
        _refuse(self)


class MsSqlConnection:
    """Microsoft SQL Server."""

    def __init__(self, user: Any, passwd: Any, db: Any, server: Any, port: Any, driver: Any) -> None:
        _refuse(self)


class SnowflakeSqlConnection:
    """Snowflake."""

    def __init__(self, user: Any, passwd: Any, db: Any, account: Any) -> None:
        _refuse(self)


class CqlConnection:
    """Cassandra."""

    def __init__(self, user: Any, password: Any, db: Any, keyspace: Any) -> None:
        _refuse(self)


class MongoConnection:
    """MongoDB."""

    def __init__(self, user: Any, password: Any, db: Any, authSource: Any = "admin", conn_string: Any = None) -> None:
        _refuse(self)


class _PlannedSqlConnector:
    def __init__(self, connection: Any, tableName: Any, pk: Any, exactlyOnceTableName: Any = None) -> None:
        _refuse(self)


class OracleSqlConnector(_PlannedSqlConnector):
    """A table of Oracle."""


class MsSqlConnector(_PlannedSqlConnector):
    """A table of Microsoft SQL Server."""


class SnowflakeSqlConnector(_PlannedSqlConnector):
    """A table of Snowflake."""


class DB2Connector(_PlannedSqlConnector):
    """A table of IBM DB2."""


class CqlConnector(_PlannedSqlConnector):
    """A table of Cassandra."""


class MongoConnector:
    """A collection of MongoDB."""

    def __init__(self, connection: Any, db: Any, tableName: Any, pk: Any, exactlyOnceTableName: Any = None) -> None:
        _refuse(self)
