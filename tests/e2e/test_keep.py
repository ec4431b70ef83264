"""missing="keep": however many changes meet in a batch, the table ends as if each had been written by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.stack import Stack, stack
from writebehind.testing import wait_until


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_columns_left_alone(kind: str, module: Path, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path, options=', missing="keep"') as run:
        run.redis.hset("person:there", mapping={"first_name": "old", "seq": 1})
        run.start()
        run.redis.hset("person:there", mapping={"first_name": "old", "seq": 1})
        run.drain()
        with run.redis.pipeline() as pipe:  # a transaction: one batch
            pipe.hset("person:kept", mapping={"first_name": "Ada", "seq": 36})
            pipe.hdel("person:kept", "seq")
            pipe.delete("person:there")
            pipe.hset("person:there", "first_name", "new")
            pipe.hset("person:gone", mapping={"first_name": "x", "seq": 2})
            pipe.delete("person:gone")
            pipe.execute()
        run.drain()
        assert run.target.rows() == {"kept": ("Ada", 36), "there": ("new", None)}


LONG = "longer than ten"


def constrain(run: Stack, constraint: str) -> None:
    """What the database alone refuses: no cast sees it."""
    run.target.query("DROP TABLE persons")
    run.target.query(f"CREATE TABLE persons (person_id VARCHAR(64) PRIMARY KEY, first VARCHAR(20), seq INTEGER, {constraint})")


# A change that leaves a column alone takes what the one before it wrote there; what is wrong with that is not its fault.
@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_a_change_is_not_blamed_for_the_one_before_it(kind: str, module: Path, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path, options=', missing="keep"') as run:
        constrain(run, "CHECK (length(first) <= 10)")
        run.start()
        with run.redis.pipeline() as pipe:  # a transaction: one batch
            for number in range(20):
                pipe.hset(f"person:{number}", mapping={"first_name": LONG if number % 4 == 0 else "fits", "seq": -1, "#": f"=a{number}"})
                pipe.hdel(f"person:{number}", "first_name")
                pipe.hset(f"person:{number}", mapping={"seq": number, "#": f"=b{number}"})
            pipe.hset("person:cast", mapping={"seq": "no number", "first_name": "lost", "#": "=cast"})
            pipe.hdel("person:cast", "seq")
            pipe.hset("person:cast", mapping={"first_name": "kept", "#": "=kept"})
            pipe.execute()
        run.drain()
        rows = run.target.rows()
        assert rows == {str(n): (None if n % 4 == 0 else "fits", n) for n in range(20)} | {"cast": ("kept", None)}
        bad = {f"person:{number}" for number in range(0, 20, 4)}
        assert {one["key"] for one in run.rejected()} == bad | {"person:cast"}
        assert len(run.rejected()) == len(bad) + 1
        for number in range(20):
            [first] = run.answer(f"person:{number}", f"a{number}")
            assert first["status"] == ("failed" if number % 4 == 0 else "done")
            assert run.answer(f"person:{number}", f"b{number}") == [{"status": "done"}]
        assert [one["status"] for one in run.answer("person:cast", "cast")] == ["failed"]
        assert run.answer("person:cast", "kept") == [{"status": "done"}]


def test_where_all_changes_are_refused_writing_pauses_as_ever(module: Path, tmp_path: Path) -> None:
    with stack("mariadb", module, tmp_path, options=', missing="keep"') as run:
        constrain(run, "UNIQUE first (first)")
        run.start()
        run.redis.hset("person:taken", "first_name", "taken")
        run.drain()
        for start in (0, 150):
            with run.redis.pipeline() as pipe:
                for number in range(start, start + 150):
                    pipe.hset(f"person:{number}", mapping={"first_name": "taken", "seq": number})
                    pipe.hdel(f"person:{number}", "first_name")
                pipe.execute()
            if start == 0:
                run.drain()
        wait_until(lambda: "writing is paused" in (run.redis.hget("writebehind:{persons}:engine", "message") or ""), 20, "the pause")
        assert run.waiting == 300
        assert len(run.rejected()) == 150
        assert run.target.count() == 151
