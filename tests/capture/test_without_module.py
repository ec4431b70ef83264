"""What writebehind keeps in Redis are plain keys: servers without the module load them, follow them, and lose none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.capture.support import REGISTRY, changes, dataset, entries, hset, identity, register, registration, wait_for_replica
from writebehind.testing import RedisServer, wait_until

Start = Callable[..., RedisServer]


@pytest.fixture
def filled(client: redis.Redis) -> redis.Redis:
    """Of every kind of key that there is, some; the answers to come as well as those given."""
    register(client, "q", "*:1", fields=None)
    for i in range(20):
        client.hset(f"person:{i}", mapping={"a": i, "b": "x"})
    hset(client, "person:1", "=u1", a="1")
    hset(client, "person:2", "+u2", a="1")
    hset(client, "person:3", "~u3")
    client.execute_command("WB.REJECT", "p", identity(client), "1-1", "id", "1-1", "reason", "no")
    client.execute_command("WB.SETTLE", "p", identity(client), "0-0", 1, "0/writer", "1-1")
    return client


def _link(follower: RedisServer, connect: Any) -> redis.Redis:
    told: redis.Redis = connect(follower)
    wait_until(lambda: told.info("replication")["master_link_status"] == "up", 20, "the replica's link")
    return told


def _has_module(client: redis.Redis) -> bool:
    return "writebehind" in str(client.execute_command("MODULE", "LIST"))  # some servers have modules of their own


def _rewrite(client: redis.Redis) -> None:
    client.bgrewriteaof()
    wait_until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, 20, "the rewrite")
    assert client.info("persistence")["aof_last_bgrewrite_status"] == "ok"


@pytest.mark.parametrize("diskless", ["disabled", "swapdb", "on-empty-db"])
def test_a_replica_follows(filled: redis.Redis, server: RedisServer, start: Start, connect: Any, diskless: str) -> None:
    follower = start("--replicaof", f"127.0.0.1 {server.port}", "--repl-diskless-load", diskless, module=None)
    told = _link(follower, connect)
    assert _has_module(filled) and not _has_module(told)
    wait_for_replica(filled, told)
    assert dataset(follower) == dataset(server)
    hset(filled, "person:1", "=u4", a="5")  # and what comes after the first copy
    filled.flushall()
    hset(filled, "person:1", "+u5", a="5")
    filled.rename("person:1", "person:2")
    wait_until(lambda: filled.exists(REGISTRY) == 1, 5, "the registry")
    wait_for_replica(filled, told)
    assert dataset(follower) == dataset(server)


def test_a_replica_without_it_takes_over_and_gets_it_later(filled: redis.Redis, server: RedisServer, start: Start, connect: Any) -> None:
    follower = start("--replicaof", f"127.0.0.1 {server.port}", module=None)
    told = _link(follower, connect)
    wait_for_replica(filled, told)
    before = identity(filled)
    server.kill()
    told.execute_command("REPLICAOF", "NO", "ONE")
    told.hset("person:x", "a", "1")  # nobody captures
    told.execute_command("MODULE", "LOAD", str(server.module))
    told.hset("person:y", "a", "1")
    assert (entries(told)[-1].key, entries(told)[-1].identity) == (b"person:y", identity(told))
    assert b"person:x" not in [entry.key for entry in entries(told)]
    assert before in registration(told)["identities"]


def test_a_master_without_it_has_a_replica_with_it(server: RedisServer, start: Start, connect: Any) -> None:
    """The replica's module reads the registrations that come, captures nothing, and does after its promotion."""
    plain = start(module=None)
    client = connect(server)
    register(client)
    stored = client.hgetall(REGISTRY)
    master = connect(plain)
    master.hset(REGISTRY, mapping=stored)
    client.execute_command("REPLICAOF", "127.0.0.1", plain.port)
    told = _link(server, connect)
    master.hset("person:1", "a", "1")
    master.execute_command("HSET", "person:1", "#", "-")
    wait_for_replica(master, told)
    assert dataset(server) == dataset(plain)
    assert told.hgetall("person:1") == {b"a": b"1", b"#": b"-"}
    told.execute_command("REPLICAOF", "NO", "ONE")
    told.hset("person:2", "a", "1")
    assert changes(told) == [("c", "person:2", [b"1", None])]


@pytest.mark.parametrize("how", ["AOF", "AOF with preamble", "AOF without preamble", "RDB"])
def test_files_load(filled: redis.Redis, server: RedisServer, connect: Any, how: str) -> None:
    """Without the module and, after that, with it again: nothing is lost on the way, and capture goes on in the same identity."""
    before, expected = identity(filled), dataset(server)
    if how == "RDB":
        filled.save()
        server.arguments += ["--appendonly", "no"]
    elif how != "AOF":
        filled.config_set("aof-use-rdb-preamble", "no" if how.endswith("without preamble") else "yes")
        _rewrite(filled)
    server.kill()
    module, server.module = server.module, None
    server.start()
    assert not _has_module(connect(server))
    assert dataset(server) == expected
    server.kill()
    server.module = module
    server.start()
    assert dataset(server) == expected
    again = connect(server)
    again.hset("person:x", "a", "1")
    assert (entries(again)[-1].key, entries(again)[-1].identity) == (b"person:x", before)
    assert entries(again, "q")[0].key == b"person:1"


@pytest.mark.parametrize("preamble", ["yes", "no"])
@pytest.mark.parametrize("right_after", ["", "FLUSHALL", f"DEL {REGISTRY}"])
def test_a_rewrite_keeps_the_registrations(filled: redis.Redis, server: RedisServer, connect: Any, preamble: str, right_after: str) -> None:
    """Also where it forks before the registry key, which was just deleted, is written again."""
    filled.config_set("aof-use-rdb-preamble", preamble)
    with filled.pipeline(transaction=False) as together:
        if right_after:
            together.execute_command(*right_after.split())
        together.execute_command("BGREWRITEAOF")
        together.execute()
    wait_until(lambda: filled.info("persistence")["aof_rewrite_in_progress"] == 0, 20, "the rewrite")
    assert filled.info("persistence")["aof_last_bgrewrite_status"] == "ok"
    wait_until(lambda: filled.exists(REGISTRY) == 1, 5, "the registry")
    expected, before = dataset(server), identity(filled)
    server.kill()
    server.start()
    again = connect(server)
    if right_after == "FLUSHALL":  # a stream that is not there when the server starts begins anew
        assert set(dataset(server)) == set(expected) == {(0, REGISTRY.encode())}
    else:
        assert dataset(server) == expected
        assert identity(again) == before
    again.hset("person:1", "a", "9")
    assert [entries(again, pipeline)[-1].key for pipeline in "pq"] == [b"person:1", b"person:1"]
