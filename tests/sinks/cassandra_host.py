"""The cluster of Cassandra that WB_CASSANDRA names (cassandra://user:password@host:port/keyspace), and tables in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
import redis

from writebehind import Engine, Pipeline
from writebehind.connectors import CqlConnection, CqlConnector
from writebehind.log import Log
from writebehind.testing import RedisServer

URL = os.environ.get("WB_CASSANDRA", "")
NEEDED = pytest.mark.skipif(not URL, reason="set WB_CASSANDRA to cassandra://user:password@host:port/keyspace, of a keyspace to make tables in")

PEOPLE = "id text PRIMARY KEY, first text, n int, own text"
MAPPING = {"name": "first", "n": "n"}


class Keyspace:
    """A session of the tests' own, and tables that end with a test."""

    def __init__(self, place: SplitResult) -> None:
        from cassandra.auth import PlainTextAuthProvider
        from cassandra.cluster import Cluster
        from cassandra.query import tuple_factory

        self.place, self.name = place, place.path.strip("/")
        login = PlainTextAuthProvider(place.username, place.password or "") if place.username else None
        self.cluster = Cluster([place.hostname], port=place.port or 9042, auth_provider=login)
        self.session = self.cluster.connect(self.name)
        self.session.row_factory = tuple_factory
        self.session.default_timeout = 60

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return list(self.session.execute(statement, values))

    def connection(self, port: int | None = None, **options: Any) -> CqlConnection:
        place = self.place
        return CqlConnection(place.username or "", lambda: place.password or "", place.hostname or "", self.name, port=port or place.port or 9042, **options)


@pytest.fixture(scope="module")
def keyspace() -> Iterator[Keyspace]:
    made = Keyspace(urlsplit(URL))
    yield made
    made.cluster.shutdown()


@pytest.fixture
def table(keyspace: Keyspace, unique: str) -> Iterator[str]:
    keyspace.run(f"CREATE TABLE {unique} ({PEOPLE})")
    yield unique
    keyspace.run(f"DROP TABLE IF EXISTS {unique}")


@pytest.fixture
def run(redis_server: RedisServer, redis_client: redis.Redis, keyspace: Keyspace, table: str) -> Iterator[Any]:
    """`run(option=…)` starts an engine of the keys `p:*` that ends with the test."""
    with ExitStack() as engines:

        def start(connection: CqlConnection | None = None, log: str = "error", **options: Any) -> Engine:
            target = CqlConnector(connection or keyspace.connection(), table, "id")
            given = {"name": "sql", "prefix": "p", "mapping": MAPPING, "connector": target, "retry_interval_s": 0.05, **options}
            return engines.enter_context(Engine(redis_server.url, [Pipeline(**given)], log=Log(log)))

        yield start


def rows(keyspace: Keyspace, table: str, columns: str = "id, first, n") -> dict[Any, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in keyspace.run(f"SELECT {columns} FROM {table}")}
