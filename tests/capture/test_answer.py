"""What an answer is to whoever reads it: an ordinary stream of one entry, and a small one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
import redis

from tests.capture.support import answer, assert_equal_everywhere, hset, identity, raw_entries, register
from writebehind.testing import RedisServer, wait_until


def settle(client: redis.Redis, error: bytes) -> None:
    ((entry_id, _),) = raw_entries(client)
    assert client.execute_command("WB.SETTLE", "p", identity(client), "0-0", 0, entry_id, error) == 1


# The lengths where its encoding changes.
@pytest.mark.parametrize("size", [0, 1, 63, 64, 124, 125, 4095, 4096, 16380, 70_000])
def test_an_error_of_any_length(client: redis.Redis, server: RedisServer, replica: RedisServer, size: int) -> None:
    with suppress(redis.exceptions.ResponseError):  # a server without this option
        client.config_set("sanitize-dump-payload", "yes")  # every byte is checked
    error = bytes(range(256)) * (size // 256) + b"7" * (size % 256)
    hset(client, "person:1", "=u1", a="1")
    settle(client, error)
    expected = {b"status": b"failed", b"error": error} if error else {b"status": b"done"}
    assert answer(client, "person:1", "u1") == expected
    assert_equal_everywhere(server, replica)


def test_it_is_an_ordinary_stream(client: redis.Redis) -> None:
    before = int(client.time()[0])
    hset(client, "person:1", "=u1", a="1")
    settle(client, b"")
    key = "{person:1}u1"
    information = client.xinfo_stream(key)
    assert information["length"] == information.get("entries-added", 1) == 1
    ((entry_id, _),) = client.xrange(key)
    assert before <= int(entry_id.split(b"-")[0]) / 1000 <= int(client.time()[0]) + 1
    assert information["last-generated-id"] == entry_id
    later = client.xadd(key, {"more": "1"})
    assert [found for found, _ in client.xrange(key)] == [entry_id, later]
    assert client.xread({key: "0-0"})[0][1][0] == (entry_id, {b"status": b"done"})
    assert client.xdel(key, entry_id) == 1


def test_it_wakes_who_waits_for_it(client: redis.Redis, connect: Callable[..., redis.Redis], server: RedisServer) -> None:
    found: list[object] = []
    waiter = connect(server)
    thread = threading.Thread(target=lambda: found.append(waiter.xread({"{person:1}u1": "0-0"}, block=10_000)))
    thread.start()
    wait_until(lambda: client.info("clients")["blocked_clients"] == 1, 10, "the waiter")
    hset(client, "person:1", "=u1", a="1")
    settle(client, b"")
    thread.join(5)
    assert [fields for _, fields in found[0][0][1]] == [{b"status": b"done"}]  # type: ignore[index]


def test_it_is_small(client: redis.Redis) -> None:
    """Thousands a second, an hour each: XADD alone would take 4 KB for each."""
    hset(client, "person:1", "+u1", a="1")
    assert client.memory_usage("{person:1}u1") < 1000


def test_it_is_given_by_a_server_whose_memory_is_full(client: redis.Redis) -> None:
    hset(client, "person:1", "=u1", a="1")
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    settle(client, b"")
    assert answer(client, "person:1", "u1") == {b"status": b"done"}


def test_it_is_given_without_restore(start: Callable[..., RedisServer], connect: Callable[..., redis.Redis]) -> None:
    """A command that some take away from their servers."""
    client = connect(start("--rename-command", "RESTORE", ""))
    register(client)
    hset(client, "person:1", "=u1", a="1")
    settle(client, b"no")
    assert answer(client, "person:1", "u1") == {b"status": b"failed", b"error": b"no"}
    assert 3590 <= client.ttl("{person:1}u1") <= 3600
    register(client, "q", "*")
    hset(client, "person:2", "+u2", a="1")
    assert answer(client, "person:2", "u2") == {b"status": b"done"}
    assert raw_entries(client, "q") == []
