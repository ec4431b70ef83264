"""A pipeline's list of events: it captures those and no others, under the names of events and of commands."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.capture.commands import captured, wire
from tests.capture.support import assert_equal_everywhere, changes, drain, hset, register, registration
from writebehind.testing import RedisServer, wait_until

# What is done to `person:1`, a hash `a 1 b 2`, and what a pipeline without a list captures of it.
DONE = {
    "hset": ("HSET person:1 a 5", "u 1 5 2"),
    "hmset": ("HMSET person:1 a 5", "u 1 5 2"),
    "hsetnx": ("HSETNX person:1 c 5", "u 1 1 2"),
    "hincrby": ("HINCRBY person:1 a 5", "u 1 6 2"),
    "hincrbyfloat": ("HINCRBYFLOAT person:1 a 0.5", "u 1 1.5 2"),
    "hdel": ("HDEL person:1 a", "u 1 - 2"),
    "del": ("DEL person:1", "d 1"),
    "unlink": ("UNLINK person:1", "d 1"),
    "rename": ("RENAME person:1 person:2", "d 1, c 2 1 2"),
    "renamenx": ("RENAMENX person:1 person:2", "d 1, c 2 1 2"),
    "copy": ("COPY person:1 person:2", "c 2 1 2"),
    "move": ("MOVE person:1 3", "d 1"),
    "restore": ("RESTORE person:2 0 <dump>", "c 2 1 2"),
    "set": ("SET person:1 x", "d 1"),
    "setex": ("SETEX person:1 1000 x", "d 1"),
    "getdel": ("SET person:9 x; GETDEL person:9", "d 9, d 9"),
    "hsetex": ("HSETEX person:1 FIELDS 1 a 5", "u 1 5 2"),
    "hgetdel": ("HGETDEL person:1 FIELDS 1 a", "u 1 - 2"),
}

# A list, and of which of the above it captures all, or a part.
LISTS: dict[str, dict[str, str | None]] = {
    # What rgsync takes where a recipe says nothing; `change` is the event of another kind of server.
    "hset hmset del change": dict.fromkeys(["hset", "hmset", "hsetnx", "hsetex", "del", "unlink"]) | {"getdel": "d 9"},
    "hset": dict.fromkeys(["hset", "hmset", "hsetnx", "hsetex"]),
    "HMSET": dict.fromkeys(["hset", "hmset", "hsetnx", "hsetex"]),
    "hsetnx": dict.fromkeys(["hset", "hmset", "hsetnx", "hsetex"]),
    "hsetex": dict.fromkeys(["hset", "hmset", "hsetnx", "hsetex"]),
    "hincrby": dict.fromkeys(["hincrby"]),
    "hincrbyfloat": dict.fromkeys(["hincrbyfloat"]),
    "hdel": dict.fromkeys(["hdel", "hgetdel"]),
    "hgetdel": dict.fromkeys(["hdel", "hgetdel"]),
    "del": dict.fromkeys(["del", "unlink"]) | {"getdel": "d 9"},
    "unlink": dict.fromkeys(["del", "unlink"]) | {"getdel": "d 9"},
    "GetDel": dict.fromkeys(["del", "unlink"]) | {"getdel": "d 9"},
    "rename": dict.fromkeys(["rename", "renamenx"]),
    "renamenx": dict.fromkeys(["rename", "renamenx"]),
    "rename_from": {"rename": "d 1", "renamenx": "d 1"},
    "rename_to": {"rename": "c 2 1 2", "renamenx": "c 2 1 2"},
    "copy": dict.fromkeys(["copy"]),
    "copy_to": dict.fromkeys(["copy"]),
    "move": dict.fromkeys(["move"]),
    "restore": dict.fromkeys(["restore"]),
    "set": dict.fromkeys(["set", "setex"]) | {"getdel": "d 9"},
    "getset mset": dict.fromkeys(["set", "setex"]) | {"getdel": "d 9"},
    "change": {},
    "expire persist hexpire hpersist new evicted": {},
    "hset hincrby hincrbyfloat hdel del rename copy move restore set": dict.fromkeys(DONE),
}


@pytest.mark.parametrize("names", LISTS, ids=lambda names: names.replace(" ", "+"))
def test_a_list_captures_those_alone(client: redis.Redis, server: RedisServer, replica: RedisServer, names: str) -> None:
    register(client, events=names.split())
    with wire(server.port) as line:
        for name, (commands, everything) in DONE.items():
            if not line.knows(name):
                continue
            client.delete("person:1", "person:2", "person:9")
            client.execute_command("HSET", "person:1", "a", "1", "b", "2")
            line.dump = client.dump("person:1") or b""
            drain(client)
            line.run(commands)
            part = LISTS[names].get(name, "")
            assert captured(client) == (everything if part is None else part), name
            line.run("SELECT 3; DEL person:1; SELECT 0")
    assert_equal_everywhere(server, replica)


def test_the_definition_is_kept_as_it_was_given(client: redis.Redis) -> None:
    register(client, events=["rename", "change"])
    assert next(reversed(registration(client)["definitions"].values()))["events"] == ["rename", "change"]


def test_an_empty_list_captures_nothing(client: redis.Redis) -> None:
    register(client, events=[])
    client.hset("person:1", "a", "1")
    client.delete("person:1")
    assert changes(client) == []


def test_each_pipeline_has_its_own(client: redis.Redis) -> None:
    register(client, events=["hset"])
    register(client, "q", events=["del"])
    client.hset("person:1", "a", "1")
    client.delete("person:1")
    assert changes(client) == [("c", "person:1", [b"1", None])]
    assert changes(client, "q") == [("d", "person:1")]


def test_a_list_has_no_say_in_expiry(client: redis.Redis) -> None:
    register(client, events=["hset", "expired"])
    client.hset("person:1", "a", "1")
    client.pexpire("person:1", 1)
    wait_until(lambda: not client.exists("person:1"), 5, "expiry")
    assert [change[0] for change in changes(client)] == ["c"]
    register(client, events=["hset"], expired="delete")
    client.hset("person:1", "a", "1")
    client.pexpire("person:1", 1)
    wait_until(lambda: changes(client)[-1] == ("d", "person:1"), 5, "the delete")


@pytest.mark.parametrize(("operation", "op"), [("=", "c"), ("~", "d")])
@pytest.mark.parametrize("names", ["hset", "hmset", "del", "unlink", "hincrby"])
def test_an_operation_is_the_event_of_its_command(client: redis.Redis, operation: str, op: str, names: str) -> None:
    register(client, events=[names])
    hset(client, "person:1", operation, a="1")
    taken: dict[str, Any] = {"hset": "c", "hmset": "c", "del": "d", "unlink": "d"}
    assert [change[0] for change in changes(client)] == ([op] if taken.get(names) == op else [])
