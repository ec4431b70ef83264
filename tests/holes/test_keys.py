"""Holes 7, 9, 21, 22, 24 and 26: which changes are seen, what is left behind in Redis, and recipes beside each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from tests.holes.running import Run
from writebehind import GearsBuilder, RGWriteBehind
from writebehind.connectors import RedisConnection, RedisConnector, SimpleHashConnector
from writebehind.testing import RedisServer, wait_until

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def restore(client: redis.Redis) -> None:
    with redis.Redis(port=client.get_connection_kwargs()["port"]) as plain:  # which decodes nothing
        packed = plain.dump("person:1")
        plain.delete("person:1")
        plain.restore("person:1", 0, packed)


def script(client: redis.Redis) -> None:
    client.eval("return redis.call('HSET', KEYS[1], 'a', 9)", 1, "person:1")


SEEN: dict[str, tuple[Callable[[redis.Redis], object], list[tuple[str, int | float | None]]]] = {
    "hincrby": (lambda r: r.hincrby("person:1", "a", 4), [("1", 5)]),
    "hincrbyfloat": (lambda r: r.hincrbyfloat("person:1", "a", 1.5), [("1", 2.5)]),
    "hsetnx": (lambda r: r.hsetnx("person:2", "a", 2), [("1", 1), ("2", 2)]),
    "hdel": (lambda r: r.hdel("person:1", "a"), [("1", None)]),
    "hdel of the last": (lambda r: r.hdel("person:1", "a", "b"), []),
    "rename": (lambda r: r.rename("person:1", "person:2"), [("2", 1)]),
    "rename away": (lambda r: r.rename("person:1", "other"), []),
    "copy": (lambda r: r.copy("person:1", "person:2"), [("1", 1), ("2", 1)]),
    "restore": (restore, [("1", 1)]),
    "expire": (lambda r: (r.pexpire("person:1", 1), wait_until(lambda: not r.exists("person:1"))), []),
    "unlink": (lambda r: r.unlink("person:1"), []),
    "set": (lambda r: r.set("person:1", "text"), []),
    "script": (script, [("1", 9)]),
    "flushall": (lambda r: r.flushall(), [("1", 1)]),
}


@pytest.mark.parametrize("what", SEEN)
def test_hole_07_no_change_of_a_hash_goes_by_unseen(run: Run, what: str) -> None:
    do, rows = SEEN[what]
    run.create("id TEXT PRIMARY KEY, a NUMERIC")
    with run.recipe({"a": "a"}, expired="delete") as GB:
        run.redis.hset("person:1", mapping={"a": 1, "b": 1})
        assert GB.drain()
        assert run.rows() == [("1", 1)]
        do(run.redis)
        assert GB.drain()
    assert run.rows() == rows


def test_hole_09_names_that_hold_each_other_and_recipes_without_a_version(run: Run) -> None:
    run.create("id TEXT PRIMARY KEY, a INTEGER")
    names = ("SecondThing", "Thing", "Thin")
    for _ in range(2):
        with GearsBuilder(run.server.url) as GB:
            for name in names:
                RGWriteBehind(GB, keysPrefix=name, mappings={"a": "a"}, connector=run.database.connector(), name=name)
            for number, name in enumerate(names):
                run.redis.hset(f"{name}:{number}", "a", number)
            assert GB.drain()
        assert run.rows() == [("0", 0), ("1", 1), ("2", 2)]
        run.database.run("DELETE FROM {t}")


@pytest.mark.parametrize("operation", ["+", "-", "=", "~"])
def test_hole_21_without_a_uuid_nothing_is_answered(run: Run, operation: str) -> None:
    run.create("id TEXT PRIMARY KEY, a INTEGER")
    with run.recipe({"a": "a"}) as GB:
        run.redis.hset("person:1", mapping={"a": 1, "#": operation})
        assert GB.drain()
    keys = {key for key in run.redis.scan_iter() if not key.startswith("writebehind:")}
    assert keys == ({"person:1"} if operation in "+=" else set())


@pytest.mark.parametrize("key", ["person:{u}:1", "person:{}", "person:}{", "person:{{u}}"])
def test_hole_22_keys_with_braces_are_keys_as_any(run: Run, key: str) -> None:
    run.create("id TEXT PRIMARY KEY, a INTEGER")
    with run.recipe({"a": "a"}) as GB:
        run.redis.hset(key, mapping={"a": 1, "#": "=one"})
        assert run.redis.xread({f"{{{key}}}one": "0-0"}, block=10_000)
        assert run.rows() == [(key.removeprefix("person:"), 1)]
        run.redis.hset(key, "#", "-two")
        assert not run.redis.exists(key)
        assert run.redis.exists(f"{{{key}}}two")
        assert GB.drain()
    assert run.rows() == [(key.removeprefix("person:"), 1)]


def test_hole_24_a_restart_brings_nothing_back(run: Run, module: str) -> None:
    run.create("id TEXT PRIMARY KEY, a INTEGER")
    with RedisServer("--appendonly", "yes", module=module) as server, redis.Redis(port=server.port, decode_responses=True) as client:
        alone = Run(server, client, run.database)
        with alone.recipe({"a": "a"}) as GB:
            client.hset("person:1", mapping={"a": 1, "#": "="})
            client.hset("person:2", mapping={"a": 2, "#": "+"})
            client.hset("person:3", "a", 3)
            client.hset("person:3", "#", "-")
            assert GB.drain()
        server.kill()
        server.start()
        assert client.hgetall("person:1") == {"a": "1"}
        assert client.hgetall("person:2") == {"a": "2"}
        assert not client.exists("person:3")
    assert run.rows() == [("1", 1), ("3", 3)]


@pytest.mark.parametrize("kind", ["RedisConnector", "SimpleHashConnector"])
def test_hole_26_hashes_follow_and_lose_their_removed_fields(run: Run, kind: str) -> None:
    connection = RedisConnection("127.0.0.1", run.server.port)
    connector = RedisConnector(connection, "copy") if kind == "RedisConnector" else SimpleHashConnector("copy")
    with run.recipe({"a": "x", "b": "y"}, connector=connector) as GB:
        run.redis.hset("person:1", mapping={"a": 1, "b": 2})
        run.redis.hset("person:2", mapping={"a": 1})
        assert GB.drain()
        run.redis.hdel("person:1", "b")
        run.redis.delete("person:2")
        assert GB.drain()
    assert run.redis.hgetall("copy:1") == {"x": "1"}
    assert not run.redis.exists("copy:2")
