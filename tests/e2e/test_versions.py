"""Versions: which definition may replace which, and that what waited is written under the one that captured it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from writebehind import Engine, Pipeline
from writebehind.connectors import PostgresConnection, PostgresConnector, SQLiteConnection, SQLiteConnector
from writebehind.errors import VersionError
from writebehind.testing import PostgresServer, RedisServer

COLUMNS = "(id VARCHAR(20) PRIMARY KEY, x VARCHAR(20), y VARCHAR(20))"

ONE, TWO = {"a": "x"}, {"a": "y", "b": "x"}

# (version, mapping, what becomes of it, the version that Redis has then): one step after the other.
STEPS: tuple[tuple[tuple[str | None, dict[str, str], str, str | None], ...], ...] = (
    (
        ("1.0.0", ONE, "registered", "1.0.0"),
        ("1.0.0", ONE, "attached", "1.0.0"),
        ("0.9.0", ONE, "attached", "1.0.0"),
        ("1.0.0", TWO, "refused", "1.0.0"),
        ("0.9.9", TWO, "refused", "1.0.0"),
        (None, TWO, "refused", "1.0.0"),
        ("1.0.1", TWO, "replaced", "1.0.1"),
        ("1.0.0", ONE, "refused", "1.0.1"),
        ("99.99.99", ONE, "replaced", "99.99.99"),
        ("99.99.99", ONE, "attached", "99.99.99"),
        ("99.99.99", TWO, "replaced", "99.99.99"),
        ("2.0.0", ONE, "refused", "99.99.99"),
        (None, ONE, "refused", "99.99.99"),
    ),
    (
        (None, ONE, "registered", None),
        (None, ONE, "attached", None),
        (None, TWO, "replaced", None),
        ("1.0.0", ONE, "refused", None),
        ("1.0.0", TWO, "attached", None),
        ("99.99.99", ONE, "replaced", "99.99.99"),
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "target.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE one {COLUMNS}")
        database.execute(f"CREATE TABLE two {COLUMNS}")
    return path


@pytest.mark.parametrize("steps", STEPS, ids=["with-a-version", "without"])
def test_what_replaces_what(steps: Any, redis_server: RedisServer, redis_client: redis.Redis, file: Path) -> None:
    connector = SQLiteConnector(SQLiteConnection(str(file)), "one", "id")
    wanted, columns = {}, {"x": "", "y": ""}
    for number, (version, mapping, becomes, stands) in enumerate(steps):
        engine = Engine(redis_server.url, [Pipeline(name="p", prefix="p", mapping=mapping, connector=connector, version=version)])
        before = redis_client.hget("writebehind:registry", "p")
        if becomes == "refused":
            with pytest.raises(VersionError, match="'p'.* may not replace it") as raised, engine:
                pass
            assert (f"version {stands}" if stands else "without a version") in str(raised.value)
            assert "give the recipe a higher version" in raised.value.hint
            assert redis_client.hget("writebehind:registry", "p") == before, "it changed something"
        else:
            with engine:
                assert engine.registered()["p"].action == becomes
                assert engine.drain()  # and what the definition before it captured
            columns = mapping
        [line] = redis_client.execute_command("WB.LIST")
        assert dict(zip(line[::2], line[1::2], strict=True))["version"] == stands
        redis_client.hset(f"p:{number}", mapping={"a": f"a{number}", "b": f"b{number}"})
        row = {column: f"{field}{number}" for field, column in columns.items()}
        wanted[str(number)] = (row.get("x"), row.get("y"))
    current = next(mapping for _, mapping, becomes, _ in reversed(steps) if becomes != "refused")
    last = Pipeline(name="p", prefix="p", mapping=current, connector=connector)
    with Engine(redis_server.url, [last]) as engine:
        assert engine.drain()
    with closing(sqlite3.connect(file)) as database:
        assert {row[0]: row[1:] for row in database.execute("SELECT id, x, y FROM one")} == wanted


def load(client: redis.Redis, start: int, stop: int, mark: str) -> None:
    for first in range(start, stop, 5000):
        pipe = client.pipeline(transaction=False)
        for number in range(first, min(first + 5000, stop)):
            pipe.hset(f"p:{number}", mapping={"a": f"{mark}a{number}", "b": f"{mark}b{number}"})
        pipe.execute()


WAITING = 100_000
BOTH = 1_000  # keys that are changed again under the second definition


def capture_under_both(client: redis.Redis, server: RedisServer, one: Pipeline, two: Pipeline) -> None:
    """100,000 changes are captured under one; two is registered with all of them waiting; more come while its engine writes."""
    with Engine(server.url, [one]):
        pass
    load(client, 0, WAITING, "1")
    with Engine(server.url, [two]) as engine:
        assert engine.registered()["p"].action == "replaced"
        load(client, WAITING - BOTH, WAITING + BOTH, "2")
        assert engine.drain(120)
        assert engine.status()["p"]["rejected"] == 0


def assert_rows(rows: list[tuple[Any, ...]], first: int, stop: int, row: Any) -> None:
    """Every row, not a sample: `row(number)` for each number."""
    found = {int(row[0]): row[1:] for row in rows}
    wanted = {number: row(number) for number in range(first, stop)}
    differing = [number for number in found.keys() | wanted.keys() if found.get(number) != wanted.get(number)]
    assert not differing, f"{len(differing)} rows differ: {[(n, found.get(n), wanted.get(n)) for n in sorted(differing)[:5]]}"


def under_one(number: int) -> tuple[str | None, str | None]:
    return (f"1a{number}", None)


def under_two(number: int) -> tuple[str | None, str | None]:
    return (f"2b{number}", f"2a{number}")


def test_100000_changes_wait_for_another_mapping(redis_server: RedisServer, redis_client: redis.Redis, file: Path) -> None:
    connector = SQLiteConnector(SQLiteConnection(str(file)), "one", "id")
    one, two = (
        Pipeline(name="p", prefix="p", mapping=mapping, connector=connector, version=version)
        for mapping, version in ((ONE, "1.0.0"), (TWO, "2.0.0"))
    )
    capture_under_both(redis_client, redis_server, one, two)
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT id, x, y FROM one").fetchall()
    assert_rows(rows, 0, WAITING + BOTH, lambda number: (under_one if number < WAITING - BOTH else under_two)(number))


@contextmanager
def tables(server: PostgresServer, name: str) -> Iterator[Any]:
    with closing(psycopg2.connect(server.url)) as link, link.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name}_one {COLUMNS}; CREATE TABLE {name}_two {COLUMNS}")
        cursor.execute(f"CREATE TABLE {name}_once (id VARCHAR(200) PRIMARY KEY, val VARCHAR(64))")
        link.commit()
        yield cursor
        link.rollback()
        cursor.execute(f"DROP TABLE {name}_one, {name}_two, {name}_once")
        link.commit()


def test_100000_changes_wait_for_another_table_and_four_writers(
    redis_server: RedisServer, redis_client: redis.Redis, postgres_server: PostgresServer, unique: str
) -> None:
    connection = PostgresConnection("wb", "wb", f"127.0.0.1:{postgres_server.port}/wb")
    one, two = (
        Pipeline(
            name="p",
            prefix="p",
            mapping=mapping,
            connector=PostgresConnector(connection, f"{unique}_{table}", "id", f"{unique}_once"),
            version=version,
            writers=4,
        )
        for mapping, version, table in ((ONE, "1.0.0", "one"), (TWO, "2.0.0", "two"))
    )
    with tables(postgres_server, unique) as cursor:
        capture_under_both(redis_client, redis_server, one, two)
        cursor.execute(f"SELECT id, x, y FROM {unique}_one")
        assert_rows(cursor.fetchall(), 0, WAITING, under_one)
        cursor.execute(f"SELECT id, x, y FROM {unique}_two")
        assert_rows(cursor.fetchall(), WAITING - BOTH, WAITING + BOTH, under_two)
