"""A standby whose database user may not end the session of the engine before: it says so, writes nothing, and goes on once that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from .engines import another, freeze, stand_by, wake, works
from .stack import stack
from writebehind.testing import wait_until

USERS = {
    "postgres": ("CREATE ROLE {user} LOGIN PASSWORD 'wb'", "GRANT ALL ON persons, seen, written TO {user}"),
    "mariadb": ("CREATE USER {user} IDENTIFIED BY 'wb'", "GRANT ALL ON wb.* TO {user}"),
}
GRANTS = {"postgres": "grant pg_signal_backend to this engine's user", "mariadb": "grant CONNECTION ADMIN (CONNECTION_ADMIN in MySQL)"}


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_standby_that_may_not_end_the_session_before_it(
    kind: str, module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITEBEHIND_LEASE_MS", "1200")
    with stack(kind, module, tmp_path) as run:
        for user in ("first", "second"):
            for statement in USERS[kind]:
                run.target.query(statement.format(user=user))
        recipe = run.engine.recipe
        recipe.write_text(recipe.read_text().replace("'wb', 'wb'", "'first', 'wb'"))
        leader, standby = run.engine, another(run)
        standby.recipe.write_text(recipe.read_text().replace("'first'", "'second'"))
        run.start()
        try:
            run.hset(0, 50)
            run.drain()
            stand_by(run, standby)
            freeze(leader)
            run.hset(0, 50, first_name="waits", seq=1000)
            works(run, standby, 20)
            for _ in range(2):  # and again: it is tried for as long as it takes
                tries = int(run.status("retries") or 0)
                wait_until(lambda tries=tries: int(run.status("retries") or 0) > tries, 30, "another try")
            message = run.status("message")
            assert "belongs to another engine of this pipeline, and can't be ended" in message
            assert GRANTS[kind] in standby.log and "writing goes on once it is gone" in standby.log
            assert (run.waiting, run.target.count("written")) == (50, 50)
            run.hset(0, 50, first_name="new", seq=2000)
            if kind == "postgres":  # it wakes, and finds that its time is over
                wake(leader)
                wait_until(lambda: "has taken over: what is under way here is dropped" in leader.log, 20, "the word of the one that woke")
            else:
                leader.kill()
            run.drain()
            run.assert_equal()
            works(run, standby, 10)
            assert run.written_twice() == []
            assert run.target.query("SELECT count(*) FROM written WHERE seq = 2000") == [(50,)]
        finally:
            wake(leader)
            leader.kill()
            standby.kill()
