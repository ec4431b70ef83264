"""Constraints that another order of changes satisfies: UNIQUE values that keys swap, rows that foreign keys miss."""

from __future__ import annotations

import time

import pytest
import redis

from tests.e2e.conftest import Start, answer, native, rejected
from tests.sinks.sql_databases import Database
from writebehind import Engine
from writebehind.testing import wait_until


def lane(key: str, lanes: int = 2) -> int:
    """The writer of a key: FNV-1a, as pipeline/lanes.h has it."""
    hashed = 0xCBF29CE484222325
    for byte in key.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) % 2**64
    return hashed % lanes


def together(client: redis.Redis, *changes: tuple[str, object]) -> None:
    """Sets `v` of keys one after the other, in a transaction: one batch. The n-th asks for the answer `n`; None deletes."""
    with client.pipeline() as pipe:
        for number, (key, value) in enumerate(changes):
            if value is None:
                pipe.hset(f"p:{key}", "#", f"~{number}")
            else:
                pipe.hset(f"p:{key}", mapping={"v": value, "#": f"={number}"})  # type: ignore[dict-item]
        pipe.execute()


def statuses(client: redis.Redis, *keys: str) -> list[str]:
    """Of the answers to `together`."""
    return [answer(client, f"p:{key}", str(number))["status"] for number, key in enumerate(keys)]


def drain(engine: Engine) -> None:
    assert engine.drain(40), engine.status()


@pytest.mark.parametrize("writers", [1, 2])
def test_unique_values_are_swapped(target: Database, run_native: Start, redis_client: redis.Redis, writers: int) -> None:
    target.create("id VARCHAR(20) PRIMARY KEY, v VARCHAR(20) UNIQUE")
    engine = run_native({"v": "v"}, connector=native(target, once=True), writers=writers)
    a, b = "a", next(key for key in "bcdefgh" if lane(f"p:{key}") != lane("p:a"))
    together(redis_client, (a, "x"), (b, "y"))
    drain(engine)
    for one, other in (("x", "y"), ("y", "x")):
        together(redis_client, (a, "tmp"), (b, one), (a, other))
        drain(engine)
        assert target.rows() == [(a, other), (b, one)]
        assert statuses(redis_client, a, b, a) == ["done", "done", "done"]
    assert rejected(redis_client) == {}


def test_150_keys_hand_their_unique_values_on(target: Database, run_native: Start, redis_client: redis.Redis) -> None:
    """Every row of two batches is refused, coalesced: and yet nothing is wrong, and nothing pauses."""
    target.create("id VARCHAR(20) PRIMARY KEY, v INTEGER UNIQUE")
    engine = run_native({"v": "v"}, connector=native(target, once=True))
    values = list(range(150))
    together(redis_client, *((str(key), value) for key, value in enumerate(values)))
    drain(engine)
    for _ in range(2):
        handed = [(str(key), values[key - 1]) for key in range(1, 150)]
        together(redis_client, ("0", 1000), *handed, ("0", values[-1]))
        values = [values[-1], *values[:-1]]
        drain(engine)
        assert dict(target.rows()) == {str(key): value for key, value in enumerate(values)}
    assert rejected(redis_client) == {}


def test_the_rows_that_foreign_keys_miss(target: Database, run_native: Start, redis_client: redis.Redis) -> None:
    target.create(f"id VARCHAR(20) PRIMARY KEY, v VARCHAR(20), FOREIGN KEY (v) REFERENCES {target.name} (id)")
    engine = run_native({"v": "v"}, connector=native(target, once=True), constraint_grace=60)

    def waits() -> None:
        wait_until(lambda: "other row is waited for" in engine.status()["native"]["message"], 20, "the wait")

    # In one batch, the last first; nothing waits.
    redis_client.hset("p:root", "x", 1)
    together(redis_client, ("d", "c"), ("c", "b"), ("b", "a"), ("a", "root"))
    drain(engine)
    assert statuses(redis_client, "d", "c", "b", "a") == ["done"] * 4
    assert target.rows() == [("a", "root"), ("b", "a"), ("c", "b"), ("d", "c"), ("root", None)]
    assert engine.status()["native"]["retries"] == 0
    # A row goes before those that hang on it.
    together(redis_client, ("c", None), ("d", "root"))
    drain(engine)
    assert target.rows() == [("a", "root"), ("b", "a"), ("d", "root"), ("root", None)]
    # What comes later, behind something good and something bad, of which nothing is written before.
    together(redis_client, ("good", "root"), ("child", "late"), ("behind", "root"))
    waits()
    assert ("good", "root") in target.rows()
    assert "behind" not in dict(target.rows())
    redis_client.hset(b"p:\xff", "v", "root")  # no text: refused at once
    together(redis_client, ("late", "later"), ("later", "root"))
    drain(engine)
    assert {("child", "late"), ("behind", "root"), ("late", "later"), ("later", "root")} <= set(target.rows())
    assert len(redis_client.xrange("writebehind:{native}:rejected")) == 1
    # What another one writes.
    together(redis_client, ("orphan", "theirs"), ("behind", "root"))
    waits()
    target.run(f"INSERT INTO {target.name} VALUES ('theirs', NULL)")
    drain(engine)
    assert statuses(redis_client, "orphan", "behind") == ["done", "done"]
    assert ("orphan", "theirs") in target.rows()


def test_a_row_that_never_comes_is_waited_for_once(target: Database, run_native: Start, redis_client: redis.Redis) -> None:
    """And of UNIQUE values that are swapped behind one that is waited for, or comes late, nothing is rejected."""
    target.create(f"id VARCHAR(20) PRIMARY KEY, v VARCHAR(20), u INTEGER UNIQUE, FOREIGN KEY (v) REFERENCES {target.name} (id)")
    target.run(f"INSERT INTO {target.name} VALUES ('root', NULL, 1), ('x', NULL, 10), ('y', NULL, 11)")
    engine = run_native({"v": "v", "u": "u"}, connector=native(target, once=True), constraint_grace=3)

    def swap(pipe: redis.client.Pipeline[str], x: int, y: int) -> None:
        for key, value in (("x", 12), ("y", y), ("x", x)):
            pipe.hset(f"p:{key}", "u", value)

    redis_client.hset("p:child", "v", "late")
    wait_until(lambda: "other row is waited for" in engine.status()["native"]["message"], 20, "the wait")
    with redis_client.pipeline() as pipe:
        pipe.hset("p:late", "v", "root")
        swap(pipe, 11, 10)
        pipe.execute()
    drain(engine)
    assert not redis_client.exists("writebehind:{native}:rejected")
    began = time.monotonic()
    with redis_client.pipeline() as pipe:
        for key, value in (("a", "root"), ("b", "nobody"), ("b", "nobody"), ("c", "none"), ("d", "root"), ("a", "never")):
            pipe.hset(f"p:{key}", "v", value)
        swap(pipe, 10, 11)
        pipe.execute()
    drain(engine)
    assert 3 <= time.monotonic() - began < 9, "one wait, not one for each"
    assert dict(target.query(f"SELECT id, v FROM {target.name} WHERE v IS NOT NULL")) == dict.fromkeys("ad", "root") | {"child": "late", "late": "root"}
    assert dict(target.query(f"SELECT id, u FROM {target.name} WHERE u > 1")) == {"x": 10, "y": 11}
    entries = [fields for _, fields in redis_client.xrange("writebehind:{native}:rejected")]
    assert sorted(one["key"] for one in entries) == ["p:a", "p:b", "p:b", "p:c"]
    assert all("foreign key" in one["reason"].lower() for one in entries)


@pytest.mark.parametrize("kind", ["CHECK", "UNIQUE", "FOREIGN KEY"])
def test_a_value_that_is_refused_over_a_good_one(target: Database, run_native: Start, redis_client: redis.Redis, kind: str) -> None:
    rule = {"CHECK": "CHECK (v < 100)", "UNIQUE": "UNIQUE (v)", "FOREIGN KEY": f"FOREIGN KEY (v) REFERENCES {target.name} (id)"}[kind]
    target.create(f"id INTEGER PRIMARY KEY, v INTEGER, {rule}")
    rows = ", ".join(f"({n}, {'NULL' if kind == 'FOREIGN KEY' else n if n > 2 else 500 + n if kind == 'UNIQUE' else 0})" for n in (1, 2, 3, 4))
    target.run(f"INSERT INTO {target.name} VALUES {rows}")
    bad = {"CHECK": (300, 400), "UNIQUE": (3, 4), "FOREIGN KEY": (300, 400)}[kind]
    engine = run_native({"v": "v"}, connector=native(target, once=True), constraint_grace=0)
    values = {"5": (1, *bad), "6": (*bad, 2), "7": bad}
    changes = [(key, value) for key, some in values.items() for value in some]
    together(redis_client, *changes)
    drain(engine)
    found = statuses(redis_client, *(key for key, _ in changes))
    assert found == ["done", "failed", "failed", "done", "done", "done", "failed", "failed"], "6: its last is good, and the others are not tried"
    assert [row for row in target.rows() if row[0] > 4] == [(5, 1), (6, 2)]
    assert sorted(fields["key"] for _, fields in redis_client.xrange("writebehind:{native}:rejected")) == ["p:5", "p:5", "p:7", "p:7"]
