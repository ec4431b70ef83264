"""When a change is rejected, and when it must not be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.faults.stack import Stack, stack
from writebehind import rejects
from writebehind.testing import wait_until

ENGINE = "writebehind:{persons}:engine"
REJECTED = "writebehind:{persons}:rejected"


@pytest.fixture(params=["postgres", "mariadb"])
def run(request: pytest.FixtureRequest, module: Path, tmp_path: Path) -> Iterator[Stack]:
    with stack(request.param, module, tmp_path) as made:
        made.start()
        yield made


def alter(run: Stack, table: str, column: str, type_: str) -> None:
    verb = f"ALTER {column} TYPE {type_}" if run.target.kind == "Postgres" else f"MODIFY {column} {type_}"
    run.target.query(f"ALTER TABLE {table} {verb}")


def hset_bad(run: Stack, start: int, stop: int) -> None:
    pipe = run.redis.pipeline()  # a transaction: one batch
    for number in range(start, stop):
        pipe.hset(f"person:{number}", mapping={"first_name": "n", "seq": f"no number {number}"})
    pipe.execute()


def test_a_widened_column_is_noticed_before_anything_is_rejected(run: Stack) -> None:
    """What was rejected before is written by a retry, but not over what is newer."""
    for key in ("1", "2"):
        run.redis.hset(f"person:{key}", mapping={"first_name": "x" * 90, "seq": 1})
    run.redis.hset("person:1", mapping={"first_name": "newer", "seq": 2})
    run.drain()
    assert run.redis.xlen(REJECTED) == 2
    alter(run, "persons", "first", "VARCHAR(100)")
    run.redis.hset("person:3", mapping={"first_name": "y" * 90, "seq": 1})
    run.drain()
    assert run.target.rows() == {"1": ("newer", 2), "3": ("y" * 90, 1)}
    with redis.Redis(port=run.server.port, decode_responses=True, encoding_errors="replace") as client:
        assert rejects.retry(client, "persons").captured == 2
    run.drain()
    assert run.target.rows() == {"1": ("newer", 2), "2": ("x" * 90, 1), "3": ("y" * 90, 1)}
    assert run.redis.xlen(REJECTED) == 0


def test_37_bad_rows_among_5000_are_rejected_alone(run: Stack) -> None:
    bad = {number * 131 for number in range(37)}
    pipe = run.redis.pipeline()
    for number in range(5000):
        pipe.hset(f"person:{number}", mapping={"first_name": "x" * 30 if number in bad else "fits", "seq": number})
    pipe.execute()
    run.drain()
    assert {int(key) for key in run.target.rows()} == set(range(5000)) - bad
    assert run.redis.xlen(REJECTED) == 37


def test_two_batches_refused_whole_pause_writing_until_it_is_mended(run: Stack) -> None:
    hset_bad(run, 0, 150)
    run.drain()
    assert run.redis.xlen(REJECTED) == 150
    hset_bad(run, 150, 300)
    wait_until(lambda: "writing is paused" in (run.redis.hget(ENGINE, "message") or ""), 20, "the pause")
    assert run.waiting == 150
    assert run.redis.xlen(REJECTED) == 150
    run.redis.hset("person:later", mapping={"first_name": "n", "seq": 1})  # capture goes on
    for table in ("written", "persons"):
        alter(run, table, "seq", "VARCHAR(40)")
    run.drain()
    assert run.redis.xlen(REJECTED) == 150
    assert run.target.count() == 151


def test_a_dropped_column_rejects_nothing(run: Stack) -> None:
    run.redis.hset("person:1", mapping={"first_name": "n", "seq": 1})
    run.drain()
    run.target.query("ALTER TABLE persons DROP COLUMN first")
    run.redis.hset("person:2", mapping={"first_name": "n", "seq": 2})
    wait_until(lambda: "first" in (run.redis.hget(ENGINE, "message") or ""), 20, "a message that names the column")
    assert run.waiting == 1
    run.target.query("ALTER TABLE persons ADD COLUMN first VARCHAR(20)")
    run.drain()
    assert run.redis.xlen(REJECTED) == 0
    assert run.target.query("SELECT first FROM persons WHERE person_id = '2'") == [("n",)]
