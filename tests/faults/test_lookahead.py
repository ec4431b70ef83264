"""Batches that were mapped while the one before was written, where the engine is killed and what is committed comes again."""

from __future__ import annotations

from pathlib import Path

from .proxy import Loss
from .stack import stack
from writebehind.testing import wait_until

LOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def test_the_engine_is_killed_with_all_committed_and_nothing_settled(module: Path, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path, options=", max_batch=10", proxied=True) as run:
        run.start()
        run.hset(0, 1)
        run.drain()  # its checkpoint is there: nothing else is settled from now on
        assert run.link
        run.link.lose(b"WB.SETTLE", Loss.SILENCE)
        run.hset(1, 203)
        assert run.link.lost.wait(30), run.engine.log[-4000:]
        wait_until(lambda: run.target.count("written") == 203, 30, "all of it in the table")
        run.engine.kill()
        assert run.waiting == 202
        # Somebody else's change since: a row that is written again would lose it.
        run.target.query("UPDATE persons SET first = 'another' RETURNING person_id")
        run.hset(203, 300)  # the batch of its first one begins with two that are committed
        link = run.target.connect()
        try:
            # The first batch waits until all is read, so that each further one is there to be mapped ahead.
            with link.cursor() as cursor:
                cursor.execute("SELECT * FROM seen FOR UPDATE")
            run.engine.start()
            wait_until(lambda: run.target.query(LOCKED)[0][0] > 0, 20, "a batch that waits for the database")
            wait_until(lambda: any("b" in str(one["flags"]) for one in run.redis.client_list()), 20, "nothing more to read")
        finally:
            link.close()
        run.drain()
        rows = run.target.rows()
        assert len(rows) == 300
        assert [key for key, (first, _) in rows.items() if (first == "another") != (int(key) < 203)] == []
