"""Databases with tables for recipes in the style of rgsync."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.holes.running import Run
from tests.schema.tables import Database
from writebehind.testing import RedisServer


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Iterator[Database]:
    """One of each kind; tables made as `{t}` are gone afterwards."""
    server: Any = None if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_server")
    with Database(request.param, server, tmp_path, unique) as made:
        yield made


@pytest.fixture
def run(redis_server: RedisServer, redis_client: redis.Redis, database: Database) -> Run:
    return Run(redis_server, redis_client, database)
