"""Random changes of a few hashes that share a few rows, against a plain model of what the table then has."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.keyed import Run, running
from tests.sinks.sql_databases import database

KEYS = ("k1", "k2", "k3", "k4")
PLACES = ("1", "2", "3", "4")
BAD = ("two", "03", None)
UNKNOWN = "whatever it is"


class Model:
    """Per row the last change that was not rejected decides.

    A change gives its key a row, and takes it from the key that had it. The row that its key had before moves there with what no
    field is mapped to, or is deleted where there was a row; a delete deletes it. A change that is rejected does nothing.
    """

    def __init__(self) -> None:
        self.hashes: dict[str, dict[str, str]] = {}
        self.rows: dict[str, tuple[str | None, str | None, str]] = {}
        self.owner: dict[str, str] = {}
        self.ended: set[str] = set()
        """Rows that were deleted since the last look: within a batch they may be written again with what they had."""

    def row_of(self, key: str) -> str | None:
        return next((row for row, owner in self.owner.items() if owner == key), None)

    def end(self, row: str) -> str:
        self.ended.add(row)
        del self.owner[row]
        return self.rows.pop(row)[2]

    def change(self, key: str) -> None:
        old = self.row_of(key)
        fields = self.hashes.get(key)
        if fields is None:
            if old:
                self.end(old)
            return
        place, n = fields.get("place"), fields.get("n")
        if place not in PLACES or (n is not None and not (n.isdigit() and int(n) < 1000)):
            return
        note = UNKNOWN if place in self.ended else "new"
        if old and old != place:
            note = self.end(old)
        if place in self.rows:
            note = self.rows[place][2]
        self.owner[place] = key
        self.rows[place] = (fields.get("t"), n, note)


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mariadb"])
def run(request: pytest.FixtureRequest, module: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    servers = {} if request.param == "sqlite" else {request.param: request.getfixturevalue(f"{request.param}_server")}
    with running(database(request.param, servers, tmp_path_factory.mktemp("model"), "model"), module) as made:
        yield made


def commands_of(chance: random.Random, model: Model, number: int) -> list[tuple[str, ...]]:
    """A change of one hash, done to the model too."""
    key = chance.choice(KEYS)
    there = model.hashes.get(key)
    if there is not None and chance.random() < 0.2:
        del model.hashes[key]
        model.change(key)
        return [("DEL", f"book:{key}")]
    fields = {"t": f"t{number}"}
    if there is None:
        there = model.hashes[key] = {}
        fields["s"] = "a"
        fields["place"] = chance.choice(PLACES)
    if chance.random() < 0.6:
        fields["place"] = chance.choice(PLACES)
    if chance.random() < 0.1:
        fields["place"] = chance.choice(BAD) or ""
    if chance.random() < 0.4:
        fields["n"] = chance.choice(["5", "6", "5000", "no number"])
    there |= fields
    model.change(key)
    made = [("HSET", f"book:{key}", *(word for pair in fields.items() for word in pair))]
    if "place" in there and chance.random() < 0.05:
        del there["place"]
        model.change(key)
        made.append(("HDEL", f"book:{key}", "place"))
    return made


def look(run: Run, model: Model, done: list[str], number: int) -> None:
    run.drain()
    found = {str(place): (t, None if n is None else str(n), note) for place, t, n, note in run.target.query(f"SELECT place, title, n, note FROM {run.target.name}_places")}
    expected = {row: (t, n, found[row][2] if note is UNKNOWN and row in found else note) for row, (t, n, note) in model.rows.items()}
    assert found == expected, "\n".join(done[-40:])
    model.ended.clear()
    run.target.run(f"UPDATE {run.target.name}_places SET note = concat('n{number}-', place)" if run.target.kind != "sqlite" else f"UPDATE {run.target.name}_places SET note = 'n{number}-' || place")
    model.rows = {row: (t, n, f"n{number}-{row}") for row, (t, n, _) in model.rows.items()}


@pytest.mark.parametrize("seed", range(2))
def test_the_table_has_what_the_last_changes_say(run: Run, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()
    done: list[str] = []
    run.redis.delete(*(f"book:{key}" for key in KEYS))
    run.drain()
    run.target.run(f"DELETE FROM {run.target.name}_places")
    run.stop()
    run.redis.execute_command("WB.UNREGISTER", "places", "DROP")
    run.start()
    for number in range(60):
        restarts = chance.random() < 0.06
        if restarts:
            run.stop()
            done.append("restart")
        for _ in range(chance.choice([1, 1, 2, 3, 6])):
            commands = [words for _ in range(chance.choice([1, 2, 3, 5])) for words in commands_of(chance, model, number)]
            done.append(" | ".join(" ".join(words) for words in commands))
            run.together(*commands)
        if restarts:
            run.start()
        look(run, model, done, number)
    for key in KEYS:
        run.redis.delete(f"book:{key}")
        model.hashes.pop(key, None)
        model.change(key)
    look(run, model, done, 1000)
    assert model.rows == {}
    run.no_strays()
