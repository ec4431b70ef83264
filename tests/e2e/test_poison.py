"""37 bad rows in a batch of 10,000: they alone are rejected, and finding them costs about a logarithm of statements each."""

from __future__ import annotations

import math
import random

import pytest
import redis

from tests.e2e.conftest import Start, native
from tests.sinks.sql_databases import Database

ROWS, BAD = 10_000, 37

# By what refuses: the field, and its value; the database names no column of a CHECK.
REFUSES = {"a cast": ("a", "no number"), "CHECK": ("c", "100"), "NOT NULL": ("n", None), "UNIQUE": ("u", "1")}


def count_statements(target: Database) -> int:
    """So many that write rows have come to the database, refused ones too; SQLite is asked row by row, and counts nothing."""
    if target.kind == "postgres":
        return int(target.query(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {target.name}_statements")[0][0])
    if target.kind == "mariadb":
        return sum(int(value) for _, value in target.query("SHOW GLOBAL STATUS WHERE variable_name IN ('Com_insert', 'Com_update')"))
    return 0


@pytest.fixture
def counted(target: Database) -> Database:
    target.create("id INTEGER PRIMARY KEY, a INTEGER, c INTEGER CHECK (c < 100), n VARCHAR(9) NOT NULL, u INTEGER UNIQUE")
    target.run(f"INSERT INTO {target.name} VALUES (-1, 0, 0, 'n', 1)")
    if target.kind == "postgres":  # a sequence forgets nothing that is rolled back
        target.run(
            f"CREATE SEQUENCE {target.name}_statements",
            f"CREATE FUNCTION {target.name}_count() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM nextval('{target.name}_statements'); RETURN NULL; END $$",
            f"CREATE TRIGGER counts BEFORE INSERT ON {target.name} FOR EACH STATEMENT EXECUTE FUNCTION {target.name}_count()",
        )
    return target


def test_bad_rows_among_many(counted: Database, run_native: Start, redis_client: redis.Redis) -> None:
    engine = run_native({name: name for name in "acnu"}, connector=native(counted, once=True), max_batch=ROWS)
    seed = random.Random(counted.kind)
    statements = {}
    for batch, (what, (field, value)) in enumerate(REFUSES.items()):
        bad = {batch * ROWS + number for number in seed.sample(range(ROWS), BAD)}
        before = count_statements(counted)
        with redis_client.pipeline() as pipe:
            for number in range(batch * ROWS, (batch + 1) * ROWS):
                fields = {"a": number, "c": 1, "n": "n", "u": number + 10, **({field: value} if number in bad else {})}
                pipe.hset(f"p:{number}", mapping={name: one for name, one in fields.items() if one is not None})  # type: ignore[misc]
            pipe.execute()
        assert engine.drain(120), engine.status()
        statements[what] = count_statements(counted) - before
        written = counted.query(f"SELECT count(*) FROM {counted.name} WHERE id >= {batch * ROWS}")[0][0]
        assert written == ROWS - BAD
        entries = [fields for _, fields in redis_client.xrange("writebehind:{native}:rejected")][batch * BAD :]
        assert {int(one["key"][2:]) for one in entries} == bad and len(entries) == BAD
        assert all(one["reason"] for one in entries)
        if what != "CHECK":
            assert {one["column"] for one in entries} == {field} and all(one["type"] for one in entries)
            assert {one["value"] for one in entries} == {"NULL" if value is None else value}
    print(f"statements for {ROWS} rows, {BAD} of them refused: {counted.kind}: {statements}")
    assert statements["a cast"] <= 20
    assert all(count <= BAD * math.log2(ROWS) for count in statements.values())
