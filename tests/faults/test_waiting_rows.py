"""A row waits for another one that its foreign key names, and meanwhile something fails: it is written all the same, once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .failover import promote, replica_of, wait_for_replica
from .stack import Stack, stack
from .test_refused import batch
from tests.e2e.test_constraints import lane
from writebehind.testing import wait_until

GRACE = 2.0
LONG = 20.0
CONTROL = "writebehind:{persons}:control"
REFERS = "ALTER TABLE persons ADD CONSTRAINT refers FOREIGN KEY (first) REFERENCES persons (person_id)"


def key_of(writer: int, writers: int, name: str) -> str:
    """One that begins with this name, and is this writer's, from 0 on."""
    return next(key for number in itertools.count() if lane(f"person:{(key := f'{name}{number}')}", writers) == writer)


def is_waiting(run: Stack, child: str) -> bool:
    return any("other row is waited for" in line and f"key person:{child}: " in line for line in run.engine.log.splitlines())


def longer_than_the_grace() -> None:
    began = time.monotonic()
    wait_until(lambda: time.monotonic() > began + 1.2 * GRACE, 20, "the time that a row is waited for")


def redis_blinks(run: Stack, comes: Callable[[], None]) -> None:
    assert run.link
    run.link.cut()
    comes()


def redis_is_away(run: Stack, comes: Callable[[], None]) -> None:
    assert run.link
    run.link.hold()
    run.link.cut()
    comes()
    longer_than_the_grace()
    run.link.release()


def target_is_away(run: Stack, comes: Callable[[], None]) -> None:
    assert run.target.proxy
    run.target.proxy.hold()
    run.target.proxy.cut()
    longer_than_the_grace()
    told = run.engine.log.count("other row is waited for")
    run.target.proxy.release()
    wait_until(lambda: run.engine.log.count("other row is waited for") > told, 20, "the wait, anew")
    comes()


def is_paused(run: Stack, comes: Callable[[], None]) -> None:
    run.redis.hset(CONTROL, "paused", 1)
    wait_until(lambda: run.status("state") == "paused", 20, "the pause")
    comes()
    longer_than_the_grace()
    run.redis.delete(CONTROL)


def engine_is_killed(run: Stack, comes: Callable[[], None]) -> None:
    run.engine.kill()
    comes()
    longer_than_the_grace()
    run.engine.start()


HAPPENINGS = (redis_blinks, redis_is_away, target_is_away, is_paused, engine_is_killed)


@pytest.mark.parametrize("writers", [1, 2])
def test_what_keeps_the_other_row_away_is_no_part_of_the_wait(writers: int, module: Path, tmp_path: Path) -> None:
    options = f", writers={writers}, constraint_grace={GRACE}, onFailedRetryInterval=0.2"
    with stack("postgres", module, tmp_path, proxied=True, options=options) as run:
        run.target.query(REFERS)
        run.start()
        for number, happens in enumerate(HAPPENINGS, 1):
            child, parent = key_of(0, writers, f"child{number}."), key_of(0, writers, f"parent{number}.")
            behind, cousin = key_of(0, writers, f"behind{number}."), key_of(writers - 1, writers, f"cousin{number}.")
            token = number * 10
            batch(run, (child, parent, token), (behind, behind, token + 1), (cousin, child, token + 2))
            wait_until(lambda child=child: is_waiting(run, child), 20, "the wait")
            assert not {child, cousin} & run.target.rows().keys()
            happens(run, lambda: batch(run, (parent, parent, token + 3)))  # noqa: B023
            run.drain()
            assert run.rejected() == [], happens.__name__
            for key, uuid in ((child, token), (behind, token + 1), (cousin, token + 2), (parent, token + 3)):
                assert run.answer(f"person:{key}", str(uuid)) == [{"status": "done"}]
        run.assert_equal()
        assert run.written_twice() == []


def test_another_redis_takes_over(module: Path, tmp_path: Path) -> None:
    """What was cut apart, and has waited for its turn behind the row, is given back whole: none of it is passed over."""
    options = f", writers=3, wait_replicas=1, constraint_grace={LONG}, onFailedRetryInterval=0.2"
    with stack("postgres", module, tmp_path, proxied=True, options=options) as run:
        run.target.query(REFERS)
        run.target.query("CREATE UNIQUE INDEX persons_seq ON persons (seq)")
        child, parent = key_of(0, 3, "child"), key_of(2, 3, "parent")
        one, other, behind = (key_of(1, 3, name) for name in ("one", "other", "behind"))
        run.start()
        with replica_of(run, module) as replica:
            batch(run, (one, one, 1), (other, other, 2))
            run.drain()
            batch(run, (child, parent, 3), (one, one, 4), (other, other, 1), (one, one, 2), (behind, behind, 5))
            wait_until(lambda child=child: is_waiting(run, child), 20, "the wait")
            wait_for_replica(run)
            run.server.kill()
            promote(run, replica)
            batch(run, (parent, parent, 6))
            with replica_of(run, module):
                run.drain()
                run.assert_equal()
                assert run.rejected() == []
                for key, seq in ((child, 3), (one, 4), (other, 1), (one, 2), (behind, 5), (parent, 6)):
                    assert run.answer(f"person:{key}", str(seq)) == [{"status": "done"}]
        assert run.written_twice() == []


def test_two_writers_wait_for_each_others_rows(module: Path, tmp_path: Path) -> None:
    """One of them writes both then, and both go on afterwards."""
    with stack("postgres", module, tmp_path, options=f", writers=2, constraint_grace={GRACE}, onFailedRetryInterval=0.2") as run:
        run.target.query(REFERS)
        run.start()
        for number in (1, 2):
            children = [key_of(writer, 2, f"child{number}{writer}.") for writer in (0, 1)]
            parents = [key_of(writer, 2, f"parent{number}{writer}.") for writer in (0, 1)]
            token = number * 10
            wanted = [(children[0], parents[1]), (children[1], parents[0]), *((parent, parent) for parent in parents)]
            batch(run, *((key, first, token + place) for place, (key, first) in enumerate(wanted)))
            run.drain()
            assert run.rejected() == []
            for place, (key, _) in enumerate(wanted):
                assert run.answer(f"person:{key}", str(token + place)) == [{"status": "done"}]
            wait_until(lambda number=number: run.engine.log.count("all writers go on") == number, 20, "the end of that")
        assert run.engine.log.count("one writer goes on") == 2
        wait_until(lambda: run.status("state") == "running", 20, "that nothing is tried again")
        run.assert_equal()
        assert run.written_twice() == []
