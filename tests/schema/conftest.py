"""Tables whose schema the tests change under a running engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.schema.running import Running
from tests.schema.tables import Table
from writebehind.testing import RedisServer


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def table(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Iterator[Table]:
    """A table in each kind of database."""
    server = None if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_server")
    with Table(request.param, server, tmp_path, unique) as made:
        yield made


@pytest.fixture
def run(table: Table, redis_server: RedisServer, redis_client: redis.Redis) -> Iterator[Running]:
    """A pipeline `p` of the keys `p:*` that writes exactly once; row 1 is written."""
    with Running(table, redis_server, redis_client) as made:
        made.hset(1, a=1, b="one")
        made.drain()
        yield made
