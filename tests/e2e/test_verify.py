"""`verify` and `backfill`: Redis and a table compared, and brought together, while clients write."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.conftest import Cli
from tests.e2e.conftest import Start, verifier
from tests.sinks.sql_databases import Database
from writebehind.backfill import backfill
from writebehind.errors import ConfigError, WritebehindError
from writebehind.testing import RedisServer, wait_until
from writebehind.verify import Report

MAPPING = {"a": "a", "n": "n"}
COLUMNS = "id VARCHAR(40) PRIMARY KEY, a VARCHAR(40), n INTEGER"


def found(report: Report) -> dict[str, tuple[str, ...]]:
    return {one.key.decode(): (one.kind, one.column, one.redis, one.table) for one in report.differences.values()}


@contextmanager
def writing(url: str, keys: int) -> Iterator[list[int]]:
    """A client that changes `p:hot<i>` all the time, there and back, and makes and deletes others; yields how often so far."""
    done, stop = [0], threading.Event()

    def write() -> None:
        with redis.Redis.from_url(url) as client:
            for turn in itertools.count():
                if stop.is_set():
                    return
                for i in range(keys):
                    client.hset(f"p:hot{i}", mapping={"a": f"{turn % 2}", "n": turn % 2 if i % 2 else turn})
                    client.delete(f"p:new{i}") if turn % 2 else client.hset(f"p:new{i}", "a", "x")
                done[0] = turn

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


def test_no_false_difference_under_load_and_each_true_one(run_native: Start, target: Database, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    target.create(COLUMNS)
    engine = run_native(MAPPING)
    with redis_client.pipeline() as together:
        for i in range(1500):
            together.hset(f"p:{i}", mapping={"a": f"é{i}", "n": i})
        together.hset("p:none", "other", "x")
        together.execute()
    assert engine.drain(60)
    with writing(redis_server.url, 100) as turns:
        wait_until(lambda: turns[0] > 5, 30, "the writer")
        before = turns[0]
        for _ in range(3):
            report = verifier(redis_server.url, engine).compare()
            assert found(report) == {}
        assert report.keys >= 1601 and report.rows >= 1601 and turns[0] > before
        name = target.name
        target.run(
            f"UPDATE {name} SET n = 7 WHERE id = '3'", f"UPDATE {name} SET a = NULL WHERE id = '4'", f"UPDATE {name} SET a = 'é' WHERE id = 'none'",
            f"DELETE FROM {name} WHERE id = '5'", f"INSERT INTO {name} (id, a) VALUES ('gone', 'x'), ('gone2', 'x')",
        )  # fmt: skip
        redis_client.set("p:gone2", "no hash")
        redis_client.execute_command("HSET", "p:8", "n", "80", "#", "+")
        check = verifier(redis_server.url, engine)
        expected = {
            "p:3": ("differs", "n", "3", "7"),
            "p:4": ("differs", "a", "é4", "NULL"),
            "p:8": ("differs", "n", "80", "8"),
            "p:none": ("differs", "a", "NULL", "é"),
            "p:5": ("missing", "", "", ""),
            "p:gone": ("extra", "", "", ""),
        }
        report = check.compare()
        assert found(report) == expected
        redis_client.hset("p:gone", "a", "back again")  # a key that is back is never deleted
        assert check.repair([*report.differences.values()]) == 6
        assert found(report) == {}
        assert target.query(f"SELECT a FROM {name} WHERE id = 'gone'") == [("back again",)]
        assert found(verifier(redis_server.url, engine).compare()) == {}


def test_an_engine_that_does_not_write_is_said(run_native: Start, target: Database, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    if target.kind != "sqlite":
        pytest.skip("once is enough")
    target.create(COLUMNS)
    engine = run_native(MAPPING)
    redis_client.hset("p:1", "a", "1")
    assert engine.drain()
    assert found(verifier(redis_server.url, engine).compare()) == {}
    check = verifier(redis_server.url, engine, timeout_s=0.2)
    engine.stop()
    redis_client.hset("p:1", "a", "2")
    with pytest.raises(WritebehindError, match="1 changes wait, and for 0.2 s none was written"):
        check.compare()
    with pytest.raises(WritebehindError, match="1 changes wait"):
        backfill(redis.Redis.from_url(redis_server.url), "native", max_waiting=1, timeout_s=0.2)
    with pytest.raises(ConfigError, match="'other' is not registered"):
        backfill(redis.Redis.from_url(redis_server.url), "other")


def test_a_backfill_that_is_killed_goes_on(run_native: Start, target: Database, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Keys that were there before, a writer beside it, and a limit that the backfill respects: in the end table and Redis are equal."""
    target.create(COLUMNS)
    total = 6000
    with redis_client.pipeline(transaction=False) as together:
        for i in range(total):
            together.hset(f"p:{i}", mapping={"a": f"v{i}", "n": i})
            together.set(f"q:{i}", "x")
        together.execute()
    engine = run_native(MAPPING, max_pending=2500, when_full="reject")
    assert redis_client.xlen("writebehind:{native}:stream") == 0
    cli, state = Cli(redis_server.url), "writebehind:{native}:backfill"
    with writing(redis_server.url, 5):
        process = cli.start("backfill", "native", "--rate", "2500")
        wait_until(lambda: int(redis_client.hget(state, "captured") or 0) > 1000, 30, "a part of it")
        process.kill()
        process.communicate()
        so_far = int(redis_client.hget(state, "captured") or 0)
        done = cli("backfill", "native", seconds=120)
    assert (done.returncode, done.stdout) == (0, "")
    found_again = int(done.stderr.split("native: ")[-1].split()[0])
    assert total <= found_again < total + so_far and "with those before it was ended" in done.stderr
    assert engine.drain(60)
    assert found(verifier(redis_server.url, engine).compare()) == {}
    assert len(target.rows()) >= total and not redis_client.exists(state)
    assert cli("status", "--json").stdout and json.loads(cli("status", "--json").stdout)[0]["refused"] == 0
