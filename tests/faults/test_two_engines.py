"""Two engines on a pipeline: one works, the other takes over, and who was replaced writes nothing any more."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .engines import ENGINE, another, freeze, name, stand_by, wake, works
from .stack import Engine, Stack, stack
from tests.conftest import Cli
from writebehind.testing import RedisServer, wait_until


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines in processes of their own are given up after 1.2 s instead of 8."""
    monkeypatch.setenv("WRITEBEHIND_LEASE_MS", "1200")


def load(run: Stack, done: threading.Event) -> None:
    seq = 0
    while not done.is_set():
        pipe = run.redis.pipeline(transaction=False)
        for _ in range(200):
            pipe.hset(f"person:{seq % 1000}", mapping={"first_name": f"name {seq}", "seq": seq})
            seq += 1
        pipe.execute()
        wait_until(lambda: run.waiting < 20_000, 60, "room in the stream")


def test_each_of_five_killed_leaders_is_replaced_under_load(module: Path, tmp_path: Path) -> None:
    """With the times that users have: 10 s for a death. Nothing is lost, nothing is written twice."""
    with stack("postgres", module, tmp_path, options=", writers=2") as run:
        run.start()
        leader, standby = run.engine, another(run)
        done = threading.Event()
        writer = threading.Thread(target=load, args=(run, done))
        writer.start()
        try:
            for _ in range(5):
                stand_by(run, standby)
                written = run.target.count("written")
                wait_until(lambda written=written: run.target.count("written") > written, 30, "progress")
                leader.kill()
                works(run, standby, 10)
                leader, standby = standby, leader
            done.set()
            writer.join()
            run.drain()
            run.assert_equal()
            assert run.written_twice() == []
        finally:
            done.set()
            leader.kill()
            standby.kill()


@pytest.mark.parametrize("exactly_once", [True, False], ids=["exactly once", "at least once"])
@pytest.mark.parametrize("kind", ["postgres", "mariadb", "sqlite"])
@pytest.mark.usefixtures("short_lease")
def test_a_frozen_leader_writes_nothing_when_it_wakes(kind: str, exactly_once: bool, module: Path, tmp_path: Path) -> None:
    """It wakes with the answer of Redis in its socket: changes that another engine has written, and overwritten, since."""
    with stack(kind, module, tmp_path, exactly_once=exactly_once) as run:
        run.start()
        leader, standby = run.engine, another(run)
        try:
            run.hset(0, 100)
            run.drain()
            stand_by(run, standby)
            if kind != "sqlite":
                freeze_inside_a_transaction(run, leader)
            else:
                freeze(leader)
            run.hset(0, 100, first_name="old", seq=1000)
            works(run, standby, 10)
            run.drain()
            run.hset(0, 100, first_name="new", seq=2000)
            run.drain()
            run.assert_equal()
            written = run.target.count("written")
            wake(leader)
            wait_until(lambda: "has taken over: what is under way here is dropped" in leader.log, 20, "the word of the one that woke")
            stand_by(run, leader)
            assert run.target.count("written") == written
            run.assert_equal()
            # And it leads again as if nothing had been.
            standby.kill()
            run.hset(0, 100, first_name="newer", seq=3000)
            works(run, leader, 10)
            run.drain()
            run.assert_equal()
            if exactly_once:
                assert run.written_twice() == []
            assert leader.terminate() == 0
        finally:
            wake(leader)
            leader.kill()
            standby.kill()


def freeze_inside_a_transaction(run: Stack, leader: Engine) -> None:
    """With a row locked, its batch of an upsert and a delete waits in the first statement; frozen, it never says COMMIT."""
    with closing(run.target.connect()) as holder:
        cursor = holder.cursor()
        cursor.execute("SELECT * FROM persons WHERE person_id = '1' FOR UPDATE")
        pipe = run.redis.pipeline()
        pipe.hset("person:1", mapping={"first_name": "under way", "seq": 9000})
        pipe.delete("person:99")
        pipe.execute()
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'writebehind'"
            if run.target.kind == "Postgres"
            else "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        )
        wait_until(lambda: run.target.query(waits) == [(1,)], 20, "the statement that waits")
        freeze(leader)
        holder.rollback()


@pytest.mark.usefixtures("short_lease")
def test_a_leader_frozen_inside_a_transaction_of_sqlite_holds_the_file(module: Path, tmp_path: Path) -> None:
    import sqlite3

    with stack("sqlite", module, tmp_path) as run:
        # A row that takes its time: the counting is done inside the transaction.
        run.target.query(
            "CREATE TRIGGER slow BEFORE INSERT ON persons WHEN new.first = 'slow' BEGIN SELECT count(*) FROM "
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT i FROM n); END"
        )
        run.start()
        leader, standby = run.engine, another(run)
        try:
            run.hset(0, 10)
            run.drain()
            stand_by(run, standby)
            run.hset(100, 101, first_name="slow")

            def is_locked() -> bool:
                with closing(sqlite3.connect(tmp_path / "target.db", timeout=0)) as database:
                    try:
                        database.execute("BEGIN IMMEDIATE")
                    except sqlite3.OperationalError:
                        return True
                    return False

            wait_until(is_locked, 20, "the transaction")
            freeze(leader)
            assert is_locked()
            works(run, standby, 10)
            run.hset(0, 10, first_name="later", seq=5000)
            assert run.waiting == 11
            assert is_locked()
            wake(leader)
            run.drain()
            run.assert_equal()
            assert run.written_twice() == []
            stand_by(run, leader)
        finally:
            wake(leader)
            leader.kill()
            standby.kill()


def test_a_freeze_is_over_within_thirty_seconds_and_a_stop_at_once(module: Path, tmp_path: Path) -> None:
    """With the times that users have."""
    with stack("sqlite", module, tmp_path, exactly_once=False) as run:
        run.start()
        leader, standby = run.engine, another(run)
        try:
            stand_by(run, standby)
            started = time.monotonic()
            freeze(leader)
            run.hset(0, 10)
            run.drain(30)
            assert time.monotonic() - started > 5, "it was given up too soon"
            wake(leader)
            stand_by(run, leader)
            # --once has nothing to do but to wait for the one that works.
            once = Cli(run.engine.redis_url)("run", run.engine.recipe, "--once")
            assert once.returncode == 0, once.stderr
            assert "has written what waited" in once.stderr
            assert standby.terminate() == 0
            works(run, leader, 3)
            run.hset(0, 10, first_name="again")
            run.drain()
            run.assert_equal()
        finally:
            wake(leader)
            leader.kill()
            standby.kill()


def test_two_redis_servers_and_one_database(module: Path, tmp_path: Path) -> None:
    """Pipelines of one name, into one table, with one exactly-once table: neither is in the other's way."""
    with stack("postgres", module, tmp_path) as run, RedisServer(module=module) as server:
        run.start()
        other = another(run)
        other.redis_url = server.url
        mine = Stack(server, run.target, other.recipe)
        mine.engine = other
        try:
            mine.start()
            for round_ in range(3):
                run.hset(0, 50, seq=1000 + round_)
                mine.hset(50, 100, seq=1000 + round_)
                run.drain()
                mine.drain()
            assert run.target.count() == 100
            assert {**run.hashes(), **mine.hashes()} == run.target.rows()
            assert run.written_twice() == []
            assert run.target.query("SELECT count(*) FROM seen WHERE val <> '0-0'") == [(2,)]
            for one in (run, mine):
                assert one.redis.hget(ENGINE, "retries") == "0", one.engine.log
                assert "standing by" not in one.engine.log
                assert one.engine.terminate() == 0
        finally:
            other.kill()
            mine.redis.close()


def test_a_flush_and_a_full_memory_leave_the_leader_where_it_is(module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRITEBEHIND_LEASE_MS", "1200")
    with stack("sqlite", module, tmp_path) as run:
        run.start()
        leader, standby = run.engine, another(run)
        try:
            stand_by(run, standby)
            for _ in range(5):
                run.redis.flushall()
                run.hset(0, 10)
                run.drain()
            assert "taken over" not in leader.log + standby.log
            assert "begins anew" not in leader.log
            run.redis.config_set("maxmemory", 1)
            leader.kill()
            wait_until(lambda: "takes over from" in standby.log, 10, "the takeover")
            run.redis.config_set("maxmemory", 0)
            run.hset(0, 10, first_name="again")
            run.drain()
            run.assert_equal()
        finally:
            leader.kill()
            standby.kill()


def json_of(run: Stack, *arguments: str) -> Any:
    import json

    done = Cli(run.engine.redis_url)("status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_status_names_the_standbys(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path) as run:
        run.start()
        standby = another(run)
        try:
            stand_by(run, standby)
            wait_until(lambda: json_of(run)[0]["standbys"] == [name(standby)], 10, "the standby in `status`")
            assert json_of(run)[0]["engine"]["pid"] == str(run.engine.process.pid)  # type: ignore[union-attr]
            assert standby.terminate() == 0
            assert json_of(run)[0]["standbys"] == []
        finally:
            standby.kill()
