"""Redis comes back as it was earlier: from a backup, or with an older registration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .engines import freeze, wake
from .proxy import Loss
from .stack import Stack, stack
from writebehind.overview import read_overview
from writebehind.testing import wait_until

CONTROL = "writebehind:{persons}:control"


def identities(run: Stack) -> list[str]:
    found: list[str] = json.loads(run.redis.hget("writebehind:registry", "persons") or "{}")["identities"]
    return found


def back_up(run: Stack) -> Path:
    run.redis.save()
    copy = run.server.directory / "backup.rdb"
    shutil.copy(run.server.directory / "dump.rdb", copy)
    return copy


def restore(run: Stack, backup: Path) -> None:
    run.server.kill()
    shutil.copy(backup, run.server.directory / "dump.rdb")
    run.server.start()


def pause(run: Stack) -> None:
    """Writing is paused when the engine says so."""
    run.redis.hset(CONTROL, "paused", "1")
    wait_until(lambda: run.redis.hget("writebehind:{persons}:engine", "state") == "paused", 20, "the pause")


def resume(run: Stack) -> None:
    run.redis.hdel(CONTROL, "paused")


def back_up_while_ten_wait(run: Stack) -> Path:
    """Afterwards they are written."""
    pause(run)
    run.hset(0, 10, first_name="of the backup")
    backup = back_up(run)
    resume(run)
    run.drain()
    return backup


def warned(run: Stack) -> bool:
    return any("came back as it was" in warning for one in read_overview(run.redis) for warning in one.warnings)


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped", "running"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_waits_in_a_backup_is_written_again(kind: str, is_running: bool, module: Path, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path) as run:
        run.start()
        run.hset(0, 100)
        run.drain()
        backup = back_up_while_ten_wait(run)
        run.hset(0, 10, first_name="behind it")
        run.drain()
        run.assert_equal()
        before = identities(run)
        if not is_running:
            assert run.engine.terminate() == 0
        else:
            freeze(run.engine)
        restore(run, backup)
        assert run.waiting == 10
        run.redis.hset("person:20", mapping={"first_name": "new", "#": "=early"})  # IDs are ahead of the checkpoint by now
        run.redis.config_set("maxmemory", 1 if is_running else 0)  # the new identity is begun all the same
        if not is_running:
            run.engine.start()
        else:
            wake(run.engine)
        resume(run)
        run.drain()
        run.redis.config_set("maxmemory", 0)
        assert run.target.rows()["1"] == ("of the backup", 1)
        run.assert_equal()
        assert run.answer("person:20", "early") == [{"status": "done"}]
        assert identities(run)[:-1] == before
        assert "came back as it was" in run.engine.log
        wait_until(lambda: warned(run), 20, "the warning of `status`")
        run.hset(0, 10, first_name="afterwards")
        run.drain()
        run.assert_equal()
        assert run.target.query(f"SELECT count(*) FROM seen WHERE id LIKE '%{identities(run)[-1]}%' AND val <> '0-0'") == [(1,)]
        # And that was that: the next start finds nothing wrong.
        assert run.engine.terminate() == 0
        run.engine.start()
        run.hset(0, 10, first_name="at last")
        run.drain()
        wait_until(lambda: not warned(run), 20, "no warning")
        assert len(identities(run)) == len(before) + 1


def test_what_was_still_to_be_settled_does_not_trim_a_backup(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, proxied=True) as run:
        assert run.link
        run.start()
        run.hset(0, 10)
        run.drain()
        backup = back_up_while_ten_wait(run)
        run.link.lose(b"WB.SETTLE", Loss.REQUEST, hold=True)
        run.hset(0, 10, first_name="behind it")
        assert run.link.lost.wait(20)
        restore(run, backup)
        run.link.release()
        resume(run)
        run.drain()
        assert run.target.rows()["1"] == ("of the backup", 1)
        run.assert_equal()


def test_a_drained_backup_is_said_without_a_change(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path) as run:
        run.start()
        run.hset(0, 10)
        run.drain()
        backup = back_up(run)
        run.hset(0, 10, first_name="behind it")
        run.drain()
        restore(run, backup)
        wait_until(lambda: warned(run), 20, "the warning of `status`")
        assert len(identities(run)) == 2


def test_without_exactly_once_what_waits_is_written_again(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, exactly_once=False) as run:
        run.start()
        backup = back_up_while_ten_wait(run)
        run.hset(0, 10, first_name="behind it")
        run.drain()
        restore(run, backup)
        resume(run)
        run.drain()
        run.assert_equal()


def test_an_engine_that_died_before_settling_is_no_restored_redis(module: Path, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path, options=", writers=2") as run:
        run.start()
        run.hset(0, 100)
        run.drain()
        for round_ in range(5):
            written = run.target.count("written")
            run.hset(0, 2000, seq=round_)
            wait_until(lambda written=written: run.target.count("written") > written, 20, "progress")
            run.engine.kill()
            run.engine.start()
        run.drain()
        run.assert_equal()
        assert "came back as it was" not in run.engine.log
        assert len(identities(run)) == 1


def test_an_older_registration_is_replaced_by_the_running_one(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path) as run:
        recipe = run.engine.recipe.read_text()
        run.engine.recipe.write_text(recipe.replace('"seq": "seq"', ""))
        run.start()
        run.hset(0, 1)
        run.drain()
        assert run.target.rows() == {"0": ("name 0", None)}
        backup = back_up(run)
        assert run.engine.terminate() == 0
        run.engine.recipe.write_text(recipe)
        run.engine.start()
        wait_until(lambda: json.loads(run.redis.hget("writebehind:registry", "persons") or "")["definition"] == 2, 20, "version 2")
        run.hset(1, 2)
        run.drain()
        assert run.target.rows()["1"] == ("name 1", 1)
        restore(run, backup)
        wait_until(lambda: json.loads(run.redis.hget("writebehind:registry", "persons") or "")["definition"] == 2, 20, "version 2 again")
        run.hset(2, 3)
        run.drain()
        assert run.target.rows()["2"] == ("name 2", 2)
