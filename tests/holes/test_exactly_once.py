"""Holes 1, 3, 4 and 8: what is written once, and what waits when a recipe is registered again."""

from __future__ import annotations

import pytest

from tests.holes.running import STREAM, Run


def test_hole_01_the_exactly_once_table_works_as_documented(run: Run) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER")
    with run.recipe({"a": "a"}) as GB:
        run.redis.hset("person:1", "a", 1)
        assert GB.drain()
    assert run.rows() == [("1", 1)]
    [(name, position)] = run.database.run("SELECT id, val FROM {once}")
    assert name.startswith("persons/0/") and name.endswith("/1of1")
    assert position in run.redis.hgetall("writebehind:{persons}:checkpoint").values()


def test_hole_03_batch_after_batch_is_written(run: Run) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER")
    with run.recipe({"a": "a"}) as GB:
        for number in range(4):
            run.redis.hset("person:1", "a", number)
            assert GB.drain()
            assert run.rows() == [("1", number)]
        assert GB.engine is not None
        assert GB.engine.status()["persons"]["retries"] == 0


def test_hole_04_a_change_of_another_kind_follows_one_that_was_written(run: Run) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER")
    with run.recipe({"a": "a"}) as GB:
        run.redis.hset("person:2", "a", 2)
        assert GB.drain()
    run.redis.hset("person:1", "a", 1)
    run.redis.delete("person:2")
    [(first, _), _] = run.redis.xrange(STREAM)
    run.database.run(f"UPDATE {{once}} SET val = '{first}'")  # as if the engine had died behind the commit of the first
    with run.recipe({"a": "a"}) as GB:
        assert GB.drain(10)
    assert run.rows() == []  # the first was skipped, the second done


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_hole_08_what_waits_when_a_recipe_is_registered_again_is_written(run: Run) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER")
    with run.recipe({"a": "a"}):
        run.redis.hset("writebehind:{persons}:control", "paused", "1")
    for number, mappings in enumerate(({"a": "a"}, {"a": "a"}, {"b": "a"})):  # unchanged, and changed
        run.redis.hset(f"person:{number}", mapping={"a": number, "b": -number})
        with run.recipe(mappings):
            assert run.redis.xlen(STREAM) == number + 1
    with run.recipe({"b": "a"}) as GB:
        run.redis.hset("person:3", mapping={"a": 3, "b": -3})
        run.redis.delete("writebehind:{persons}:control")
        assert GB.drain()
    assert run.rows() == [("0", 0), ("1", 1), ("2", 2), ("3", -3)]
    assert list(run.redis.scan_iter(_type="stream")) == [STREAM]
