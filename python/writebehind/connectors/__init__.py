"""Connections (where a database is) and connectors (which table of it)."""

from writebehind.connectors.cassandra import CqlConnection, CqlConnector
from writebehind.connectors.connection import (
    BaseSqlConnection,
    MySqlConnection,
    PostgresConnection,
    SQLiteConnection,
)
from writebehind.connectors.connector import (
    BaseSqlConnector,
    MySqlConnector,
    PostgresConnector,
    SQLiteConnector,
)
from writebehind.connectors.mongo import MongoConnection, MongoConnector
from writebehind.connectors.redis_target import (
    RedisClusterConnection,
    RedisConnection,
    RedisConnector,
    SimpleHashConnector,
)
from writebehind.connectors.sql import (
    DB2Connection,
    DB2Connector,
    MsSqlConnection,
    MsSqlConnector,
    OracleSqlConnection,
    OracleSqlConnector,
    SnowflakeSqlConnection,
    SnowflakeSqlConnector,
    SQLAlchemyConnection,
    SQLAlchemyConnector,
)

__all__ = [
    "BaseSqlConnection",
    "BaseSqlConnector",
    "CqlConnection",
    "CqlConnector",
    "DB2Connection",
    "DB2Connector",
    "MongoConnection",
    "MongoConnector",
    "MsSqlConnection",
    "MsSqlConnector",
    "MySqlConnection",
    "MySqlConnector",
    "OracleSqlConnection",
    "OracleSqlConnector",
    "PostgresConnection",
    "PostgresConnector",
    "RedisClusterConnection",
    "RedisConnection",
    "RedisConnector",
    "SQLAlchemyConnection",
    "SQLAlchemyConnector",
    "SQLiteConnection",
    "SQLiteConnector",
    "SimpleHashConnector",
    "SnowflakeSqlConnection",
    "SnowflakeSqlConnector",
]
