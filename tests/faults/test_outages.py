"""The database or Redis goes away and comes back; the engine is told to stop at a bad moment."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import redis

from .stack import Stack, stack
from writebehind.testing import wait_until

AOF = ("--appendonly", "yes", "--appendfsync", "always")


def hset(run: Stack, start: int, stop: int) -> None:
    pipe = run.redis.pipeline(transaction=False)
    for seq in range(start, stop):
        pipe.hset(f"person:{seq}", mapping={"first_name": f"name {seq}", "seq": seq})
    pipe.execute()


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_database_down_for_30_seconds_under_load(kind: str, module: str, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path) as run:
        assert run.target.server is not None
        run.start()
        hset(run, 0, 100)
        run.drain()
        run.target.server.kill()
        down = time.monotonic()
        slowest, seq = 0.0, 100
        while time.monotonic() - down < 30:  # the load goes on for as long as the outage is to last
            before = time.monotonic()
            hset(run, seq, seq + 100)
            slowest = max(slowest, time.monotonic() - before)
            seq += 100
            time.sleep(0.02)  # a load of some 5,000 changes a second: the backlog is to be drained in reasonable time
        assert slowest < 2, "a client of Redis waited for the database"
        assert run.waiting == seq - 100
        assert run.redis.hget("writebehind:{persons}:engine", "state") == "retrying"
        run.target.server.start()
        run.drain()
        run.assert_equal()
        assert len(run.target.rows()) == seq


LOCKS = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgres": "LOCK TABLE persons, seen IN ACCESS EXCLUSIVE MODE",
    "mariadb": "LOCK TABLES persons WRITE, seen WRITE, written WRITE",
}


@pytest.mark.parametrize("kind", LOCKS)
def test_a_lock_in_the_database_delays_no_capture_and_is_told_of(kind: str, module: str, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path) as run:
        if kind == "sqlite":
            run.target.query("PRAGMA journal_mode=WAL")  # as an engine makes it; else its first statement is refused at once
        with closing(run.target.connect()) as link:
            link.cursor().execute(LOCKS[kind])
            run.start()  # waits until the pipeline is registered
            hset(run, 0, 10)
            wait_until(lambda: "the database has not answered for" in run.status("message"), 20, "the reason in `status`")
            assert run.waiting == 10
            link.rollback()
        run.drain()
        run.assert_equal()
        wait_until(lambda: run.status("message") == "", 20, "the end of the reason")
        assert run.engine.log.count("is something locked there?") == 1


def test_redis_restarts_with_its_aof(module: str, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, *AOF) as run:
        run.start()
        hset(run, 0, 1000)
        run.server.kill()
        run.server.start()
        run.redis.hset("person:first", mapping={"first_name": "first", "seq": 1})  # the first command after the restart
        run.drain()
        run.assert_equal()
        assert "first" in run.target.rows()


def test_redis_comes_back_without_its_data(module: str, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path) as run:
        run.start()
        hset(run, 0, 10)
        run.drain()
        run.server.kill()
        run.server.start()
        wait_until(run.registered, 20, "the engine's registration, made again")
        hset(run, 10, 20)
        run.drain()
        assert len(run.target.rows()) == 20


def test_redis_loads_for_a_while_and_has_lost_the_registration(module: str, tmp_path: Path) -> None:
    slow = ("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
    with stack("sqlite", module, tmp_path, *slow) as run:
        run.redis.mset({f"other:{number}": "x" * 200 for number in range(1000)})
        run.redis.save()  # a second to load, and of before the registration
        run.start()
        hset(run, 0, 10)
        run.drain()
        run.server.kill()
        run.server.start()
        wait_until(run.registered, 20, "the engine's registration, made again")
        assert "LOADING" in run.engine.log
        hset(run, 10, 20)
        run.drain()
        assert len(run.target.rows()) == 20


def test_flushall_in_the_middle_skips_no_new_change(module: str, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path) as run:
        run.start()
        for round_ in range(20):
            hset(run, 0, 2000)
            pipe = run.redis.pipeline()  # in one transaction: the new stream may start in the same millisecond
            pipe.flushall()
            pipe.hset("person:after", mapping={"first_name": "after", "seq": round_, "#": f"=round-{round_}"})
            pipe.execute()
            answer = run.redis.xread({f"{{person:after}}round-{round_}": "0-0"}, block=10_000)
            assert answer and answer[0][1][0][1] == {"status": "done"}
            assert run.target.rows()["after"] == ("after", round_)
        run.drain()


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_sigterm_with_the_database_down_ends_in_5_seconds(kind: str, module: str, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path) as run:
        run.start()
        hset(run, 0, 100)
        run.drain()
        if run.target.server:
            run.target.server.kill()
            locked = None
        else:
            locked = run.target.connect()
            locked.execute("BEGIN EXCLUSIVE")
        hset(run, 100, 200)
        wait_until(lambda: run.redis.hget("writebehind:{persons}:engine", "state") == "retrying" or locked, 20, "a retry")
        before = time.monotonic()
        assert run.engine.terminate() == 0
        assert time.monotonic() - before < 5
        if locked:
            locked.close()
        else:
            run.target.server.start()
        assert run.waiting == 100
        run.engine.start()
        run.drain()
        run.assert_equal()


def test_sigterm_under_load_loses_nothing(module: str, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path) as run:
        run.start()
        stop = threading.Event()

        def load() -> None:
            client = redis.Redis(port=run.server.port)
            seq = 0
            while not stop.is_set():
                pipe = client.pipeline(transaction=False)
                for _ in range(200):
                    seq += 1
                    pipe.hset(f"person:{seq % 5000}", mapping={"first_name": f"n{seq}", "seq": seq})
                pipe.execute()
            client.close()

        loader = threading.Thread(target=load)
        loader.start()
        for _ in range(5):
            before = run.target.count("written")
            wait_until(lambda before=before: run.target.count("written") > before, 20, "progress")
            started = time.monotonic()
            assert run.engine.terminate() == 0
            assert time.monotonic() - started < 5
            run.engine.start()
        stop.set()
        loader.join()
        run.drain()
        run.assert_equal()
        assert run.target.query("SELECT person_id FROM written GROUP BY person_id, seq HAVING count(*) > 1") == []
