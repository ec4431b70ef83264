"""Short runs of the torture, with fixed seeds, and the proof that it can fail: what is planted is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .torture.checks import Snapshot, violations
from .torture.choices import Choices, Op
from .torture.faults import plan
from .torture.history import History, read_options
from .torture.model import Model, Verdict
from .torture.run import Torture, seeded, torture
from .torture.world import PIPELINE, TABLE, Options, World

SHORT: dict[str, Any] = {"rounds": 2, "ops": 80, "span_s": 2.0, "longest_s": 0.8}


@pytest.mark.parametrize(
    ("database", "exactly_once", "seed"), [("postgres", True, 15), ("mariadb", True, 200), ("sqlite", True, 217), ("sqlite", False, 105)]
)
def test_a_short_run(database: str, exactly_once: bool, seed: int, tmp_path: Path) -> None:
    options = seeded(Options(seed=seed, database=database, exactly_once=exactly_once, **SHORT))
    wrong = torture(options, tmp_path, print)
    assert not wrong, "\n".join(wrong[:20])
    assert Options(**read_options(tmp_path / "history.jsonl")) == options


def choices(seed: int) -> list[Op]:
    """What a client does in a round, if all goes well."""
    model = Model(drops=True, expired_deletes=True)
    made = Choices(3, model)
    made.begin(random.Random(f"{seed}/0/3"))
    done = []
    for _ in range(300):
        done.append(made.next())
        model.apply(model.effects(done[-1].commands))
    return done


def test_a_seed_makes_the_same_run() -> None:
    assert choices(7) == choices(7) != choices(8)
    options = Options(seed=7, database="mariadb")
    assert plan(options, 3) == plan(options, 3) != plan(replace(options, seed=8), 3)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torture]:
    """A round without faults, and nothing wrong with it."""
    directory = tmp_path_factory.mktemp("planted")
    options = Options(seed=5, database="sqlite", faults=False, ops=150, span_s=1.0, drops=True)
    history = History(directory / "history.jsonl", options.as_dict())
    with closing(history), World(options, directory, history) as world, closing(Torture(world)) as run:
        assert run.play(0) + run.check() == []
        yield run


def some(run: Torture, number: int = 0) -> str:
    """A key that is in Redis as it is in the table."""
    keys = run.look.expected().keys
    return [name for name, key in keys.items() if key.fields and key.changes and key.changes[-1].verdict is Verdict.WRITTEN][number]


def id_of(key: str) -> str:
    return key.partition(":")[2]


def sql(statement: str, number: int = 0) -> Callable[[Torture], object]:
    return lambda run: run.world.target.query(statement.format(t=TABLE, id=id_of(some(run, number))))


def answer(run: Torture, number: int) -> str:
    """The stream of an answer that says `done`."""
    expected = run.look.expected()
    uuid, one = [(uuid, one) for uuid, one in expected.asked.items() if one.statuses == {"done"}][number]
    return f"{{{one.key}}}{uuid}"


REJECTED = f"writebehind:{{{PIPELINE}}}:rejected"

PLANTED: dict[str, tuple[Callable[[Torture], object], str]] = {
    "a row is gone": (sql("DELETE FROM {t} WHERE id = '{id}'"), "the table has None for"),
    "a row of an earlier value": (sql("UPDATE {t} SET seq = seq - 1, name = 'torture 0' WHERE id = '{id}'", 1), "and never captured"),
    "a row written twice": (sql("UPDATE {t} SET seq = seq WHERE id = '{id}'", 2), "was written twice, or out of order"),
    "a row of nobody": (sql("INSERT INTO {t} (id) VALUES ('9-9')"), "for t:9-9, not None"),
    "no answer": (lambda run: run.world.redis.delete(answer(run, 0)), "has 0 answers"),
    "two answers": (lambda run: run.world.redis.xadd(answer(run, 1), {"status": "done"}), "has 2 answers"),
    "the wrong answer": (
        lambda run: (run.world.redis.delete(answer(run, 2)), run.world.redis.xadd(answer(run, 2), {"status": "failed"})),
        "was answered failed, not done",
    ),
    "a rejection twice": (
        lambda run: run.world.redis.xadd(REJECTED, run.world.redis.xrange(REJECTED, count=1)[0][1]),
        "is in the rejected stream 2 times",
    ),
    "a rejection lost": (lambda run: run.world.redis.xtrim(REJECTED, maxlen=0), "is in the rejected stream 0 times"),
    "a hash that was not captured": (lambda run: run.world.redis.hset(some(run), mapping={"n": "77777", "#": "+"}), "Redis has"),
    "a change that waits": (lambda run: None, "still holds 1 entries"),
    "a change that is counted nowhere": (lambda run: None, "counted"),
}

PRETENDED: dict[str, Callable[[Snapshot], Snapshot]] = {
    "a change that waits": lambda found: replace(found, waiting=1),
    "a change that is counted nowhere": lambda found: replace(found, captured=found.captured + 1),
}


def test_what_is_planted_is_found(played: Torture) -> None:
    """All in one run: what each makes wrong is told in other words, and was not wrong before."""
    before: set[str] = set()
    for name, (plant, words) in PLANTED.items():
        plant(played)
        snapshot = PRETENDED.get(name, lambda found: found)(played.look.snapshot())
        found = set(violations(played.look.expected(), snapshot))
        assert any(words in one for one in found - before), f"{name}: {sorted(found - before)}"
        before = found
