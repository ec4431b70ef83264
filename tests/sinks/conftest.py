"""Databases behind SQLAlchemy and pipelines that write to them; MongoDB."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.sinks import sql_databases
from tests.sinks.cassandra_host import keyspace, run, table  # noqa: F401 - fixtures of Cassandra's tests
from tests.sinks.sql_databases import KINDS, Database
from writebehind import Engine, Pipeline
from writebehind.log import Log
from writebehind.testing import RedisServer

Start = Callable[..., Engine]


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Iterator[Database]:
    """A database of each kind; its tables are gone afterwards."""
    servers = {} if request.param == "sqlite" else {request.param: request.getfixturevalue(f"{request.param}_server")}
    made = sql_databases.database(request.param, servers, tmp_path, unique)
    yield made
    made.close()


@pytest.fixture
def run_sql(redis_server: RedisServer, redis_client: redis.Redis, target: Database) -> Iterator[Start]:
    """`run_sql(mapping)` starts a pipeline `sql` of the keys `p:*` that ends with the test."""
    engines: list[Engine] = []

    def start(mapping: dict[str, str], *, once: bool = False, **options: Any) -> Engine:
        values = {"name": "sql", "prefix": "p", "connector": target.connector(once=once), "retry_interval_s": 0.05, **options}
        engines.append(Engine(redis_server.url, [Pipeline(mapping=mapping, **values)], log=Log("error")))
        return engines[-1].start()

    yield start
    for engine in engines:
        engine.stop()


@pytest.fixture
def database(mongo_url: str) -> Iterator[Any]:
    """An empty database of MongoDB, with the collection `people` and its index."""
    import pymongo

    client: Any = pymongo.MongoClient(mongo_url)
    made = client[f"wb_{uuid.uuid4().hex[:10]}"]
    made.people.create_index("id", unique=True)
    yield made
    client.drop_database(made.name)
    client.close()
