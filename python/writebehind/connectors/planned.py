"""Connections and connectors that this version knows by name only: calling one raises NotBuiltError, so that recipes import."""

from __future__ import annotations

from typing import Any, NoReturn

from writebehind.errors import NotBuiltError

_SERVED = "it writes to SQL databases and Redis"


def _refuse(thing: object) -> NoReturn:
    raise NotBuiltError(f"{type(thing).__name__} is not served by this version; {_SERVED}")


class CqlConnection:
    """Cassandra."""

    def __init__(self, user: Any, password: Any, db: Any, keyspace: Any) -> None:
        _refuse(self)


class MongoConnection:
    """MongoDB."""

    def __init__(self, user: Any, password: Any, db: Any, authSource: Any = "admin", conn_string: Any = None) -> None:
        _refuse(self)


class CqlConnector:
    """A table of Cassandra."""

    def __init__(self, connection: Any, tableName: Any, pk: Any, exactlyOnceTableName: Any = None) -> None:
        _refuse(self)


class MongoConnector:
    """A collection of MongoDB."""

    def __init__(self, connection: Any, db: Any, tableName: Any, pk: Any, exactlyOnceTableName: Any = None) -> None:
        _refuse(self)
