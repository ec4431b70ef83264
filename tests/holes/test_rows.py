"""Holes 5, 6, 16 to 20, 22 and 25: which row a key is, what is in it, and what stands in its way."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from tests.holes.running import Run
from tests.schema.tables import ONCE


def test_hole_05_all_behind_the_prefix_is_the_primary_key(run: Run) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER")
    with run.recipe({"a": "a"}) as GB:
        for number, key in enumerate(("eu:7", "eu:8", "us:7", ":")):
            run.redis.hset(f"person:{key}", "a", number)
        run.redis.delete("person:eu:8")
        assert GB.drain()
    assert sorted(run.rows()) == [(":", 3), ("eu:7", 0), ("us:7", 2)]


def test_hole_06_a_hash_without_a_mapped_field_is_a_row_with_null(run: Run) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER, b INTEGER")
    with run.recipe({"a": "a", "b": "b"}) as GB:
        run.redis.hset("person:1", "a", 1)
        run.redis.hset("person:2", mapping={"a": 2, "b": 2})
        assert GB.drain()
        assert run.rows() == [("1", 1, None), ("2", 2, 2)]
        run.redis.hdel("person:2", "a")
        run.redis.hset("person:3", "other", 3)
        assert GB.drain()
    assert run.rows() == [("1", 1, None), ("2", None, 2), ("3", None, None)]


def test_hole_16_columns_that_are_not_mapped_and_rows_of_other_tables_stay(run: Run) -> None:
    if run.database.kind == "sqlite":
        child = "CREATE TABLE {t}_child (parent VARCHAR(64) REFERENCES {t} (id) ON DELETE CASCADE)"
    else:
        child = "CREATE TABLE {t}_child (parent VARCHAR(64), FOREIGN KEY (parent) REFERENCES {t} (id) ON DELETE CASCADE)"
    run.create(
        "id VARCHAR(64) PRIMARY KEY, a INTEGER, note VARCHAR(20) DEFAULT 'default'",
        child,
        "INSERT INTO {t} VALUES ('1', 1, 'KEEP ME')",
        "INSERT INTO {t}_child VALUES ('1')",
    )
    with run.recipe({"a": "a"}) as GB:
        run.redis.hset("person:1", "a", 2)
        assert GB.drain()
    assert run.rows() == [("1", 2, "KEEP ME")]
    assert run.database.run("SELECT parent FROM {t}_child") == [("1",)]


@pytest.mark.parametrize(("mappings", "row"), [({"a": "a", "_b": "b"}, (7, None)), ({}, (None, None)), ({"_b": "b"}, (None, None))])
def test_hole_17_a_mapping_that_is_empty_or_has_names_to_skip(run: Run, mappings: dict[str, str], row: tuple[object, ...]) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER, b INTEGER")
    with run.recipe(mappings) as GB:
        run.redis.hset("person:1", mapping={"a": 7, "b": 7, "_b": 7})
        assert GB.drain()
        assert run.rows() == [("1", *row)]
        run.redis.delete("person:1")
        assert GB.drain()
        assert run.rows() == []


@pytest.mark.parametrize("database", ["postgres", "mariadb"], indirect=True)
def test_hole_18_names_that_are_words_of_sql_and_a_password_of_any_letters(run: Run, unique: str) -> None:
    database, mark = run.database, "`" if run.database.kind == "mariadb" else '"'
    table, password = f"{unique} order", "p@ss/1 '\"\\?:%"
    quoted = f"{mark}{table}{mark}"
    database.run(f"CREATE TABLE {quoted} ({mark}select{mark} VARCHAR(64) PRIMARY KEY, {mark}group{mark} INTEGER)", ONCE)
    if database.kind == "postgres":
        database.run("CREATE ROLE {user} LOGIN SUPERUSER PASSWORD " + "E'p@ss/1 \\'\"\\\\?:%'")
    else:
        database.run("CREATE USER {user} IDENTIFIED BY " + "'p@ss/1 \\'\"\\\\?:%'", "GRANT ALL ON *.* TO {user}")
    try:
        connector = database.connector(table, "select", connection=database.connection(unique, password))
        with run.recipe({"from": "group"}, connector=connector) as GB:
            run.redis.hset("person:'; --", "from", 7)
            assert GB.drain()
        assert database.run(f"SELECT * FROM {quoted}") == [("'; --", 7)]
    finally:
        database.run(f"DROP TABLE {quoted}", "DROP USER {user}")


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_hole_19_values_are_what_their_columns_are(run: Run) -> None:
    run.create(
        "id BIGINT PRIMARY KEY, number INTEGER, amount NUMERIC(10, 2), yes BOOLEAN, day DATE, at TIMESTAMP, raw BYTEA, doc JSONB, nothing INTEGER"
    )
    names = ("number", "amount", "yes", "day", "at", "raw", "doc", "nothing")
    with run.recipe({name: name for name in names}) as GB:
        values = {"number": "-7", "amount": "12.50", "yes": "true", "day": "2026-02-28", "at": "2026-02-28T12:00:00.5", "doc": '{"a": [1]}'}
        run.redis.hset("person:9007199254740993", mapping={**values, "raw": b"\0\xff"})
        assert GB.drain()
    [row] = run.database.run("SELECT * FROM {t}")
    at = datetime.datetime(2026, 2, 28, 12, 0, 0, 500_000)
    assert bytes(row[6]) == b"\0\xff"
    assert row[:6] + row[7:] == (9007199254740993, -7, Decimal("12.50"), True, at.date(), at, {"a": [1]}, None)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_hole_20_many_rows_are_one_statement_and_many_writes_of_a_key_one_row(run: Run) -> None:
    run.create(
        "id VARCHAR(64) PRIMARY KEY, a INTEGER",
        "CREATE TABLE {t}_log (what TEXT)",
        "CREATE FUNCTION {t}_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {t}_log VALUES (TG_LEVEL); RETURN NULL; END $$",
        "CREATE TRIGGER s AFTER INSERT ON {t} FOR EACH STATEMENT EXECUTE FUNCTION {t}_write()",
        "CREATE TRIGGER r AFTER INSERT OR UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_write()",
    )
    with run.recipe({"a": "a"}) as GB:
        with run.redis.pipeline() as pipe:  # a transaction: one batch
            for number in range(1000):
                pipe.hset(f"person:{number}", "a", number)
                pipe.hset("person:same", "a", number)
            pipe.execute()
        assert GB.drain()
    assert sorted(run.database.run("SELECT what, count(*) FROM {t}_log GROUP BY 1")) == [("ROW", 1001), ("STATEMENT", 1)]
    assert ("same", 999) in run.rows()
    run.database.run("DROP FUNCTION {t}_write CASCADE")


def test_hole_25_a_row_that_is_refused_blocks_nothing(run: Run) -> None:
    run.create("id VARCHAR(64) PRIMARY KEY, a INTEGER CHECK (a <> 13)")
    with run.recipe({"a": "a"}) as GB:
        for key, value in (("1", 1), ("poison", 13), ("2", "no number"), ("3", 3)):
            run.redis.hset(f"person:{key}", "a", value)
        assert GB.drain(10)
    assert run.rows() == [("1", 1), ("3", 3)]
    assert sorted(run.rejected()) == ["person:2", "person:poison"]
