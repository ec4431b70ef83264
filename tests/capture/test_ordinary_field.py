"""A `#` that is stored came another way than by HSET and HMSET: an ordinary field of the hash, and a value of no row."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.capture.commands import wire
from tests.capture.support import answer, assert_replicated, changes, drain, hset, register
from writebehind.testing import RedisServer

# The command, what prepares it (car:1 is no captured key), and what the stored field is.
WAYS = [
    ("hsetnx", "", "HSETNX person:1 # -", b"-"),
    ("hsetnx", "HSET person:1 a 7", "HSETNX person:1 # -", b"-"),
    ("hincrby", "", "HINCRBY person:1 # 5", b"5"),
    ("hincrbyfloat", "", "HINCRBYFLOAT person:1 # 0.5", b"0.5"),
    ("hsetex", "", "HSETEX person:1 FIELDS 1 # ~", b"~"),
    ("rename", "HSET car:1 # -u1 a 7", "RENAME car:1 person:1", b"-u1"),
    ("copy", "HSET car:1 # ~ a 7", "COPY car:1 person:1", b"~"),
    ("restore", "HSET car:1 # + a 7", "RESTORE person:1 0 <dump>", b"+"),
    ("move", "SELECT 3; HSET person:1 # = a 7; SELECT 0", "SELECT 3; MOVE person:1 0; SELECT 0", b"="),
]


@pytest.fixture
def named(client: redis.Redis) -> redis.Redis:
    """Beside p, pipeline n captures every field by name."""
    register(client, "n", fields=None)
    return client


@pytest.mark.parametrize(("command", "given", "when", "stored"), WAYS, ids=[f"{row[2]} {row[1]}".strip()[:40] for row in WAYS])
def test_it_is_stored_and_in_no_row(
    named: redis.Redis, server: RedisServer, replica: RedisServer, command: str, given: str, when: str, stored: bytes
) -> None:
    with wire(server.port) as line:
        if not line.knows(command):
            pytest.skip(f"this server has no {command}")
        line.run(given)
        line.dump = named.dump("car:1") or b""
        drain(named), drain(named, "n")
        line.run(when)
    whole = named.hgetall("person:1")
    assert whole.pop(b"#") == stored
    ((op, key, fields),) = changes(named)
    assert (op in "cu", key, fields) == (True, "person:1", [whole.get(b"a"), None])
    assert changes(named, "n") == [(op, "person:1", whole)]
    assert answer(named, "person:1", "u1") is None
    assert_replicated(server, replica)


def test_hset_means_the_operation_and_leaves_the_field_alone(named: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    named.hsetnx("person:1", "#", "mine")
    drain(named), drain(named, "n")
    hset(named, "person:1", "=", a="1")
    assert named.hgetall("person:1") == {b"#": b"mine", b"a": b"1"}
    assert changes(named, "n") == [("u", "person:1", {b"a": b"1"})]
    named.hdel("person:1", "#")
    assert changes(named)[-1] == ("u", "person:1", [b"1", None])
    assert_replicated(server, replica)


def test_no_definition_maps_it(client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError, match="'#'"):
        register(client, "q", fields=["a", "#"])


def test_it_is_seen_in_any_place_of_a_long_command(client: redis.Redis) -> None:
    words: list[Any] = [word for i in range(500) for word in (f"f{i}", i)]
    for at in (0, 500, 1000):
        client.execute_command("HSET", "person:1", *words[:at], "#", "+", *words[at:])
        assert client.hlen("person:1") == 500
    client.execute_command("HSET", "person:1", "a", "#")  # a value is no field
    assert client.hget("person:1", "a") == b"#"
    assert changes(client) == [("u", "person:1", [b"#", None])] or changes(client) == [("c", "person:1", [b"#", None])]
