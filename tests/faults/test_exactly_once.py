"""Nothing lost, nothing twice, over kill -9 of the engine."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from .stack import Stack, stack
from writebehind.testing import wait_until

CHANGES = 200_000
KEYS = 40_000
KILLS = 20
UUID_EVERY = 25


def write(run: Stack, seed: int, done: threading.Event) -> None:
    """200,000 HSETs, one in 25 with a uuid; never more than 40,000 ahead of the engine, so that kills fall into its work."""
    choice = random.Random(seed)
    for start in range(0, CHANGES, 500):
        pipe = run.redis.pipeline(transaction=False)
        for seq in range(start, start + 500):
            values = {"first_name": f"name {seq}", "seq": seq}
            if seq % UUID_EVERY == 0:
                values["#"] = f"=uuid-{seq}"
            pipe.hset(f"person:{choice.randrange(KEYS)}", mapping=values)
        pipe.execute()
        wait_until(lambda: run.waiting < 40_000, 120, "room in the stream")
    done.set()


@pytest.mark.parametrize(("kind", "writers"), [("sqlite", 1), ("postgres", 1), ("mariadb", 1), ("postgres", 4)])
def test_kill_twenty_times_during_200000_changes(kind: str, writers: int, module: str, tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    choice = random.Random(seed)
    print("seed", seed)
    with stack(kind, module, tmp_path, options=f", writers={writers}") as run:
        run.start()
        done = threading.Event()
        writer = threading.Thread(target=write, args=(run, seed, done))
        writer.start()
        for _ in range(KILLS):
            before = run.target.count("written")
            moved = before + choice.randrange(1, 4000)
            wait_until(lambda moved=moved: run.target.count("written") >= moved or done.is_set(), 60, "progress of the engine")
            run.engine.kill()
            run.engine.start()
        writer.join()
        run.drain(120)
        run.assert_equal()
        twice = run.target.query("SELECT person_id, seq, count(*) FROM written GROUP BY person_id, seq HAVING count(*) > 1")
        assert twice == []
        answered = 0
        for stream in run.redis.scan_iter("{person:*}uuid-*", count=5000):
            entries = run.redis.xrange(stream)
            assert [fields for _, fields in entries] == [{"status": "done"}], stream
            assert 3500 < run.redis.ttl(stream) <= 3600
            answered += 1
        assert answered == CHANGES // UUID_EVERY
        assert run.engine.terminate() == 0


MOVES = 2000


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_rows_that_get_other_keys_are_written_once(kind: str, module: str, tmp_path: Path) -> None:
    """The old row goes in the transaction that writes the new one; every other change gives its hash another row."""
    with stack(kind, module, tmp_path, options=', keys=[("person_id", "first_name")], max_batch=20') as run:
        run.start()
        pipe = run.redis.pipeline(transaction=False)
        for seq in range(MOVES):
            key = seq // 2 % 100
            pipe.hset(f"person:{key}", mapping={"first_name": f"{key}-{seq // 2}", "seq": seq})
            if seq % 401 == 400:
                pipe.delete(f"person:{key}")
        pipe.execute()
        for kill in range(1, 4):
            wait_until(lambda kill=kill: run.target.count("written") >= kill * MOVES // 10 or run.waiting == 0, 60, "progress of the engine")
            run.engine.kill()
            run.engine.start()
        run.drain(120)
        assert run.target.rows() == {first: (first, seq) for first, seq in run.hashes().values()}
        assert run.written_twice() == []
        assert run.rejected() == []
