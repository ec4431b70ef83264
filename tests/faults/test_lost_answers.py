"""An answer of the database or of Redis is lost, or the engine dies in between: once all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from .proxy import Loss
from .stack import Stack, stack
from writebehind.testing import wait_until

REJECTED_IDS = "writebehind:{persons}:rejected-ids"


def lost(run: Stack, which: str) -> None:
    proxy = run.link if which == "redis" else run.target.proxy
    assert proxy is not None
    assert proxy.lost.wait(20), run.engine.log[-4000:]


def widen(run: Stack) -> None:
    for table in ("persons", "written"):
        run.target.query(f"ALTER TABLE {table} ALTER seq TYPE BIGINT")


# One shape of rows is one statement in PostgreSQL, its own transaction; deletes and upserts end with a COMMIT.
@pytest.mark.parametrize(("kind", "mark"), [("postgres", b"the mark"), ("postgres", b"COMMIT"), ("mariadb", b"COMMIT")])
def test_the_answer_to_commit_is_lost(kind: str, mark: bytes, module: Path, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path, proxied=True) as run:
        assert run.target.proxy
        run.start()
        run.hset(0, 10)
        run.drain()
        run.target.proxy.lose(mark, Loss.ANSWER)
        with run.redis.pipeline() as pipe:
            pipe.hset("person:1", mapping={"first_name": "the mark", "seq": 1001, "#": "=one"})
            pipe.hset("person:2", mapping={"first_name": "x", "seq": 1002})
            if mark == b"COMMIT":
                pipe.delete("person:3")
            pipe.execute()
        lost(run, "database")
        run.drain()
        run.assert_equal()
        assert run.written_twice() == []
        assert run.answer("person:1", "one") == [{"status": "done"}]
        assert "trying again" in run.engine.log


@pytest.mark.parametrize("kills", [False, True])
@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.REQUEST])
def test_the_answer_to_settling_is_lost(loss: Loss, kills: bool, module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, "--appendonly", "yes", "--appendfsync", "always", proxied=True) as run:
        assert run.link
        run.start()
        run.hset(0, 10)
        run.drain()
        run.link.lose(b"WB.SETTLE", loss, hold=True)
        run.redis.hset("person:1", mapping={"seq": 1001, "#": "=one"})
        lost(run, "redis")
        if kills:
            run.server.kill()
            run.server.start()
        run.redis.hset("person:2", mapping={"seq": 1002, "#": "=two"})
        run.link.release()
        run.drain()
        run.assert_equal()
        assert run.written_twice() == []
        assert run.answer("person:1", "one") == run.answer("person:2", "two") == [{"status": "done"}]


def test_redis_dies_with_appendfsync_everysec(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, "--appendonly", "yes", "--appendfsync", "everysec") as run:
        run.start()
        for round_ in range(5):
            before = run.target.count("written")
            for start in range(0, 2000, 200):
                with run.redis.pipeline(transaction=False) as pipe:
                    for seq in range(start, start + 200):
                        number = round_ * 2000 + seq
                        pipe.hset(f"person:{seq % 300}", mapping={"first_name": "n", "seq": number, "#": f"=uuid-{number}"})
                    pipe.execute()
            wait_until(lambda before=before: run.target.count("written") > before, 20, "progress")
            run.server.kill()
            run.server.start()
        run.drain()
        run.assert_equal()
        assert run.written_twice() == []
        answers = list(run.redis.scan_iter("{person:*}uuid-*", count=5000))
        assert len(answers) == 10_000
        assert all([fields for _, fields in run.redis.xrange(one)] == [{"status": "done"}] for one in answers)


def test_the_engine_dies_between_rejecting_and_commit(module: Path, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path, proxied=True) as run:
        assert run.target.proxy
        run.start()
        run.hset(0, 3)
        run.drain()
        run.target.proxy.lose(b"the mark", Loss.SILENCE)
        with run.redis.pipeline() as pipe:
            pipe.hset("person:1", mapping={"seq": 3_000_000_000, "#": "=bad"})
            pipe.hset("person:2", mapping={"first_name": "the mark", "seq": 1002, "#": "=good"})
            pipe.execute()
        lost(run, "database")
        assert len(run.rejected()) == 1
        run.engine.kill()
        widen(run)  # it would be taken now; but it is listed
        run.engine.start()
        run.drain()
        assert run.target.rows()["1"][1] == 1
        assert run.target.rows()["2"][1] == 1002
        assert [one["key"] for one in run.rejected()] == ["person:1"]
        answer = run.answer("person:1", "bad")
        assert [one["status"] for one in answer] == ["failed"] and "out of range" in answer[0]["error"]
        assert run.answer("person:2", "good") == [{"status": "done"}]


def test_the_answer_to_rejecting_is_lost_and_the_column_is_widened(module: Path, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path, proxied=True) as run:
        assert run.link
        run.start()
        run.hset(0, 3)
        run.drain()
        run.link.lose(b"WB.REJECT", Loss.ANSWER, hold=True)
        run.redis.hset("person:1", mapping={"seq": 3_000_000_000, "#": "=bad"})
        lost(run, "redis")
        widen(run)
        run.link.release()
        run.drain()
        assert [one["key"] for one in run.rejected()] == ["person:1"]
        assert [one["status"] for one in run.answer("person:1", "bad")] == ["failed"]
        assert run.target.rows()["1"][1] == 1


# The plan that refused it is gone when the database is back: it is tried under the new one.
def test_the_database_goes_away_between_a_refusal_and_its_check(module: Path, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path, proxied=True) as run:
        assert run.target.proxy
        run.start()
        run.hset(0, 3)
        run.drain()
        run.target.proxy.lose(b"pg_attribute", Loss.REQUEST, hold=True)
        run.redis.hset("person:1", mapping={"seq": 3_000_000_000, "#": "=late"})
        lost(run, "database")
        widen(run)
        run.target.proxy.release()
        run.drain()
        assert run.target.rows()["1"][1] == 3_000_000_000
        assert run.rejected() == []
        assert run.answer("person:1", "late") == [{"status": "done"}]
