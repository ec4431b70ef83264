"""The table changes under a running engine: rows that fit it go on, rows that the new schema makes wrong are rejected alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.schema.running import Running

SERVERS = ("postgres", "mariadb")


@dataclass(frozen=True)
class Change:
    """What is done to the table while row 1 is (1, 'one'), fields that still fit and the row they make, and fields that don't."""

    name: str
    sql: dict[str, str]  # by kind of database; the others can't do it
    good: dict[str, object]
    row: tuple[object, ...]
    bad: dict[str, object] | None = None
    blames: str = ""  # what the reason for the refusal names
    back: dict[str, str] | None = None  # undoes it


CHANGES = (
    Change(
        "not null",
        {"postgres": "ALTER TABLE {t} ALTER b SET NOT NULL", "mariadb": "ALTER TABLE {t} MODIFY b VARCHAR(20) NOT NULL"},
        {"a": 2, "b": "two"},
        (2, "two"),
        {"a": 3},
        "column b",
        {"postgres": "ALTER TABLE {t} ALTER b DROP NOT NULL", "mariadb": "ALTER TABLE {t} MODIFY b VARCHAR(20)"},
    ),
    Change(
        "a shorter text",
        {"postgres": "ALTER TABLE {t} ALTER b TYPE VARCHAR(3)", "mariadb": "ALTER TABLE {t} MODIFY b VARCHAR(3)"},
        {"a": 2, "b": "two"},
        (2, "two"),
        {"a": 3, "b": "three"},
        "column b",
        {"postgres": "ALTER TABLE {t} ALTER b TYPE VARCHAR(20)", "mariadb": "ALTER TABLE {t} MODIFY b VARCHAR(20)"},
    ),
    Change(
        "a smaller integer",
        {"postgres": "ALTER TABLE {t} ALTER a TYPE SMALLINT", "mariadb": "ALTER TABLE {t} MODIFY a SMALLINT"},
        {"a": 32767, "b": "two"},
        (32767, "two"),
        {"a": 32768, "b": "two"},
        "column a",
        {"postgres": "ALTER TABLE {t} ALTER a TYPE INTEGER", "mariadb": "ALTER TABLE {t} MODIFY a INTEGER"},
    ),
    Change(
        "an integer made a text",
        {"postgres": "ALTER TABLE {t} ALTER a TYPE TEXT", "mariadb": "ALTER TABLE {t} MODIFY a VARCHAR(20)"},
        {"a": "no number", "b": "two"},
        ("no number", "two"),
    ),
    Change(
        "a text made an integer",
        {
            "postgres": "ALTER TABLE {t} ALTER b TYPE INTEGER USING length(b)",
            "mariadb": "ALTER TABLE {t} DROP b, ADD b INTEGER",
        },
        {"a": 2, "b": "2"},
        (2, 2),
        {"a": 3, "b": "three"},
        "column b",
    ),
    Change(
        "a check",
        dict.fromkeys(SERVERS, "ALTER TABLE {t} ADD CONSTRAINT {t}_small CHECK (a < 10)"),
        {"a": 9, "b": "two"},
        (9, "two"),
        {"a": 10, "b": "two"},
        "{t}_small",
        dict.fromkeys(SERVERS, "ALTER TABLE {t} DROP CONSTRAINT {t}_small"),
    ),
    Change(
        "a unique index",
        dict.fromkeys(("sqlite", *SERVERS), "CREATE UNIQUE INDEX {t}_one ON {t} (b)"),
        {"a": 2, "b": "two"},
        (2, "two"),
        {"a": 3, "b": "one"},
        "{t}",
        {"sqlite": "DROP INDEX {t}_one", "postgres": "DROP INDEX {t}_one", "mariadb": "DROP INDEX {t}_one ON {t}"},
    ),
)


def cases() -> list[Any]:
    return [pytest.param(one, kind, id=f"{one.name.replace(' ', '-')}-{kind}") for one in CHANGES for kind in one.sql]


@pytest.mark.parametrize(("change", "table"), cases(), indirect=["table"])
def test_what_fits_goes_on_and_the_rest_is_rejected_alone(run: Running, change: Change) -> None:
    kind, names = run.table.kind, run.table.names
    run.table.run(change.sql[kind])
    with run.redis.pipeline() as pipe:
        if change.bad:
            pipe.hset("p:3", mapping={**change.bad, "#": "=bad"})
        pipe.hset("p:2", mapping={**change.good, "#": "=good"})
        pipe.execute()
    run.drain()
    rows = run.table.rows()
    assert rows.pop("2") == change.row
    assert run.answer("p:2", "good") == [{"status": "done"}]
    if not change.bad:
        return
    [failed] = run.answer("p:3", "bad")
    assert failed["status"] == "failed"
    assert change.blames.format(**names) in failed["error"]
    assert run.rejected() == ["p:3"]
    assert list(rows) == ["1"], "the row of another key was touched"
    if change.back:
        run.table.run(change.back[kind])
        run.hset(3, **change.bad)
        run.drain()
        assert "3" in run.table.rows()
        assert len(run.rejected()) == 1


@pytest.mark.parametrize("table", ["postgres", "mariadb"], indirect=True)
@pytest.mark.parametrize("constraint", ["check", "unique", "foreign key", "trigger"])
def test_two_batches_that_a_constraint_refuses_whole_pause_writing(run: Running, constraint: str) -> None:
    kind = run.table.kind
    raise_ = {
        "postgres": (
            "CREATE FUNCTION {t}_no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$",
            "CREATE TRIGGER {t}_no BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_no()",
        ),
        "mariadb": ("CREATE TRIGGER {t}_no BEFORE INSERT ON {t} FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'",),
    }
    added = {
        "check": ("ALTER TABLE {t} ADD CONSTRAINT {t}_no CHECK (a < 10)",),
        "unique": ("CREATE UNIQUE INDEX {t}_no ON {t} (b)",),
        "foreign key": (
            "CREATE TABLE {t}_b (b VARCHAR(20) PRIMARY KEY)",
            "INSERT INTO {t}_b VALUES ('one')",
            "ALTER TABLE {t} ADD CONSTRAINT {t}_no FOREIGN KEY (b) REFERENCES {t}_b (b)",
        ),
        "trigger": raise_[kind],
    }
    gone = {
        "check": "ALTER TABLE {t} DROP CONSTRAINT {t}_no",
        "unique": "DROP INDEX {t}_no" + ("" if kind == "postgres" else " ON {t}"),
        "foreign key": "ALTER TABLE {t} DROP " + ("CONSTRAINT" if kind == "postgres" else "FOREIGN KEY") + " {t}_no",
        "trigger": "DROP TRIGGER {t}_no" + (" ON {t}" if kind == "postgres" else ""),
    }
    run.table.run(*added[constraint])
    batch = partial(run.hset, a=1, b="one") if constraint == "unique" else run.batch
    batch(*range(100, 250))
    run.drain()
    assert len(run.rejected()) == 150
    batch(*range(300, 450))
    message = run.says("writing is paused", "not today" if constraint == "trigger" else f"{run.table.name}_no")
    assert "it goes on by itself" in message
    assert run.waiting == len(run.rejected()) == 150
    run.table.run(gone[constraint])
    run.drain()
    assert len(run.rejected()) == 150
    assert len(run.table.rows()) == 151
