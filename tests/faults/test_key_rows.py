"""What is remembered of rows whose changes were refused, where the engine is killed at the worst moments or the memory is full."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path

import pytest

from .proxy import Loss
from .stack import Engine, Stack, stack
from writebehind.testing import wait_until

STRAYS = "writebehind:{persons}:strays"
KEYS = ', keys=[("person_id", "first_name")]'
STREAM = "writebehind:{persons}:stream"
BAD = "no number"


def write(run: Stack, *changes: tuple[int, str, object]) -> None:
    """Each is the number of a key, its row and a value; in a transaction."""
    with run.redis.pipeline() as pipe:
        for number, row, seq in changes:
            pipe.hset(f"person:{number}", mapping={"first_name": row, "seq": str(seq)})
        pipe.execute()


def stray(run: Stack) -> None:
    """The table has a of key 1, whose hash names b: that is key 2's row."""
    write(run, (1, "a", 1))
    write(run, (2, "b", 2))
    run.drain()
    write(run, (1, "b", BAD))
    run.drain()
    assert run.redis.hlen(STRAYS) == 2, "the rows that stay"


def rows(run: Stack) -> dict[str, int]:
    run.drain()
    return {row: int(seq) for row, (_, seq) in run.target.rows().items()}


def kill_at(run: Stack, place: str, mark: bytes, *changes: tuple[int, str, object]) -> None:
    """The engine writes these, sends what holds the mark to the database or Redis in vain, and is killed there."""
    proxy = run.target.proxy if place == "database" else run.link
    assert proxy
    proxy.lose(mark, Loss.SILENCE)
    write(run, *changes)
    assert proxy.lost.wait(30), run.engine.log[-4000:]
    run.engine.kill()
    run.engine.start()


@pytest.mark.parametrize("exactly_once", [True, False])
def test_the_engine_is_killed_before_and_after_the_commit(exactly_once: bool, module: Path, tmp_path: Path) -> None:
    with stack("postgres", module, tmp_path, options=KEYS, proxied=True, exactly_once=exactly_once) as run:
        run.start()
        write(run, (1, "a", 1), (2, "b", 2))
        write(run, (1, "c", BAD))
        assert rows(run) == {"a": 1, "b": 2}
        wait_until(lambda: run.redis.hlen(STRAYS) == 1, 10, "the row that stays")
        # The first moves a to c, and the second is refused again: then c stays, but not before the commit.
        kill_at(run, "database", b"COMMIT", (1, "c", 3), (1, "d", BAD), (2, "b", 4))
        assert rows(run) == {"c": 3, "b": 4}
        write(run, (1, "b", BAD))  # owns b, but for the table
        assert rows(run) == {"c": 3, "b": 4}
        kill_at(run, "redis", b"WB.SETTLE", (1, "e", 5))  # from c, also when it comes again
        assert rows(run) == {"e": 5, "b": 4}
        kill_at(run, "redis", b"WB.STRAYS", (2, "f", 6))  # had b all the while
        assert rows(run) == {"e": 5, "f": 6}
        write(run, (2, "f", 7), (1, "f", 8))
        assert rows(run) == {"f": 8}
        wait_until(lambda: not run.redis.exists(STRAYS), 10, "the strays to go")


def test_a_row_stays_while_the_memory_is_full(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, options=KEYS) as run:
        run.start()
        write(run, (1, "a", 1))
        run.drain()
        with closing(run.target.connect()) as lock:
            lock.execute("BEGIN IMMEDIATE")
            write(run, (1, "b", BAD), (2, "c", 2))
            run.redis.config_set("maxmemory", 1)
        assert rows(run) == {"a": 1, "c": 2}
        assert run.redis.hlen(STRAYS) == 1
        run.redis.config_set("maxmemory", 0)
        write(run, (1, "b", 3))
        assert rows(run) == {"b": 3, "c": 2}
        wait_until(lambda: not run.redis.exists(STRAYS), 10, "the strays to go")


def test_what_is_remembered_outlives_the_stream_and_what_can_not_be_read(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, options=KEYS) as run:
        run.start()
        stray(run)
        run.redis.xadd(STREAM, {"x": "not an entry"})
        run.drain()
        run.redis.delete("person:1")
        assert rows(run) == {"b": 2}, "an entry that can't be read"
        run.redis.delete("person:2")
        for restarts in (False, True):
            stray(run)
            if restarts:
                run.engine.kill()
            run.redis.delete(STREAM)
            run.redis.delete("person:1")
            if restarts:
                run.engine.start()
            assert rows(run) == {"b": 2}, "a stream that somebody deleted"
            run.redis.delete("person:2")
        assert rows(run) == {}
        wait_until(lambda: not run.redis.exists(STRAYS), 10, "the strays to go")


def test_a_second_engine_by_mistake(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, options=KEYS) as run:
        run.start()
        write(run, (1, "a", 1))
        write(run, (2, "b", 2))
        run.drain()
        assert run.engine.process
        run.engine.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: run.redis.info("clients")["blocked_clients"] == 0, 20, "the end of its read")
        second = Engine(tmp_path / "recipe.py", run.server.url).start()
        try:
            write(run, (1, "b", BAD))
            run.drain()
        finally:
            second.kill()
            run.engine.process.send_signal(signal.SIGCONT)
        run.redis.delete("person:1")
        assert rows(run) == {"b": 2}, "what the other one has stored"


def test_a_row_that_stays_is_nobodys_once_its_key_went_without_an_entry(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, options=KEYS) as run:
        run.start()
        stray(run)
        run.redis.hset("person:1", "#", "-")
        write(run, (1, "c", 3))
        assert rows(run) == {"a": 1, "b": 2, "c": 3}
        run.redis.delete("person:1")
        assert rows(run) == {"a": 1, "b": 2}
        write(run, (1, "c", 3))
        run.drain()
        with run.redis.pipeline() as pipe:  # while the change that is refused still waits
            pipe.hset("person:1", mapping={"first_name": "d", "seq": BAD})
            pipe.hset("person:1", "#", "-")
            pipe.hset("person:1", mapping={"first_name": "e", "seq": "5"})
            pipe.execute()
        assert rows(run) == {"a": 1, "b": 2, "c": 3, "e": 5}


def test_a_definition_without_such_keys_takes_over(module: Path, tmp_path: Path) -> None:
    """While a change that was captured before it still waits."""
    with stack("sqlite", module, tmp_path, options=KEYS) as run:
        run.start()
        stray(run)
        run.engine.terminate()
        run.redis.delete("person:1")
        recipe = tmp_path / "recipe.py"
        recipe.write_text(recipe.read_text().replace(KEYS, ""))
        run.engine.start()
        assert rows(run) == {"b": 2}
