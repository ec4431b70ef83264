"""A Redis at its maxmemory, which refuses the writes of clients: engine and operator go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import Cli
from tests.python.running import rows
from writebehind import Engine, Pipeline
from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.log import Log
from writebehind.testing import RedisServer, wait_until

ENGINE = "writebehind:{p}:engine"


@pytest.fixture
def server(module: Path) -> Iterator[RedisServer]:
    with RedisServer(module=module) as made:
        yield made


def test_a_full_redis_is_operated_and_drained(server: RedisServer, file: Path) -> None:
    cli = Cli(server.url)
    pipeline = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=SQLiteConnector(SQLiteConnection(str(file)), "t", "id"))

    def seen() -> int:
        return int(client.hget(ENGINE, "seen_ms") or 0)

    with redis.Redis(port=server.port, decode_responses=True) as client:
        with Engine(server.url, [pipeline], log=Log("error")) as engine:
            for key in ("k:there", "k:gone"):
                client.hset(key, "a", "no number")
            assert engine.drain()
            assert cli("pause", "p").returncode == 0
            client.hset("k:1", "a", "1")
            client.execute_command("HSET", "k:gone", "#", "-")
            client.config_set("maxmemory", 1)
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                client.hset("k:2", "a", "2")
            full_ms = time.time() * 1000
            wait_until(lambda: seen() > full_ms, 20, "a sign of the engine")
            resumed = cli("resume", "p")
            assert (resumed.returncode, resumed.stderr) == (0, "p: resumed; 1 changes wait\n")
            assert engine.drain()
            assert rows(file) == [("1", 1)]
            paused = cli("pause", "p")
            assert (paused.returncode, client.hget(ENGINE, "state")) == (0, "paused"), paused.stderr
            assert cli("resume", "p").returncode == 0
            status = cli("status")
            assert "running" in status.stdout and "no engine" not in status.stderr
            assert "p: 2 rejected" in cli("rejected", "list", "p").stderr
            for options in ((), ("--force",)):
                retried = cli("rejected", "retry", "p", *options)
                assert retried.returncode == 1
                assert f"Redis at redis://127.0.0.1:{server.port}/0 is full" in retried.stderr and "maxmemory" in retried.stderr
            assert "p: 2 rejected" in cli("rejected", "list", "p").stderr
            assert "p: 2 dropped" in cli("rejected", "drop", "p", "--all").stderr
        # An engine that is started anew finds its registration there, and writes what waits.
        client.config_set("maxmemory", 0)
        client.hset("k:3", "a", "3")
        client.config_set("maxmemory", 1)
        with Engine(server.url, [pipeline], log=Log("error")) as engine:
            assert engine.drain()
    assert rows(file) == [("1", 1), ("3", 3)]
