"""What the module tells of itself: INFO, COMMAND DOCS, COMMAND GETKEYS; and that it leaks nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.capture.support import drain, hset, identity, raw_entries, register, stream_of
from writebehind.testing import RedisServer

COMMANDS = ["REGISTER", "UNREGISTER", "LIST", "CAPTURE", "READ", "SETTLE", "REJECT", "REQUEUE", "HSET", "HMSET", "UNLESSFULL", "COPY"]


def cli(server: RedisServer, *words: str) -> str:
    done = subprocess.run(["redis-cli", "-p", str(server.port), *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_info(client: redis.Redis) -> None:
    register(client, "q", "car:*")
    client.hset("person:1", "a", "1")
    client.hset("person:1", "a", "1")
    drain(client)
    told = client.info("writebehind")
    assert told["writebehind_pipelines"] == 2
    assert told["writebehind_captured_total"] == 2
    assert told["writebehind_capturing"] == 1
    assert told["writebehind_pipeline_p"] == {"db": 0, "active": 1, "captured": 2, "flushed": 0, "waiting": 0, "max_pending": 0, "refused": 0}
    assert told["writebehind_pipeline_q"]["captured"] == 0
    assert "writebehind_pipelines" in client.info("everything")


@pytest.mark.parametrize("command", COMMANDS)
def test_documentation(client: redis.Redis, server: RedisServer, command: str) -> None:
    told = cli(server, "COMMAND", "DOCS", f"WB.{command}")
    assert "summary" in told
    assert "0.1.0" in told


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["WB.HSET", "k", "a", "1", "#", "="], ["k"]),
        (["WB.HMSET", "k", "a", "1"], ["k"]),
        (["WB.UNLESSFULL", "HINCRBY", "k", "a", "1"], ["k"]),
        (["WB.COPY", "k1", "k2", "DB", "3"], ["k1", "k2"]),
        (["WB.CAPTURE", "k1", "k2"], ["k1", "k2"]),
        (["WB.CAPTURE", "ABSENT", "k1", "k2"], ["k1", "k2"]),
        (["WB.CAPTURE", "absent"], ["absent"]),
    ],
)
def test_keys(client: redis.Redis, server: RedisServer, words: list[str], keys: list[str]) -> None:
    assert cli(server, "COMMAND", "GETKEYS", *words).split() == keys


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_arity(client: redis.Redis, command: str) -> None:
    with pytest.raises(redis.ResponseError, match="wrong number of arguments"):
        client.execute_command(f"WB.{command}", *(["x"] if command == "LIST" else []))


def test_captures_are_not_counted_as_misses(client: redis.Redis) -> None:
    before = client.info("stats")["keyspace_misses"]
    client.hset("person:1", "a", "1")
    client.rename("person:1", "person:2")
    client.delete("person:2")
    client.delete("person:2")
    assert client.info("stats")["keyspace_misses"] == before


def used(client: redis.Redis, server: RedisServer) -> tuple[int, int]:
    status = Path(f"/proc/{server.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
    return int(client.info("memory")["used_memory"]), resident


def test_nothing_leaks(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    client.config_set("appendonly", "no")
    register(client, "all", "person:*", fields=None)

    def round_of_all() -> None:
        with client.pipeline(transaction=False) as pipe:
            for i in range(2000):
                key = f"person:{i % 50}"
                pipe.hset(key, mapping={"a": "x" * 100, "c": "y" * 100})
                pipe.execute_command("HSET", key, "a", "1", "#", "=u")
                pipe.execute_command("HSET", key, "#", "x")
                pipe.execute_command("HSET", key, "a", "2", "#", "-u")
                pipe.execute_command("WB.CAPTURE", "ABSENT", key)
            pipe.execute(raise_on_error=False)
        client.execute_command("WB.READ", "p", "0-0", 100_000, 100_000_000)
        for name in ("p", "all"):
            last = raw_entries(client, name)[-1][0].decode().split("-")
            client.execute_command("WB.SETTLE", name, identity(client, name), f"{last[0]}-{int(last[1]) + 1}", 0)
        client.info("writebehind")
        client.flushall()

    round_of_all()
    round_of_all()
    before, resident = used(client, server)
    for _ in range(5):
        round_of_all()
    used_after, resident_after = used(client, server)
    assert used_after - before < 3_000_000
    assert resident_after - resident < 20_000_000
    hset(client, "person:1", "=", a="1")
    assert client.xlen(stream_of()) == 1
