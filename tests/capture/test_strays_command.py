"""WB.STRAYS: fields of one hash, removed and stored, whatever stands there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis

from tests.capture.support import assert_equal_everywhere, register
from writebehind.testing import RedisServer

STRAYS = "writebehind:{p}:strays"


@pytest.fixture
def client(pair: tuple[RedisServer, RedisServer]) -> Iterator[redis.Redis]:
    with closing(redis.Redis(port=pair[0].port, protocol=2)) as made:
        made.flushall()
        register(made, key_fields=["b"], shared_rows=True)
        yield made


@pytest.mark.parametrize("before", ["nothing", "fields", "a string", "a time to live"])
def test_removes_and_stores_whatever_stands_there(client: redis.Redis, pair: tuple[RedisServer, RedisServer], before: str) -> None:
    if before == "a string":
        client.set(STRAYS, "text")
    elif before != "nothing":
        client.execute_command("WB.STRAYS", "p", 0, "a", "1", "b", "2")
    if before == "a time to live":
        client.expire(STRAYS, 1000)
    client.config_set("maxmemory", 1)
    try:
        assert client.execute_command("WB.STRAYS", "p", 2, "a", "none", "c", "\0", "d", "") == b"OK"
        kept = {b"b": b"2"} if before in ("fields", "a time to live") else {}
        assert client.hgetall(STRAYS) == {**kept, b"c": b"\0", b"d": b""}
        assert client.ttl(STRAYS) == -1
        assert client.execute_command("WB.STRAYS", "p", 3, "b", "c", "d") == b"OK"
        assert not client.exists(STRAYS)
    finally:
        client.config_set("maxmemory", 0)
    assert_equal_everywhere(*pair)


@pytest.mark.parametrize("words", [["p", "x"], ["p", -1], ["p", 1], ["p", 1, "a", "b"], ["p", 0, "a"], ["nobody", 0], ["p"]])
def test_wrong_words_are_errors(client: redis.Redis, words: list[Any]) -> None:
    with pytest.raises(redis.ResponseError):
        client.execute_command("WB.STRAYS", *words)
    assert not client.exists(STRAYS)
