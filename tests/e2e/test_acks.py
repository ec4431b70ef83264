"""Answers to writers: each uuid gets exactly one, whatever coalescing, a rejection or a crash does to its change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.proxy import Loss
from tests.faults.stack import Stack, stack
from writebehind import Engine, Pipeline
from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.testing import RedisServer, wait_until

DONE = [{"status": "done"}]


@pytest.fixture(scope="module", params=[("postgres", True), ("sqlite", False)], ids=["postgres-exactly-once", "sqlite-at-least-once"])
def shared(request: pytest.FixtureRequest, module: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    kind, once = request.param
    with stack(kind, module, tmp_path_factory.mktemp(kind), exactly_once=once, proxied=True) as made:
        made.target.query("DROP TABLE persons")  # what no cast sees: 13
        made.target.query("CREATE TABLE persons (person_id VARCHAR(64) PRIMARY KEY, first VARCHAR(20), seq INTEGER CHECK (seq <> 13))")
        for trigger in made.target.triggers[-2 if kind == "sqlite" else -1 :]:
            made.target.query(trigger)
        yield made


@pytest.fixture
def run(shared: Stack) -> Iterator[Stack]:
    """With nothing in the table and a new engine."""
    shared.redis.flushall()
    for table in ("persons", "written", "seen"):
        shared.target.query(f"DELETE FROM {table}")
    shared.start()
    shared.hset(0, 1)
    shared.drain()
    yield shared
    if shared.link:
        shared.link.release()
    shared.engine.kill()


@contextmanager
def held(run: Stack) -> Iterator[Any]:
    """Nobody else can write the table; reading goes on."""
    with closing(run.target.connect()) as link:
        cursor = link.cursor()
        cursor.execute("BEGIN IMMEDIATE" if run.target.kind == "SQLite" else "LOCK TABLE persons IN EXCLUSIVE MODE")
        yield cursor
        link.rollback()


def answers(run: Stack) -> dict[str, list[str]]:
    """Every answer that there is, by uuid: the status of each of its entries."""
    found = {}
    for stream in run.redis.scan_iter("{person:*}*", count=1000, _type="stream"):
        found[stream.partition("}")[2]] = [fields["status"] for _, fields in run.redis.xrange(stream)]
    return found


def test_500_uuids_on_one_key_are_answered_once_each_behind_the_commit(run: Stack) -> None:
    uuids = {f"uuid-{number}" for number in range(500)}
    with held(run):
        with run.redis.pipeline() as pipe:  # a transaction: one batch
            for number in range(500):
                pipe.hset("person:1", mapping={"first_name": "n", "seq": 1000 + number, "#": f"=uuid-{number}"})
            pipe.hset("person:2", mapping={"first_name": "n", "seq": "no number", "#": "=bad"})
            pipe.execute()
        wait_until(lambda: len(run.rejected()) == 1, 20, "the batch in the engine, as far as the commit")
        assert answers(run) == {}
        assert run.waiting == 501
    run.drain()
    assert answers(run) == {uuid: ["done"] for uuid in uuids} | {"bad": ["failed"]}
    assert run.target.rows()["1"] == ("n", 1499)
    assert run.target.query("SELECT seq FROM written WHERE person_id = '1'") == [(1499,)], "not coalesced"


def write_touched(run: Stack) -> None:
    """A batch of coalesced keys: what a cast refuses and what the database refuses, in the middle and at the end."""
    values: dict[str, tuple[object, ...]] = {
        "1": (1, "no number", 3),
        "2": (1, 13, 3),
        "3": (1, 2, 13),
        "4": (13, 13),
        "5": ("no number",),
        "6": (6,),
    }
    with run.redis.pipeline() as pipe:
        for key, seqs in values.items():
            for number, seq in enumerate(seqs):
                pipe.hset(f"person:{key}", mapping={"first_name": "n", "seq": seq, "#": f"={key}.{number}"})  # type: ignore[dict-item]
        pipe.delete("person:6")
        pipe.execute()


TOUCHED = {
    "1.0": ["done"],
    "1.1": ["failed"],
    "1.2": ["done"],  # cast first: it is refused though a later change is there
    "2.0": ["done"],
    "2.1": ["done"],
    "2.2": ["done"],  # never tried: a later change of its key is committed
    "3.0": ["done"],
    "3.1": ["done"],
    "3.2": ["failed"],  # the one before it is tried
    "4.0": ["failed"],
    "4.1": ["failed"],
    "5.0": ["failed"],
    "6.0": ["done"],
}
TOUCHED_ROWS = {"0": ("name 0", 0), "1": ("n", 3), "2": ("n", 3), "3": ("n", 2)}
TOUCHED_REJECTED = ["person:1", "person:3", "person:4", "person:4", "person:5"]


def assert_touched(run: Stack) -> None:
    run.drain()
    assert answers(run) == TOUCHED
    assert run.target.rows() == TOUCHED_ROWS
    assert sorted(one["key"] for one in run.rejected()) == TOUCHED_REJECTED


def test_which_uuid_is_failed(run: Stack) -> None:
    write_touched(run)
    assert_touched(run)


def test_the_engine_dies_before_the_commit(run: Stack) -> None:
    with held(run):
        write_touched(run)
        wait_until(lambda: len(run.rejected()) == 2, 20, "what casts refuse in the rejected stream")
        assert answers(run) == {}
        run.engine.kill()
    run.engine.start()
    assert_touched(run)
    assert run.written_twice() == []


def test_the_engine_dies_between_commit_and_settling(run: Stack) -> None:
    assert run.link
    run.link.lose(b"WB.SETTLE", Loss.SILENCE, hold=True)
    write_touched(run)
    assert run.link.lost.wait(20), run.engine.log[-4000:]
    assert run.target.rows() == TOUCHED_ROWS, "committed"
    assert answers(run) == {}
    run.engine.kill()
    run.link.release()
    run.engine.start()
    assert_touched(run)
    if run.target.kind == "Postgres":
        assert run.written_twice() == []


def test_an_answers_key_taken_meanwhile_by_somebody_else(run: Stack) -> None:
    with held(run):
        with run.redis.pipeline() as pipe:
            for key in "12345":
                pipe.hset(f"person:{key}", mapping={"first_name": "n", "seq": key, "#": "=u"})
            pipe.hset("person:9", mapping={"seq": "no number"})
            pipe.execute()
        wait_until(lambda: len(run.rejected()) == 1, 20, "the batch in the engine")
        run.redis.set("{person:1}u", "mine")
        run.redis.rpush("{person:2}u", "mine")
        run.redis.hset("{person:3}u", "mine", "mine")
        run.redis.xadd("{person:4}u", {"status": "mine"})
    run.drain()
    assert [run.target.rows()[key] for key in "12345"] == [("n", number) for number in range(1, 6)]
    assert run.redis.get("{person:1}u") == "mine"
    assert run.redis.lrange("{person:2}u", 0, -1) == ["mine"]
    assert run.redis.hgetall("{person:3}u") == {"mine": "mine"}
    assert run.answer("person:4", "u") == run.answer("person:5", "u") == DONE  # a stream is replaced
    for key in "123":
        assert f"no answer to a writer: the key '{{person:{key}}}u' is no stream" in run.server.log
    run.redis.hset("person:5", mapping={"seq": 50, "#": "=later"})
    assert run.answer("person:5", "later") == DONE


def test_an_answer_that_expired_is_not_given_again(run: Stack) -> None:
    run.redis.hset("person:1", mapping={"seq": 1, "#": "=u"})
    assert run.answer("person:1", "u") == DONE
    assert 3590 < run.redis.ttl("{person:1}u") <= 3600
    run.redis.pexpire("{person:1}u", 1)
    wait_until(lambda: not run.redis.exists("{person:1}u"), 20, "its end")
    run.engine.kill()
    run.engine.start()
    run.redis.hset("person:2", mapping={"seq": 2, "#": "=v"})
    assert run.answer("person:2", "v") == DONE
    assert not run.redis.exists("{person:1}u")
    run.redis.hset("person:1", mapping={"seq": 3, "#": "=u"})  # and the uuid may be used again
    assert run.answer("person:1", "u") == DONE
    assert run.target.rows()["1"] == (None, 3)


@pytest.mark.parametrize("rejects", ["first", "last"])
def test_a_key_under_two_pipelines_one_of_which_rejects(
    rejects: str, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    file = tmp_path / "target.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE numbers (id TEXT PRIMARY KEY, a INTEGER)")
        database.execute("CREATE TABLE texts (id TEXT PRIMARY KEY, a TEXT)")
    numbers, texts = (
        Pipeline(name=table, prefix="k", mapping={"a": "a"}, connector=SQLiteConnector(SQLiteConnection(str(file)), table, "id"))
        for table in ("numbers", "texts")
    )
    first, last = (numbers, texts) if rejects == "first" else (texts, numbers)
    with Engine(redis_server.url, [last]):
        pass  # registered: it captures, and writes when it runs again
    with Engine(redis_server.url, [first]) as engine:
        with redis_client.pipeline() as pipe:
            pipe.hset("k:1", mapping={"a": "no number", "#": "=bad"})
            pipe.hset("k:2", mapping={"a": "2", "#": "=good"})
            pipe.execute()
        assert engine.drain()
    assert not redis_client.exists("{k:1}bad", "{k:2}good")
    with Engine(redis_server.url, [last]) as engine:
        assert engine.drain()
    [(_, answer)] = redis_client.xrange("{k:1}bad")
    assert answer["status"] == "failed" and "column a" in answer["error"]
    assert [fields for _, fields in redis_client.xrange("{k:2}good")] == DONE
    assert redis_client.keys("writebehind:ack:*") == []
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT * FROM numbers").fetchall() == [("2", 2)]
        assert database.execute("SELECT * FROM texts ORDER BY id").fetchall() == [("1", "no number"), ("2", "2")]
