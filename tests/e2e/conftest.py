"""A database of each kind, and pipelines of its native sink that run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from tests.sinks.sql_databases import KINDS, Database, database
from writebehind import Engine, Pipeline, _core
from writebehind.connectors import (
    BaseSqlConnector,
    MySqlConnection,
    MySqlConnector,
    PostgresConnection,
    PostgresConnector,
    SQLiteConnection,
    SQLiteConnector,
)
from writebehind.log import Log
from writebehind.testing import RedisServer
from writebehind.verify import Verifier

Start = Callable[..., Engine]


def native(target: Database, table: str = "", pk: str = "id", once: bool = False) -> BaseSqlConnector:
    """The connector of the C++ sink for a table of `target`; its own where none is named."""
    url = sa.make_url(target.url)
    table, seen = table or target.name, target.once if once else None
    if target.kind == "sqlite":
        return SQLiteConnector(SQLiteConnection(str(url.database)), table, pk, seen)
    place = ("wb", "wb", f"127.0.0.1:{url.port}/wb")
    if target.kind == "postgres":
        return PostgresConnector(PostgresConnection(*place), table, pk, seen)
    return MySqlConnector(MySqlConnection(*place), table, pk, seen)


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Iterator[Database]:
    """A database of each kind; its tables are gone afterwards."""
    servers = {} if request.param == "sqlite" else {request.param: request.getfixturevalue(f"{request.param}_server")}
    made = database(request.param, servers, tmp_path, unique)
    yield made
    made.close()


@pytest.fixture
def run_native(redis_server: RedisServer, redis_client: redis.Redis, target: Database) -> Iterator[Start]:
    """`run_native(mapping)` starts a pipeline `native` of the keys `p:*` that ends with the test."""
    engines: list[Engine] = []

    def start(mapping: dict[str, str], *, log: Log | None = None, **options: Any) -> Engine:
        values = {"name": "native", "prefix": "p", "connector": native(target), "retry_interval_s": 0.05, **options}
        engines.append(Engine(redis_server.url, [Pipeline(mapping=mapping, **values)], log=log or Log("error")))
        return engines[-1].start()

    yield start
    for engine in engines:
        engine.stop()


def rejected(client: redis.Redis) -> dict[str, dict[str, str]]:
    """The rejected stream of the pipeline, by key."""
    return {fields["key"]: fields for _, fields in client.xrange("writebehind:{native}:rejected")}


def answer(client: redis.Redis, key: str, token: str) -> dict[str, str]:
    """The one answer to a change."""
    [(_, fields)] = client.xrange(f"{{{key}}}{token}")
    return dict(fields)


def verifier(url: str, engine: Engine, name: str = "native", **options: Any) -> Verifier:
    """Compares Redis and the table of a pipeline of a running engine."""
    pipeline = engine._running[name].pipeline
    table = _core.TableCheck(engine.config(pipeline))
    table.open()
    return Verifier(redis.Redis.from_url(url), pipeline, table, **options)
