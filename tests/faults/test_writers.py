"""Another number of writers while changes wait: what was written is known, whoever wrote it."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from .stack import Stack, stack
from writebehind.testing import wait_until

WAITING = 12_000
KEYS = 3_000


def give(run: Stack, writers: int) -> None:
    """The recipe has this number of writers at its next start."""
    text = run.engine.recipe.read_text()
    before = text[text.index("writers=") :].split(",")[0].split(")")[0]
    run.engine.recipe.write_text(text.replace(before, f"writers={writers}"))


def change(run: Stack, start: int, stop: int, choice: random.Random) -> None:
    pipe = run.redis.pipeline(transaction=False)
    for seq in range(start, stop):
        pipe.hset(f"person:{choice.randrange(KEYS)}", mapping={"first_name": f"name {seq}", "seq": seq})
    pipe.execute()


def numbers(run: Stack) -> set[str]:
    """Of writers, by the exactly-once table."""
    return {row[0].rpartition("of")[2] for row in run.target.query("SELECT id FROM seen WHERE val <> '0-0'")}


@pytest.mark.parametrize("kind", ["postgres", "mariadb", "sqlite"])
def test_the_number_changes_again_and_again_while_changes_wait(kind: str, module: Path, tmp_path: Path) -> None:
    """Each engine is killed in the midst of it: first when its writers are at different places, then at any place."""
    seed = random.randrange(1 << 30)
    choice = random.Random(seed)
    print("seed", seed)
    with stack(kind, module, tmp_path, options=", writers=2, max_batch=50") as run:
        run.start()
        written = 0
        change(run, 0, WAITING, choice)
        for writers in (4, 3, 2, 4):
            aim = written + choice.randrange(200, 1500)
            wait_until(lambda aim=aim: run.target.count("written") >= aim, 60, "progress")
            run.engine.kill()
            written = run.target.count("written")
            give(run, writers)
            run.engine.start()
        run.drain()
        run.assert_equal()
        assert run.written_twice() == []
        assert "came back as it was" not in run.engine.log
        # Once all is settled, the next batches and starts leave none of the others behind.
        for seq in itertools.count(WAITING, 500):
            change(run, seq, seq + 500, choice)
            run.drain()
            if numbers(run) == {"4"}:
                break
            assert seq < 3 * WAITING, numbers(run)
        give(run, 2)
        assert run.engine.terminate() == 0
        run.engine.start()
        change(run, 4 * WAITING, 4 * WAITING + 500, choice)
        run.drain()
        run.assert_equal()
        assert run.written_twice() == []
        assert "came back as it was" not in run.engine.log


def test_one_writer_is_far_ahead_of_the_other(module: Path, tmp_path: Path) -> None:
    """One is held up by a lock, so that the other's share is all written: none of it is written again by four, or three."""
    with stack("postgres", module, tmp_path, options=", writers=2, max_batch=100") as run:
        run.start()
        run.hset(0, 1000, seq=1)
        run.drain()
        for writers in (4, 3):
            link = run.target.connect()
            try:
                link.cursor().execute("SELECT * FROM persons WHERE person_id = '7' FOR UPDATE")
                before = run.target.count("written")
                run.hset(0, 1000, seq=writers)
                wait_until(lambda before=before: run.target.count("written") >= before + 250, 30, "the other writers' share")
                wait_until(lambda: still(run), 30, "that nothing moves but for the lock")
                run.engine.kill()
            finally:
                link.close()
            give(run, writers)
            run.engine.start()
            run.drain()
            run.assert_equal()
            assert run.written_twice() == []


def still(run: Stack) -> bool:
    """All sessions but the one that waits for the lock have nothing to do."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'writebehind' AND state <> 'idle'"
    return bool(run.target.query(busy) == [(1,)])


def test_at_least_once_nothing_is_lost(module: Path, tmp_path: Path) -> None:
    choice = random.Random(7)
    with stack("sqlite", module, tmp_path, exactly_once=False, options=", writers=2, max_batch=50") as run:
        run.start()
        change(run, 0, WAITING // 2, choice)
        for writers in (4, 3):
            before = run.target.count("written")
            wait_until(lambda before=before: run.target.count("written") > before + 100 or not run.waiting, 60, "progress")
            run.engine.kill()
            give(run, writers)
            run.engine.start()
        run.drain()
        run.assert_equal()
