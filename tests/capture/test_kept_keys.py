"""Key columns that are fields of the hash: an entry says which row its change leaves, and `:keys` holds what says so."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis

from tests.capture.support import assert_equal_everywhere, dataset, entries, hset, register, stream_of, wait_for_replica
from writebehind.testing import RedisServer, wait_until

KEYS = "writebehind:{p}:keys"
STRAYS = "writebehind:{p}:strays"


def packed(**fields: str) -> bytes:
    return b"".join([bytes([len(fields)]), *(bytes([len(text)]) + text.encode() for pair in sorted(fields.items()) for text in pair)])


def lefts(client: redis.Redis) -> list[tuple[str, ...]]:
    """(op, key) of each entry, and the values of the row that it leaves, where it does; `-`: its key had none. `<`: from whom it takes one."""
    found = []
    for entry in entries(client):
        assert entry.was is None or list(entry.was) == sorted(entry.was)
        was = ["-"] if entry.was == {} else [value.decode() for value in (entry.was or {}).values()]
        found.append((entry.op, entry.key.decode(), *was, *([f"<{entry.whose.decode()}"] if entry.whose else [])))
    return found


@pytest.fixture
def client(pair: tuple[RedisServer, RedisServer]) -> Iterator[redis.Redis]:
    """Pipeline p with the key column b, beside the Redis key."""
    with closing(redis.Redis(port=pair[0].port, protocol=2)) as made:
        made.flushall()
        register(made, key_fields=["b"], expired="delete")
        yield made


# What comes behind `HSET person:1 a 1 b x`: the commands, the entries they make, and what b is kept of person:1.
CASES: list[tuple[str, list[tuple[str, ...]], str]] = [
    ("HSET person:1 a 2", [("u", "person:1")], "x"),
    ("HSET person:1 b x", [("u", "person:1")], "x"),
    ("HSET person:1 b y", [("u", "person:1", "x")], "y"),
    ("HSET person:1 b y; HSET person:1 b x; HSET person:1 a 3", [("u", "person:1", "x"), ("u", "person:1", "y"), ("u", "person:1")], "x"),
    ("HINCRBY person:1 b2 1; HSETNX person:1 b 7", [("u", "person:1")], "x"),
    ("HDEL person:1 a; HDEL person:1 b", [("u", "person:1"), ("d", "person:1", "x"), ("d", "person:1")], ""),
    ("HDEL person:1 b; HSET person:1 b y", [("u", "person:1"), ("u", "person:1", "x")], "y"),  # no row has a NULL there
    ("DEL person:1", [("d", "person:1", "x")], ""),
    ("UNLINK person:1; HSET person:1 b y", [("d", "person:1", "x"), ("c", "person:1")], "y"),
    ("SET person:1 text; DEL person:1", [("d", "person:1", "x"), ("d", "person:1")], ""),
    ("RENAME person:1 person:2", [("d", "person:1", "x"), ("c", "person:2")], ""),
    ("HSET person:2 b y; RENAME person:2 person:1", [("c", "person:2"), ("d", "person:2", "y"), ("*", "person:1", "x")], "y"),
    ("HSET person:2 b y; COPY person:2 person:1 REPLACE", [("c", "person:2"), ("*", "person:1", "x")], "y"),
    ("MOVE person:1 3", [("d", "person:1", "x")], ""),
    ("MULTI; HSET person:1 b y; DEL person:1; HSET person:1 b z; EXEC", [("u", "person:1", "x"), ("d", "person:1", "y"), ("c", "person:1")], "z"),
    ("HSET person:1 # ~", [("d", "person:1", "x")], ""),
    ("HSET person:1 # -; HSET person:1 b y", [("c", "person:1", "x")], "y"),  # the row was left alone
    ("HSET person:1 b y # +; HSET person:1 b z", [("u", "person:1", "x")], "z"),
    ("WB.CAPTURE person:1; WB.CAPTURE ABSENT person:2", [("u", "person:1"), ("d", "person:2")], "x"),
    ("EVAL 'redis.call(\"HSET\",KEYS[1],\"b\",\"y\");redis.call(\"DEL\",KEYS[1])' 1 person:1", [("u", "person:1", "x"), ("d", "person:1", "y")], ""),
]  # fmt: skip


@pytest.mark.parametrize(("commands", "expected", "kept"), CASES, ids=[row[0] for row in CASES])
def test_every_change_says_which_row_it_leaves(client: redis.Redis, commands: str, expected: list[tuple[str, ...]], kept: str) -> None:
    client.hset("person:1", mapping={"a": "1", "b": "x"})
    client.xtrim(stream_of(), maxlen=0)
    with client.client() as one:  # one connection
        for command in commands.split("; "):
            one.execute_command(*shlex.split(command))
    found = [("*", *left[1:]) if at < len(expected) and expected[at][0] == "*" else left for at, left in enumerate(lefts(client))]
    assert found == expected
    assert client.hget(KEYS, "kperson:1") == (packed(b=kept) if kept else None)


def test_it_is_so_everywhere(client: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    with client.client() as one:
        for number, (commands, *_) in enumerate(CASES):
            for command in ("HSET person:1 a 1 b x", *commands.split("; ")):
                one.execute_command(*shlex.split(command.replace("person:", f"person:{number}-")))
    assert client.hlen(KEYS) > len(CASES) // 2
    assert_equal_everywhere(*pair)


def test_an_expired_key_leaves_its_row(client: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    client.hset("person:1", "b", "x")
    client.pexpire("person:1", 1)
    wait_until(lambda: lefts(client)[1:] == [("d", "person:1", "x")], 10, "the delete")
    assert not client.exists(KEYS)
    assert_equal_everywhere(*pair)


def test_fields_that_expire(client: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    client.hset("person:1", "b", "x")
    try:
        client.execute_command("HPEXPIRE", "person:1", "1", "FIELDS", "1", "b")
    except redis.ResponseError as error:
        pytest.skip(str(error))
    wait_until(lambda: lefts(client)[1:2] == [("d", "person:1", "x")], 10, "the delete")
    assert_equal_everywhere(*pair)


def shared(client: redis.Redis) -> None:
    register(client, key_fields=["b", "a"], shared_rows=True)


# From nothing, where keys share rows: the commands, the entries they make, and the owners of rows afterwards.
SHARED: list[tuple[str, list[tuple[str, ...]], dict[str, str]]] = [
    ("1=a; 1=b; 1=b; 1=", [("c", "1", "-"), ("u", "1", "a"), ("u", "1"), ("d", "1", "b")], {}),
    # swapped, and moved along a row of keys
    ("1=a; 2=b; 1=b; 2=a", [("c", "1", "-"), ("c", "2", "-"), ("u", "1", "a", "<2"), ("u", "2", "-")], {"b": "1", "a": "2"}),
    ("1=a; 2=b; 1=b; 2=c", [("c", "1", "-"), ("c", "2", "-"), ("u", "1", "a", "<2"), ("u", "2", "-")], {"b": "1", "c": "2"}),
    # two of one row: the last one's, whoever was there before
    ("1=a; 2=a; 1=; 2=", [("c", "1", "-"), ("c", "2", "-", "<1"), ("d", "1", "-"), ("d", "2", "a")], {}),
    ("1=a; 2=a; 1=a; 2=b; 1=c", [*[("c", "1", "-"), ("c", "2", "-", "<1"), ("u", "1", "-", "<2")], ("u", "2", "-"), ("u", "1", "a")], {"b": "2", "c": "1"}),
    ("1=a; 2=a; 2=b; 1=b; 3=a", [("c", "1", "-"), ("c", "2", "-", "<1"), ("u", "2", "a"), ("u", "1", "-", "<2"), ("c", "3", "-")], {"b": "1", "a": "3"}),
    # gone without an entry
    ("1=a; -1; 1=b; 2=a", [("c", "1", "-"), ("c", "1", "-"), ("c", "2", "-")], {"b": "1", "a": "2"}),
    ("1=a; 2=a; -1; 2=", [("c", "1", "-"), ("c", "2", "-", "<1"), ("d", "2", "a")], {}),
    ("1=a; 2=a; -2; 1=b", [("c", "1", "-"), ("c", "2", "-", "<1"), ("u", "1", "-")], {"b": "1"}),
    ("1=a; 2=a; 2=; 1=", [("c", "1", "-"), ("c", "2", "-", "<1"), ("d", "2", "a"), ("d", "1", "-")], {}),
    ("1=", [("d", "1", "-")], {}),
]  # fmt: skip


def run_shared(client: redis.Redis, commands: str, way: str = "#-") -> None:
    """`1=a`: that is the value of the hash 1 now; nothing: it is deleted. `-1`: it goes without an entry."""
    for command in commands.split("; "):
        key, equal, value = command.partition("=")
        if value:
            client.hset(f"person:{key}", mapping={"a": value, "b": "x"})
        elif equal:
            client.execute_command("HSET", f"person:{key}", "#", "~")
        elif way == "#-":
            client.execute_command("HSET", f"person:{key[1:]}", "#", "-")
        else:
            client.pexpire(f"person:{key[1:]}", 1)
            wait_until(lambda: not client.exists(f"person:{key[1:]}"), 10, "the end")  # noqa: B023


@pytest.mark.parametrize(("commands", "expected", "owners"), SHARED, ids=[row[0] for row in SHARED])
def test_a_row_is_of_the_key_that_was_captured_last(
    client: redis.Redis, pair: tuple[RedisServer, RedisServer], commands: str, expected: list[tuple[str, ...]], owners: dict[str, str]
) -> None:
    for way in ("#-", "expired"):
        client.flushall()
        shared(client)
        run_shared(client, commands, way)
        found = [tuple(word.replace("person:", "") for word in left if word != "x") for left in lefts(client)]
        assert found == expected
        kept = {f"r{packed(a=a, b='x').decode()}": f"person:{key}" for a, key in owners.items()}
        hashes = ((key, client.hget(f"person:{key}", "a")) for key in "123")
        kept |= {f"kperson:{key}": packed(a=a.decode(), b="x").decode() for key, a in hashes if a}
        found_kept = {name.decode(): value.decode() for name, value in client.hgetall(KEYS).items()}
        assert {name: value for name, value in found_kept.items() if not name.startswith("f")} == kept
        if "-" not in commands:
            break
    assert_equal_everywhere(*pair)


def test_a_key_that_was_evicted_or_not_captured_is_forgotten(client: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    register(client, key_fields=["b"], shared_rows=True, events=["hset"])
    client.hset("person:1", "b", "x")
    client.hset("person:2", "b", "y")
    client.delete("person:1")
    assert client.hgetall(KEYS) == {b"kperson:2": packed(b="y"), b"r" + packed(b="y"): b"person:2", b"fperson:1": b"1"}
    client.hset("person:1", "b", "z")
    client.hset("person:1", "b", "w")
    assert [entry.forgotten for entry in entries(client)] == [False, False, True, False], "something waits that may be rejected"
    client.delete(stream_of("p"))
    client.delete("person:1")
    client.expire("person:2", 1000)
    client.config_set("maxmemory-policy", "volatile-ttl")
    client.config_set("maxmemory", 1)
    try:
        wait_until(lambda: not client.exists("person:2"), 10, "the eviction")
    finally:
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
    assert not client.exists(KEYS)
    assert_equal_everywhere(*pair)


def test_owners_begin_and_end_with_a_definition(client: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    client.hset("person:1", mapping={"a": "1", "b": "x"})
    register(client, key_fields=["b"], shared_rows=True)
    client.hset("person:2", "b", "x")
    client.hset("person:1", "b", "y")
    assert lefts(client)[-2:] == [("c", "person:2", "-"), ("u", "person:1", "-")], "a row that nobody owned"
    register(client, key_fields=["b"])
    client.hset("person:1", "b", "z")
    client.delete("person:2", "person:1")
    assert lefts(client)[-3:] == [("u", "person:1", "y"), ("d", "person:2", "x"), ("d", "person:1", "z")]
    assert not client.exists(KEYS)
    assert_equal_everywhere(*pair)


def test_a_new_definition_goes_on_with_what_is_kept(client: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    client.hset("person:1", mapping={"a": "1", "b": "x"})
    register(client, key_fields=["a", "b"])
    client.hset("person:1", "a", "2")
    assert entries(client)[-1].was == {b"b": b"x"}
    client.hset("person:1", "a", "3")
    assert entries(client)[-1].was == {b"a": b"2", b"b": b"x"}
    client.hset(STRAYS, "of", "then")
    assert_equal_everywhere(*pair)
    register(client)
    assert not client.exists(KEYS)
    client.hset("person:1", "a", "4")
    assert entries(client)[-1].was is None
    assert not client.exists(KEYS)
    register(client, key_fields=["b"])
    assert client.exists(STRAYS), "what waits may need them"
    client.delete(stream_of("p"))
    register(client)
    assert not client.exists(STRAYS)
    client.hset(STRAYS, "of", "then")
    register(client, key_fields=["b"])
    assert not client.exists(KEYS, STRAYS)


@pytest.mark.parametrize("lost", ["DEL", "FLUSHALL", "a string", "a time to live"])
def test_the_key_is_lost_or_replaced(client: redis.Redis, pair: tuple[RedisServer, RedisServer], lost: str) -> None:
    client.hset("person:1", "b", "x")
    if lost == "a string":
        client.set(KEYS, "text")
    elif lost == "a time to live":
        client.expire(KEYS, 1000)
    elif lost == "DEL":
        client.delete(KEYS)
    else:
        client.flushall()
    client.hset("person:1", "b", "y")
    client.delete("person:1")
    was = {"a time to live": ["x"]}.get(lost, [])
    assert lefts(client)[-2:] == [("c" if lost == "FLUSHALL" else "u", "person:1", *was), ("d", "person:1", "y")]
    client.hset("person:1", "b", "z")
    assert (client.type(KEYS), client.ttl(KEYS)) == (b"hash", -1)
    wait_until(lambda: client.exists("writebehind:registry") == 1, 5, "the registry")
    assert_equal_everywhere(*pair)


def test_dropped_with_its_pipeline_and_swapped_with_its_database(client: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    client.hset("person:1", "b", "x")
    client.swapdb(0, 5)
    with closing(redis.Redis(port=pair[0].port, protocol=2, db=5)) as other:
        other.hset("person:1", "b", "y")
        assert lefts(other)[-1] == ("u", "person:1", "x")
        other.execute_command("WB.UNREGISTER", "p", "DROP")
        assert other.keys("writebehind:*") == []
    assert_equal_everywhere(*pair)


@pytest.mark.parametrize(
    ("definition", "reason"),
    [({"key_fields": ["#"]}, "'key_fields' names '#'"), ({"key_fields": "a"}, "'key_fields' must be an array"), ({"shared_rows": 1}, "'shared_rows'")],
)
def test_what_is_refused(client: redis.Redis, definition: dict[str, Any], reason: str) -> None:
    with pytest.raises(redis.ResponseError, match=reason):
        client.execute_command("WB.REGISTER", "q", json.dumps({"pattern": "x", **definition}))


def test_without_key_fields_nothing_is_kept(client: redis.Redis) -> None:
    register(client, "q", "car:*")
    client.hset("car:1", "b", "x")
    client.delete("car:1")
    assert [entry.was for entry in entries(client, "q")] == [None, None]
    assert not client.exists("writebehind:{q}:keys")


def test_kept_through_a_crash_and_a_promotion(pair: tuple[RedisServer, RedisServer], client: redis.Redis) -> None:
    """Last: the two are apart afterwards."""
    master, replica = pair
    client.execute_command("WB.UNREGISTER", "q", "DROP")
    client.hset("person:1", "b", "x")
    hset(client, "person:2", "=u", b="x")
    with closing(redis.Redis(port=replica.port, protocol=2)) as told:
        wait_for_replica(client, told)
        expected = dataset(master)
        master.kill()
        master.start()
        assert dataset(master) == expected
        told.execute_command("REPLICAOF", "NO", "ONE")
        with closing(redis.Redis(port=master.port, protocol=2)) as again:
            for one in (again, told):
                one.delete("person:1")
                one.hset("person:2", "b", "y")
                assert lefts(one)[-2:] == [("d", "person:1", "x"), ("u", "person:2", "x")]
