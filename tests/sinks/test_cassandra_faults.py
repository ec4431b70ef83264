"""Cassandra that goes away, hangs, is killed or altered, and an engine that is killed: nothing is lost.

WB_CASSANDRA_RESTART is a shell command that kills the server and starts it again.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.proxy import Loss, Proxy
from tests.sinks.cassandra_host import NEEDED, PEOPLE, Keyspace, rows
from tests.sinks.kills import kill_at_work
from writebehind.testing import RedisServer, wait_until

pytest.importorskip("cassandra.cluster")
pytestmark = NEEDED

RECIPE = """
from writebehind import RGWriteBehind
from writebehind.connectors import CqlConnection, CqlConnector
connector = CqlConnector(CqlConnection({user!r}, {password!r}, {host!r}, {keyspace!r}, port={port}), {table!r}, "id")
RGWriteBehind(GB, "p", {{"n": "n"}}, connector, "sql", batch=50, max_batch=50)
"""


def test_a_table_and_columns_that_go_away_are_waited_for(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    engine = run()
    redis_client.hset("p:1", "n", 1)
    assert engine.drain()

    def told(text: str) -> None:
        wait_until(lambda: text in engine.status()["sql"]["message"], 60, text)

    keyspace.run(f"ALTER TABLE {table} DROP n")
    redis_client.hset("p:1", "n", 2)
    told("column")
    keyspace.run(f"ALTER TABLE {table} ADD n int")
    assert engine.drain(60)
    assert rows(keyspace, table)["1"] == (None, 2)
    keyspace.run(f"DROP TABLE {table}")
    redis_client.hset("p:1", "n", 3)
    told("table")
    keyspace.run(f"CREATE TABLE {table} ({PEOPLE})")
    assert engine.drain(60)
    assert rows(keyspace, table) == {"1": (None, 3)}
    assert engine.status()["sql"]["rejected"] == 0


def test_an_answer_that_is_lost_and_a_cluster_that_is_away(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    with Proxy(keyspace.place.port or 9042) as proxy:
        engine = run(keyspace.connection(proxy.port))
        redis_client.hset("p:1", mapping={"n": "1", "name": "mark0"})
        assert engine.drain()
        proxy.lose(b"mark1", Loss.ANSWER, hold=True)
        redis_client.hset("p:1", mapping={"n": "2", "name": "mark1"})
        redis_client.hset("p:2", "n", "2")
        wait_until(lambda: engine.status()["sql"]["state"] == "retrying", 60)
        assert "127.0.0.1" in engine.status()["sql"]["message"]
        proxy.release()
        assert engine.drain(60)
    assert rows(keyspace, table) == {"1": ("mark1", 2), "2": (None, 2)}


def test_a_cluster_that_hangs_keeps_no_engine_from_ending(run: Any, keyspace: Keyspace, redis_client: redis.Redis) -> None:
    with Proxy(keyspace.place.port or 9042) as proxy:
        engine = run(keyspace.connection(proxy.port))
        proxy.lose(b"mark1", Loss.SILENCE)
        redis_client.hset("p:1", "name", "mark1")
        assert proxy.lost.wait(20)
        assert engine.stop(4), "its statement was cancelled"


def recipe_of(keyspace: Keyspace, table: str, directory: Path) -> Path:
    place = keyspace.place
    recipe = directory / "recipe.py"
    values = {"user": place.username or "", "password": place.password or "", "host": place.hostname, "port": place.port or 9042}
    recipe.write_text(RECIPE.format(**values, keyspace=keyspace.name, table=table))
    return recipe


def test_no_change_is_lost_over_kills(
    run: Any, keyspace: Keyspace, table: str, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    run(mapping={"n": "n"}).stop()  # registers
    total = f"SELECT sum(n) FROM {table}"
    last = kill_at_work(redis_server.url, redis_client, recipe_of(keyspace, table, tmp_path), lambda: keyspace.run(total)[0][0])
    assert run(mapping={"n": "n"}).drain()
    assert rows(keyspace, table, "id, n") == {str(key): (n,) for key, n in last.items()}


@pytest.mark.slow
@pytest.mark.skipif("WB_CASSANDRA_RESTART" not in os.environ, reason="set WB_CASSANDRA_RESTART to a command that kills Cassandra and starts it")
def test_no_change_is_lost_over_a_restart(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    engine = run(mapping={"n": "n"})
    restart = subprocess.Popen(os.environ["WB_CASSANDRA_RESTART"], shell=True)
    last: dict[str, int] = {}
    rounds = 0
    while restart.poll() is None or rounds < 10:
        rounds += 1
        with redis_client.pipeline() as together:
            for key in range(100):
                together.hset(f"p:{key}", "n", rounds)
                last[str(key)] = rounds
            together.execute()
        wait_until(lambda: redis_client.xlen("writebehind:{sql}:stream") < 5000 or restart.poll() is not None, 180)
    assert restart.returncode == 0
    assert engine.drain(120)
    assert engine.status()["sql"]["retries"] > 0
    wait_until(lambda: rows(keyspace, table, "id, n") == {key: (n,) for key, n in last.items()}, 60, "the tests' own session")
