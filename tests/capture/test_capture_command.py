"""WB.CAPTURE: keys as they are, whatever they are, and exactly those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.capture.support import assert_equal_everywhere, changes, drain, entries, register
from writebehind.testing import RedisServer, wait_until


@pytest.fixture(autouse=True)
def keys(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"a": "1", "b": "2"})
    client.set("person:2", "text")
    client.hset("car:1", "a", "1")
    drain(client)


PRESENT = ("u", "person:1", [b"1", b"2"])

CALLS: list[tuple[str, int, list[tuple[Any, ...]]]] = [
    ("person:1", 1, [PRESENT]),
    ("person:2", 1, [("d", "person:2")]),
    ("person:3", 0, []),
    ("ABSENT person:3", 1, [("d", "person:3")]),
    ("absent person:1 person:3", 2, [PRESENT, ("d", "person:3")]),
    ("person:1 person:2 person:3 car:1", 2, [PRESENT, ("d", "person:2")]),
    ("person:1 person:1", 2, [PRESENT, PRESENT]),
    ("car:1 ABSENT", 0, []),
    ("ABSENT car:1 car:9", 0, []),
    ("ABSENT", 0, []),
    ("writebehind:registry writebehind:{p}:stream", 0, []),
    ("ABSENT writebehind:nothing", 0, []),
]


@pytest.mark.parametrize(("words", "count", "expected"), CALLS, ids=[call[0] for call in CALLS])
@pytest.mark.parametrize("way", ["alone", "multi", "script"])
def test_calls(
    client: redis.Redis, server: RedisServer, replica: RedisServer, words: str, count: int, expected: list[tuple[Any, ...]], way: str
) -> None:
    command = ["WB.CAPTURE", *words.split()]
    if way == "alone":
        assert client.execute_command(*command) == count
    elif way == "multi":
        with client.pipeline() as transaction:
            assert transaction.execute_command(*command).execute() == [count]
    else:
        assert client.eval("return redis.call(unpack(ARGV))", 0, *command) == count
    assert changes(client) == expected
    if way != "script":  # one comparison of the three is enough for scripts too
        assert_equal_everywhere(server, replica)


def test_within_a_transaction_it_sees_what_is_there_by_then(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    with client.pipeline() as transaction:
        transaction.execute_command("HSET", "person:1", "a", "5", "#", "+")
        transaction.execute_command("WB.CAPTURE", "person:1")
        transaction.execute_command("HSET", "person:1", "#", "-")
        transaction.execute_command("WB.CAPTURE", "person:1")
        transaction.execute_command("WB.CAPTURE", "ABSENT", "person:1")
        assert transaction.execute() == [1, 1, 1, 0, 1]
    assert changes(client) == [("u", "person:1", [b"5", b"2"]), ("d", "person:1")]
    assert_equal_everywhere(server, replica)


def test_every_pipeline_of_a_key_captures_it(client: redis.Redis) -> None:
    register(client, "q", "*:1", events=["del"], fields=["b"])
    assert client.execute_command("WB.CAPTURE", "person:1", "car:1") == 2
    assert changes(client) == [PRESENT]
    assert changes(client, "q") == [("u", "person:1", [b"2"]), ("u", "car:1", [None])]


def test_an_unregistered_pipeline_captures_nothing(client: redis.Redis) -> None:
    client.execute_command("WB.UNREGISTER", "p")
    assert client.execute_command("WB.CAPTURE", "person:1") == 0


@pytest.mark.parametrize("absent", [True, False])
def test_a_key_whose_time_is_over(client: redis.Redis, server: RedisServer, replica: RedisServer, absent: bool) -> None:
    """It expires when it is looked at: it keeps its row, unless the caller says that what is absent has none."""
    client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    client.pexpire("person:1", 1)
    wait_until(lambda: client.pttl("car:1") == -1 and client.eval("return redis.call('TIME')", 0) and _over(client), 5)
    assert client.execute_command("WB.CAPTURE", *["ABSENT"] * absent, "person:1") == int(absent)
    assert changes(client) == [("d", "person:1")] * absent
    assert_equal_everywhere(server, replica)


def _over(client: redis.Redis) -> bool:
    """More than the millisecond of the test's key has passed at the server."""
    start = client.time()
    wait_until(lambda: client.time() > (start[0], start[1] + 5000), 5)
    return True


def test_entries_are_as_of_a_change(client: redis.Redis, connect: Callable[..., redis.Redis], server: RedisServer) -> None:
    client.hset("person:1", "a", "1")
    client.execute_command("WB.CAPTURE", "person:1")
    changed, captured = entries(client)
    assert changed == captured
    assert connect(server, db=3).execute_command("WB.CAPTURE", "person:1") == 0
