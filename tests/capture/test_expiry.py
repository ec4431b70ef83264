"""Expired and evicted keys: an evicted key keeps its row, an expired one unless its pipeline says otherwise."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import redis

from tests.capture.support import assert_equal_everywhere, changes, drain, register, stream_of
from writebehind.testing import RedisServer, wait_until


def expire(client: redis.Redis, key: str) -> None:
    client.pexpire(key, 1)
    wait_until(lambda: client.dbsize() >= 0 and not client.exists(key), 10, "expiry")


def test_kept_by_default(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    drain(client)
    expire(client, "person:1")
    assert changes(client) == []


def test_deleted_by_choice(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    register(client, expired="delete", events=["hset"])
    client.hset("person:1", "a", "1")
    drain(client)
    expire(client, "person:1")
    wait_until(lambda: changes(client) == [("d", "person:1")], 5, "the delete")
    assert_equal_everywhere(server, replica)


PAST = ["EXPIRE person:1 -1", "EXPIRE person:1 0", "PEXPIRE person:1 -5", "EXPIREAT person:1 1", "PEXPIREAT person:1 1"]


@pytest.mark.parametrize("expired", ["keep", "delete"])
@pytest.mark.parametrize("command", PAST)
def test_expiry_in_the_past(client: redis.Redis, server: RedisServer, replica: RedisServer, command: str, expired: str) -> None:
    """For Redis this is DEL, for Valkey an expiry: so says the event, and the pipeline what becomes of the row."""
    register(client, expired=expired)
    client.hset("person:1", "a", "1")
    drain(client)
    with client.pubsub() as listener:
        client.config_set("notify-keyspace-events", "KA")
        listener.psubscribe("__keyspace@0__:person:1")
        listener.get_message(timeout=5)
        client.execute_command(*command.split())
        event = (listener.get_message(timeout=5) or {})["data"]
    assert event in (b"del", b"expired")
    assert not client.exists("person:1")
    assert changes(client) == ([] if (event, expired) == (b"expired", "keep") else [("d", "person:1")])
    assert_equal_everywhere(server, replica)


def test_a_string_read_away(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    register(client, expired="delete")
    client.set("person:1", "text")
    drain(client)
    client.execute_command("GETEX", "person:1", "PXAT", "1")
    assert changes(client) == [("d", "person:1")]
    assert_equal_everywhere(server, replica)


def test_active_expiry_alone(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    register(client, expired="delete")
    client.hset("person:1", "a", "1")
    drain(client)
    client.pexpire("person:1", 1)
    wait_until(lambda: changes(client) == [("d", "person:1")], 10, "the delete")  # nobody touches the key
    assert_equal_everywhere(server, replica)


def test_lazy_expiry_by_a_read(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    register(client, expired="delete")
    client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    client.hset("person:1", "a", "1")
    drain(client)
    client.pexpire("person:1", 1)
    wait_until(lambda: client.hgetall("person:1") == {}, 10)
    assert changes(client) == [("d", "person:1")]
    assert_equal_everywhere(server, replica)


def test_a_write_over_an_expired_key(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    register(client, expired="delete")
    client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    client.hset("person:1", mapping={"a": "1", "b": "1"})
    drain(client)
    client.pexpire("person:1", 1)
    wait_until(lambda: client.execute_command("OBJECT", "HELP") and client.pttl("person:1") < 0, 10)
    client.hset("person:1", "b", "2")
    assert changes(client)[-1] == ("c", "person:1", [None, b"2"])
    assert_equal_everywhere(server, replica)


def test_a_blocked_reader_sees_the_expiry(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    register(client, expired="delete")
    client.hset("person:1", "a", "1")
    last = client.xinfo_stream(stream_of())["last-generated-id"]
    client.pexpire("person:1", 200)
    got: list[Any] = []
    reader = connect(server)
    thread = threading.Thread(target=lambda: got.append(reader.xread({stream_of(): last}, block=20_000)))
    thread.start()
    wait_until(lambda: client.ping() and not thread.is_alive(), 10, "the reader to wake")
    assert got[0]


def test_evicted_keys_keep_their_row(client: redis.Redis) -> None:
    register(client, expired="delete")
    client.config_set("maxmemory-policy", "volatile-random")
    for i in range(50):
        client.hset(f"person:{i}", "a", "x" * 1000)
        client.expire(f"person:{i}", 100_000)
    drain(client)
    client.config_set("maxmemory", 1)
    wait_until(lambda: client.dbsize() == 2, 10, "eviction")  # the stream and the registry have no TTL
    assert changes(client) == []


def test_a_key_that_expires_with_its_fields_keeps_its_row(client: redis.Redis) -> None:
    """Fields that expire are captured a moment later: by then the whole key may have expired, which is no delete."""
    try:
        client.execute_command("HPEXPIRE", "person:0", 1, "FIELDS", 1, "a")
    except redis.ResponseError as error:
        pytest.skip(str(error))
    for i in range(500):
        with client.pipeline() as batch:
            batch.hset(f"person:{i}", mapping={"a": "1", "b": "2"})
            batch.execute_command("HPEXPIRE", f"person:{i}", 5 + i % 7, "FIELDS", 1, "a")
            batch.pexpire(f"person:{i}", 6 + i % 7)
            batch.execute()
    wait_until(lambda: not any(key.startswith(b"person:") for key in client.keys()), 20, "the keys' end")
    assert [change for change in changes(client) if change[0] == "d"] == []
