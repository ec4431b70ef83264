"""The engine is killed, or ends by itself, at a change that the database refuses: once all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from .proxy import Loss
from .stack import Stack, stack

REJECTED = "writebehind:{persons}:rejected"


def batch(run: Stack, *changes: tuple[str, str, int]) -> None:
    """(key, first, seq) each, in a transaction; the seq is the uuid too."""
    with run.redis.pipeline() as pipe:
        for key, first, seq in changes:
            pipe.hset(f"person:{key}", mapping={"first_name": first, "seq": seq, "#": f"={seq}"})
        pipe.execute()


# Lost with the answer: the first change is committed. Silence: nothing is.
@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.SILENCE])
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_killed_in_the_middle_of_changes_one_by_one(kind: str, loss: Loss, module: Path, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path, proxied=True) as run:
        assert run.target.proxy
        run.target.query("CREATE UNIQUE INDEX persons_first ON persons (first)")
        run.start()
        batch(run, ("a", "one", 1), ("b", "two", 2))
        run.drain()
        run.target.proxy.lose(b"for a while" if kind == "postgres" or loss is Loss.SILENCE else b"COMMIT", loss, hold=True)
        batch(run, ("a", "for a while", 11), ("b", "one", 12), ("a", "two", 13))
        assert run.target.proxy.lost.wait(20), run.engine.log[-4000:]
        run.engine.kill()
        assert run.target.rows() == {"a": ("one", 1) if loss is Loss.SILENCE else ("for a while", 11), "b": ("two", 2)}
        run.target.proxy.release()
        run.engine.start()
        run.drain()
        assert run.target.rows() == {"a": ("two", 13), "b": ("one", 12)}
        assert run.written_twice() == []
        assert [run.answer("person:a", "11"), run.answer("person:b", "12"), run.answer("person:a", "13")] == [[{"status": "done"}]] * 3
        assert run.rejected() == []


REFUSES = {
    "check": ("ALTER TABLE persons ADD CONSTRAINT no CHECK (first <> 'bad')", "ALTER TABLE persons DROP CONSTRAINT no"),
    "unique": ("CREATE UNIQUE INDEX no ON persons (first)", "DROP INDEX no"),
}


@pytest.mark.parametrize(("kind", "refuses"), [("postgres", "unique"), ("mariadb", "check"), ("mariadb", "unique")])
def test_killed_when_the_rejection_is_stored(kind: str, refuses: str, module: Path, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path, proxied=True) as run:
        assert run.link
        makes, drops = REFUSES[refuses]
        run.target.query(makes)
        run.start()
        batch(run, ("0", "bad" if refuses == "unique" else "fine", 1))
        run.drain()
        run.link.lose(b"WB.REJECT", Loss.ANSWER, hold=True)
        batch(run, ("1", "before", 11), ("2", "bad", 12), ("3", "behind", 13))
        assert run.link.lost.wait(20), run.engine.log[-4000:]
        assert run.redis.xlen(REJECTED) == 1
        run.engine.kill()
        assert "2" not in run.target.rows() and "3" not in run.target.rows(), "nothing is committed past it"
        run.target.query(drops + (" ON persons" if "INDEX" in drops and kind == "mariadb" else ""))  # it would be taken now; but it is listed
        run.link.release()
        run.engine.start()
        run.drain()
        assert {key: run.target.rows().get(key) for key in "123"} == {"1": ("before", 11), "2": None, "3": ("behind", 13)}
        assert run.written_twice() == []
        assert [one["key"] for one in run.rejected()] == ["person:2"]
        assert [one["status"] for one in run.answer("person:2", "12")] == ["failed"]
        assert run.answer("person:1", "11") == run.answer("person:3", "13") == [{"status": "done"}]


@pytest.mark.parametrize(("kind", "refused"), [("postgres", "by a cast"), ("sqlite", "by the database")])
def test_error_handling_stop_halts_and_goes_on_once_mended(kind: str, refused: str, module: Path, tmp_path: Path) -> None:
    """With the engine ended: exit status 1, nothing past the change is committed, and what came before it is."""
    bad = 3_000_000_000 if refused == "by a cast" else 13
    with stack(kind, module, tmp_path, options=', error_handling="stop"') as run:
        if refused == "by the database":
            run.target.query("CREATE TRIGGER no BEFORE INSERT ON persons WHEN new.seq = 13 BEGIN SELECT RAISE(ABORT, 'not thirteen'); END")
        run.start()
        batch(run, ("1", "n", 1))
        run.drain()
        batch(run, ("1", "n", 2), ("2", "n", 3), ("3", "n", bad), ("1", "n", 5), ("4", "n", 6))
        assert run.engine.wait(20) == 1
        assert "halted by error_handling: stop: key person:3: " in run.engine.log
        assert run.redis.hget("writebehind:{persons}:engine", "state") == "halted"
        assert "person:3" in (run.redis.hget("writebehind:{persons}:engine", "message") or "")
        assert run.target.rows() == {"1": ("n", 2), "2": ("n", 3)}
        assert run.waiting == 3
        assert run.answer("person:1", "2") == run.answer("person:2", "3") == [{"status": "done"}]
        if refused == "by a cast":
            for table in ("persons", "written"):
                run.target.query(f"ALTER TABLE {table} ALTER seq TYPE BIGINT")
        else:
            run.target.query("DROP TRIGGER no")
        run.engine.start()
        run.drain()
        assert run.target.rows() == {"1": ("n", 5), "2": ("n", 3), "3": ("n", bad), "4": ("n", 6)}
        assert run.written_twice() == []
        assert run.rejected() == []
