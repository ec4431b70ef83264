"""When a stream starts a new identity, and what a flush does."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.capture.support import (
    REGISTRY,
    assert_equal_everywhere,
    changes,
    entries,
    hset,
    identity,
    listed,
    raw_entries,
    register,
    saved,
    stream_of,
)
from writebehind.testing import RedisServer, wait_until


@pytest.mark.parametrize(
    "command",
    [
        ["DEL", stream_of()],
        ["UNLINK", stream_of()],
        ["RENAME", stream_of(), "elsewhere"],
        ["MOVE", stream_of(), "7"],
        ["SET", stream_of(), "text"],
        ["PEXPIREAT", stream_of(), "1"],
        ["FLUSHALL"],
        ["FLUSHDB", "SYNC"],
    ],
    ids=lambda command: command[0],
)
def test_loss_of_the_stream_starts_anew(client: redis.Redis, server: RedisServer, replica: RedisServer, command: list[str]) -> None:
    client.hset("person:1", "a", "1")
    before = identity(client)
    client.execute_command(*command)
    client.hset("person:2", "a", "2")
    assert identity(client) != before
    assert saved(client) == [identity(client)]
    assert [(e.key, e.identity) for e in entries(client)] == [(b"person:2", identity(client))]
    assert_equal_everywhere(server, replica)


def test_a_repaired_last_id_adds_an_identity(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    before = identity(client)
    client.execute_command("XSETID", stream_of(), "99999999999999-5")
    assert saved(client) == [before, identity(client)]
    client.hset("person:1", "a", "2")
    (old, _), (new, _) = raw_entries(client)
    assert new == b"99999999999999-6"
    assert client.execute_command("WB.READ", "p", f"{before}:{old.decode()}", 9, 9999)[0] == new


def test_what_readers_do_keeps_it(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    before = identity(client)
    stream = stream_of()
    client.xgroup_create(stream, "g")
    client.xdel(stream, raw_entries(client)[0][0])
    client.xtrim(stream, maxlen=0)
    client.xadd(stream, {"x": "y"})
    client.expire(stream, 1000)
    client.persist(stream)
    client.hset("person:1", "a", "2")
    assert identity(client) == before


def test_a_flush_counts_what_waited(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    other = connect(server, db=4)
    register(other, "q")
    for i in range(5):
        client.hset(f"person:{i}", "a", "1")
    other.hset("person:1", "a", "1")
    client.flushdb()
    assert (listed(client)["flushed"], listed(other, "q")["flushed"]) == (5, 0)
    client.flushall()
    assert (listed(client)["flushed"], listed(other, "q")["flushed"]) == (5, 1)
    assert "discards 5 changes that pipeline 'p'" in server.log
    assert client.info("writebehind")["writebehind_flushed_total"] == 6


@pytest.mark.parametrize("flush", ["FLUSHALL", "FLUSHDB"])
def test_a_flush_inside_a_transaction(client: redis.Redis, server: RedisServer, replica: RedisServer, flush: str) -> None:
    client.hset("person:1", "a", "1")
    before = identity(client)
    with client.pipeline() as transaction:
        transaction.execute_command("HSET", "person:2", "a", "1")
        transaction.execute_command(flush)
        transaction.execute_command("HSET", "person:3", "a", "1", "#", "=u")
        transaction.execute_command("HSET", "person:4", "a", "1")
        transaction.exists(REGISTRY)
        assert transaction.execute()[-1] == 1
    assert [(e.op, e.key, e.identity) for e in entries(client)] == [
        ("c", b"person:3", identity(client)),
        ("c", b"person:4", identity(client)),
    ]
    assert identity(client) != before
    saved(client)
    assert listed(client)["flushed"] == 2
    assert_equal_everywhere(server, replica)


@pytest.mark.parametrize("command", [["FLUSHALL"], ["DEL", REGISTRY], ["DEL", stream_of(), REGISTRY]], ids=" ".join)
def test_a_crash_right_behind_loses_no_registration(client: redis.Redis, server: RedisServer, connect: Any, command: list[str]) -> None:
    """On 7.0, which can't do it with the command, a millisecond has to pass."""
    client.hset("person:1", "a", "1")
    client.execute_command(*command)
    if client.info("server")["redis_version"].startswith("7.0"):
        wait_until(lambda: client.exists(REGISTRY) == 1, 5)
    expected = identity(client)
    server.kill()
    server.start()
    again = connect(server)
    again.hset("person:2", "a", "1")
    assert [e.key for e in entries(again)][-1:] == [b"person:2"]
    if command[0] != "FLUSHALL" and stream_of() not in command:
        assert identity(again) == expected


@pytest.mark.parametrize("victims", [["person:1", stream_of(), "person:2"], [stream_of(), REGISTRY, "person:1", "person:2"]])
def test_deleting_the_stream_and_captured_keys_at_once(
    client: redis.Redis, server: RedisServer, replica: RedisServer, victims: list[str]
) -> None:
    client.hset("person:1", "a", "1")
    client.hset("person:2", "a", "1")
    client.delete(*victims)
    saved(client)
    after_stream = victims[victims.index(stream_of()) + 1 :]
    assert changes(client) == [("d", key) for key in after_stream if key.startswith("person:")]
    assert_equal_everywhere(server, replica)


def test_ids_only_grow_within_an_identity(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    client.xtrim(stream_of(), maxlen=0)
    client.execute_command("XSETID", stream_of(), "99999999999999-0")
    hset(client, "person:1", "=", a="1")
    client.hset("person:1", "a", "2")
    assert [entry_id for entry_id, _ in raw_entries(client)] == [b"99999999999999-1", b"99999999999999-2"]


def test_an_evicted_stream_or_registry_comes_back(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    client.config_set("maxmemory-policy", "allkeys-random")
    before = identity(client)
    for i in range(200):
        client.hset(f"person:{i}", "a", "x" * 1000)
    client.config_set("maxmemory", 1)  # evicts all there is
    wait_until(lambda: client.dbsize() == 0 or not client.exists(stream_of()), 10, "eviction")
    client.config_set("maxmemory", 0)
    wait_until(lambda: client.exists(REGISTRY) == 1, 5)
    assert identity(client) != before
    client.hset("person:x", "a", "1")
    assert [e.key for e in entries(client)][-1] == b"person:x"
    assert all(e.op != "d" for e in entries(client))
    saved(client)
    assert_equal_everywhere(server, replica)


def test_a_stream_deleted_and_drained_at_once(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    client.hset("person:1", "a", "1")
    with client.pipeline() as transaction:
        transaction.delete(stream_of())
        transaction.hset("person:2", "a", "1")
        transaction.xtrim(stream_of(), maxlen=0)
        transaction.execute()
    saved(client)
    assert_equal_everywhere(server, replica)
    client.hset("person:3", "a", "1")
    assert [(e.key, e.identity) for e in entries(client)] == [(b"person:3", identity(client))]
    assert_equal_everywhere(server, replica)


def test_a_stream_keeps_no_time_to_live(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    client.hset("person:1", "a", "1")
    before = identity(client)
    client.expire(stream_of(), 1000)
    client.hset("person:2", "a", "1")
    assert client.pttl(stream_of()) == -1
    assert [(e.key, e.identity) for e in entries(client)] == [(b"person:1", before), (b"person:2", before)]
    assert_equal_everywhere(server, replica)


def test_a_change_in_the_moment_its_stream_expires(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    client.hset("person:1", "a", "1")
    seconds, micros = client.time()
    end = seconds * 1000 + micros // 1000 + 5
    client.pexpireat(stream_of(), end)

    def over() -> bool:
        seconds, micros = client.time()
        return seconds * 1000 + micros // 1000 > end

    wait_until(over, 5, "the stream's end")
    client.hset("person:2", "a", "1")
    assert client.pttl(stream_of()) == -1
    assert [(e.key, e.identity) for e in entries(client)][-1] == (b"person:2", identity(client))
    saved(client)
    assert_equal_everywhere(server, replica)
