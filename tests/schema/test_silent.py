"""The table changes under a running engine so that the database would round, or make rows twice, and say nothing: the engine sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from tests.schema.tables import Table
from writebehind import Engine, Pipeline
from writebehind.log import Log
from writebehind.testing import MariaDBServer, PostgresServer, RedisServer, wait_until

ROUNDS = {
    "postgres": ("NUMERIC(10,2)", "ALTER TABLE {t} ALTER c TYPE INTEGER USING 0"),
    "mariadb": ("DOUBLE PRECISION", "ALTER TABLE {t} MODIFY c INTEGER"),
    "text": ("VARCHAR(20)", "ALTER TABLE {t} DROP c, ADD c INTEGER"),
}


@pytest.fixture
def tables(postgres_server: PostgresServer, mariadb_server: MariaDBServer, tmp_path: Path, unique: str) -> Iterator[dict[str, Table]]:
    kinds = {"postgres": "postgres", "mariadb": "mariadb", "text": "mariadb", "key": "mariadb"}
    servers = {"postgres": postgres_server, "mariadb": mariadb_server}
    with ExitStack() as made:
        yield {name: made.enter_context(Table(kind, servers[kind], tmp_path, f"{unique}{name}")) for name, kind in kinds.items()}


def test_the_catalog_is_read_again(tables: dict[str, Table], redis_server: RedisServer, redis_client: redis.Redis) -> None:
    for name, (type_, _) in ROUNDS.items():
        tables[name].run(f"ALTER TABLE {{t}} ADD c {type_}")
    pipelines = [
        Pipeline(name=name, prefix=name, mapping={"c": "a" if name == "key" else "c"}, connector=table.connector(), retry_interval_s=0.2)
        for name, table in tables.items()
    ]
    with Engine(redis_server.url, pipelines, log=Log("error")) as engine:
        for name in tables:
            redis_client.hset(f"{name}:0", "c", "1")
        assert engine.drain()
        for name, (_, change) in ROUNDS.items():
            tables[name].run(change)
        tables["key"].run("ALTER TABLE {t} DROP PRIMARY KEY")
        written = 0

        def seen() -> bool:
            nonlocal written
            written += 1
            for name in tables:
                redis_client.hset(f"{name}:{written}", "c", "1.5" if name in ROUNDS else "1")
            refused = all(redis_client.exists(f"writebehind:{{{name}}}:rejected") for name in ROUNDS)
            return refused and "the key (id)" in engine.status()["key"]["message"]

        wait_until(seen, 30, "the new catalog")
        rejected = {name: fields for name in ROUNDS for _, fields in redis_client.xrange(f"writebehind:{{{name}}}:rejected", count=1)}
        assert {fields["reason"] for fields in rejected.values()} == {"not an integer"}
        tables["key"].run("ALTER TABLE {t} ADD PRIMARY KEY (id)")
        assert engine.drain()
        assert len(tables["key"].rows()) == written + 1
