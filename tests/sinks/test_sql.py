"""Whole pipelines through SQLAlchemy's general connector, on real databases."""

from __future__ import annotations

import pytest
import redis

from tests.sinks.conftest import Start
from tests.sinks.refusing import batches_that_are_refused
from tests.sinks.sql_databases import Database
from writebehind.testing import wait_until

REJECTED = "writebehind:{sql}:rejected"


def rejected(client: redis.Redis) -> dict[str, dict[str, str]]:
    with redis.Redis(port=client.connection_pool.connection_kwargs["port"], decode_responses=True, encoding_errors="replace") as reader:
        return {entry["key"]: entry for _, entry in reader.xrange(REJECTED)}


def test_upsert_missing_delete_and_unmapped(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id VARCHAR(40) PRIMARY KEY, name VARCHAR(20), n INTEGER, kept VARCHAR(20)")
    target.run(f"INSERT INTO {target.name} VALUES ('a:1', 'old', 0, 'KEEP ME')")
    engine = run_sql({"name": "name", "n": "n"})
    redis_client.hset("p:a:1", mapping={"name": "Ada", "n": 36})
    redis_client.hset("p:2", mapping={"name": "Grace ☃ 𝄞 '\"\\ %s :x"[:20]})
    assert engine.drain()
    assert target.rows() == [("2", "Grace ☃ 𝄞 '\"\\ %s :x"[:20], None, None), ("a:1", "Ada", 36, "KEEP ME")]
    redis_client.hincrby("p:a:1", "n", 1)
    redis_client.delete("p:2")
    assert engine.drain()
    assert target.rows() == [("a:1", "Ada", 37, "KEEP ME")]


def test_missing_keep_leaves_columns_alone(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, a VARCHAR(20), b VARCHAR(20) NOT NULL")
    target.run(*(f"INSERT INTO {target.name} VALUES ({i}, 'old{i}', 'there{i}')" for i in range(6)))
    engine = run_sql({"a": "a", "b": "b"}, missing="keep", duration_ms=200)
    with redis_client.pipeline() as together:
        together.hset("p:0", "a", "new0")
        together.hset("p:1", "b", "new1")
        together.hset("p:2", mapping={"a": "new2", "b": "new2"})
        together.hset("p:9", mapping={"b": "made", "other": "x"})
        together.hset("p:3", "b", "again")
        together.execute()
    assert engine.drain()
    assert target.rows() == [
        (0, "new0", "there0"), (1, "old1", "new1"), (2, "new2", "new2"), (3, "old3", "again"),
        (4, "old4", "there4"), (5, "old5", "there5"), (9, None, "made"),
    ]  # fmt: skip


def test_a_deleted_and_remade_key_keeps_nothing(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, a VARCHAR(20), b VARCHAR(20)")
    engine = run_sql({"a": "a", "b": "b"}, missing="keep", duration_ms=200)
    redis_client.hset("p:1", mapping={"a": "old", "b": "old"})
    assert engine.drain()
    with redis_client.pipeline() as together:
        together.delete("p:1")
        together.hset("p:1", "b", "new")
        together.execute()
    assert engine.drain()
    assert target.rows() == [(1, None, "new")]


def test_key_columns_that_are_fields(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER, country VARCHAR(9), name VARCHAR(20), PRIMARY KEY (country, id)")
    engine = run_sql({"name": "name"}, keys=["country", "id"], duration_ms=200)
    for number in range(3):
        redis_client.hset(f"p:{number}", mapping={"country": "de", "name": f"n{number}"})
    assert engine.drain()
    with redis_client.pipeline() as together:
        together.hset("p:0", "country", "fr").hset("p:1", "name", "new").hset("p:0", "country", "it").delete("p:2")
        together.hset("p:3", "name", "lacks its country").hset("p:4", mapping={"country": "de", "name": "n4"}).execute()
    assert engine.drain()
    assert target.rows() == [(0, "it", "n0"), (1, "de", "new"), (4, "de", "n4")]
    assert rejected(redis_client)["p:3"]["column"] == "country"


def test_a_table_of_keys_alone(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, kept VARCHAR(9) DEFAULT 'kept'")
    engine = run_sql({})
    for _ in range(2):
        redis_client.hset("p:1", "any", "thing")
        redis_client.hset("p:2", "any", "thing")
        redis_client.delete("p:2")
        assert engine.drain()
    assert target.rows() == [(1, "kept")]


def test_what_is_refused_is_rejected_alone(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, name VARCHAR(5) NOT NULL, n INTEGER, u INTEGER UNIQUE, CONSTRAINT positive CHECK (n > 0)")
    engine = run_sql({"name": "name", "n": "n", "u": "u"}, duration_ms=300)
    bad = {
        3: {"name": "x", "n": "no number", "u": 3},
        7: {"name": "too long", "n": 1, "u": 7},
        11: {"n": 1, "u": 11},
        13: {"name": "x", "n": -1, "u": 13},
        17: {"name": "x", "n": 1, "u": 5},
        19: {"name": "\x00" if target.kind == "postgres" else b"\xff", "n": 1, "u": 19},
    }
    with redis_client.pipeline() as together:
        for i in range(40):
            together.hset(f"p:{i}", mapping={**bad.get(i, {"name": "x", "n": i + 1, "u": i}), "#": f"=u{i}"})
        together.hset("p:05", mapping={"name": "x", "n": 1, "u": 99})
        together.execute()
    assert engine.drain()
    stays = set(bad) - ({7} if target.kind == "sqlite" else set())  # SQLite takes a text of any length
    assert {row[0] for row in target.rows("id")} == set(range(40)) - stays
    found = rejected(redis_client)
    assert set(found) == {f"p:{i}" for i in stays} | {"p:05"}
    columns = {3: "n", 11: "name", 17: "u" if target.kind == "sqlite" else "", 19: "name"} | ({} if target.kind == "sqlite" else {7: "name"})
    for i, column in columns.items():
        assert found[f"p:{i}"]["reason"], i
        assert not column or found[f"p:{i}"]["column"] == column, found[f"p:{i}"]
    assert "positive" in found["p:13"]["reason"]
    for i in range(40):
        assert redis_client.xrange(f"{{p:{i}}}u{i}")[0][1]["status"] == ("failed" if i in stays else "done")
    assert engine.status()["sql"]["retries"] == 0


def test_names_are_quoted_and_a_column_may_be_called_anything(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    mark = "`" if target.kind == "mariadb" else '"'
    names = ["order", "a:b", "50%", "it's", "Group By", "p0_1", "c1"]
    quoted = [f"{mark}{name}{mark}" for name in names]
    target.create(f"{quoted[0]} VARCHAR(20) PRIMARY KEY, " + ", ".join(f"{name} VARCHAR(20)" for name in quoted[1:]))
    engine = run_sql({name: name for name in names[1:]}, connector=target.connector("order"))
    for value in ("one", "two"):
        redis_client.hset("p:k", mapping={name: f"{value} {name}" for name in names[1:]})
        assert engine.drain()
    assert target.rows() == [("k", *(f"two {name}" for name in names[1:]))]
    redis_client.delete("p:k")
    assert engine.drain()
    assert target.rows() == []


def test_types(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    types = {
        "sqlite": "flag BOOLEAN, amount NUMERIC(10,2), ratio REAL, day DATE, at TIME, moment TIMESTAMP, raw BLOB, doc JSON, big BIGINT",
        "postgres": "flag BOOLEAN, amount NUMERIC(10,2), ratio FLOAT, day DATE, at TIME, moment TIMESTAMP, raw BYTEA, doc JSONB, big BIGINT, "
        "zoned TIMESTAMPTZ, uid UUID, tags TEXT[], mood mood, address INET",
        "mariadb": "flag BOOLEAN, amount DECIMAL(10,2), ratio DOUBLE, day DATE, at TIME, moment DATETIME(6), raw BLOB, doc JSON, big BIGINT, "
        "zoned TIMESTAMP NULL, mood ENUM('sad','glad'), tiny TINYINT UNSIGNED, huge BIGINT UNSIGNED, y YEAR",
    }[target.kind]
    if target.kind == "postgres":
        target.run("DROP TYPE IF EXISTS mood CASCADE", "CREATE TYPE mood AS ENUM ('sad', 'glad')")
    target.create(f"id BIGINT PRIMARY KEY, {types}")
    columns = [column.split()[0] for column in types.replace("(10,2)", "").replace("'sad','glad'", "").split(", ")]
    engine = run_sql({column: column for column in columns})
    values = {
        "flag": "1", "amount": "1234567.885", "ratio": "0.1", "day": "2024-02-29", "at": "23:59:58.5", "moment": "2024-02-29T12:00:00.123456+02:00",
        "raw": b"\x00\xff'", "doc": '{"a": "ü\\u0000"}' if target.kind != "postgres" else '{"a": "ü"}', "big": str(-(2**63)),
        "zoned": "2024-02-29 12:00:00", "uid": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "tags": "{a,b}", "mood": "glad", "address": "10.0.0.1",
        "tiny": "255", "huge": str(2**64 - 1), "y": "2024",
    }  # fmt: skip
    redis_client.hset("p:1", mapping={column: values[column] for column in columns})
    redis_client.hset("p:2", "other", "x")
    assert engine.drain()
    assert rejected(redis_client) == {}
    asked = {
        "sqlite": "flag, amount, ratio, day, at, moment, hex(raw), doc, big",
        "postgres": "flag::int, amount::text, ratio, day::text, at::text, moment::text, encode(raw, 'hex'), doc->>'a', big, "
        "extract(epoch from zoned)::bigint, uid::text, tags::text, mood::text, host(address)",
        "mariadb": "flag, cast(amount as char), ratio, cast(day as char), cast(at as char), cast(moment as char), hex(raw), doc, big, "
        "unix_timestamp(zoned), mood, tiny, cast(huge as char), y",
    }[target.kind]
    full, empty = target.query(f"SELECT id, {asked} FROM {target.name} ORDER BY id")
    time = {"sqlite": "23:59:58.5", "postgres": "23:59:58.5", "mariadb": "23:59:58"}[target.kind]
    amount = 1234567.885 if target.kind == "sqlite" else "1234567.89"
    raw = "00ff27" if target.kind == "postgres" else "00FF27"
    doc = "ü" if target.kind == "postgres" else values["doc"]
    expected = (1, 1, amount, 0.1, "2024-02-29", time, "2024-02-29 10:00:00.123456", raw, doc, -(2**63))
    assert full[: len(expected)] == expected
    assert full[len(expected) :] == {
        "sqlite": (),
        "postgres": (1709208000, values["uid"].lower(), "{a,b}", "glad", "10.0.0.1"),
        "mariadb": (1709208000, "glad", 255, str(2**64 - 1), 2024),
    }[target.kind]
    assert set(empty[1:]) <= {None, ""}


@pytest.mark.parametrize("is_added_later", [False, True])
def test_mysql_never_touches_the_row_of_another_key(
    run_sql: Start, target: Database, redis_client: redis.Redis, is_added_later: bool
) -> None:
    target.create("id INTEGER PRIMARY KEY, u INTEGER, kept VARCHAR(9)")
    target.run(f"INSERT INTO {target.name} VALUES (1, 10, 'mine')")
    add = f"CREATE UNIQUE INDEX {target.name}_u ON {target.name} (u)"
    if not is_added_later:
        target.run(add)
    engine = run_sql({"u": "u"})
    redis_client.hset("p:3", "u", 3)
    assert engine.drain()
    if is_added_later:
        target.run(add)
    redis_client.hset("p:2", "u", 10)
    redis_client.hset("p:3", "u", 30)
    assert engine.drain()
    assert target.rows() == [(1, 10, "mine"), (3, 30, None)]
    assert set(rejected(redis_client)) == {"p:2"}


def test_a_not_null_column_that_is_not_mapped_lets_rows_be_updated(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, a INTEGER, must INTEGER NOT NULL")
    target.run(f"INSERT INTO {target.name} VALUES (1, 1, 1)")
    engine = run_sql({"a": "a"})
    redis_client.hset("p:1", "a", 2)
    redis_client.hset("p:2", "a", 2)
    assert engine.drain()
    assert target.rows() == [(1, 2, 1)]
    assert "must" in rejected(redis_client)["p:2"]["reason"]


def test_two_keys_that_the_collation_takes_for_one(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    column = {"sqlite": "TEXT COLLATE NOCASE", "postgres": "ci", "mariadb": "VARCHAR(20) COLLATE utf8mb4_general_ci"}[target.kind]
    if target.kind == "postgres":
        target.run("CREATE COLLATION IF NOT EXISTS folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
        column = 'VARCHAR(20) COLLATE "folding"'
    target.create(f"id {column} PRIMARY KEY, a INTEGER")
    engine = run_sql({"a": "a"}, duration_ms=200)
    with redis_client.pipeline() as together:
        for i, key in enumerate(["x", "B", "b", "É", "é", "y"]):
            together.hset(f"p:{key}", "a", i)
        together.execute()
    assert engine.drain()
    assert [row[1] for row in sorted(target.rows(), key=lambda row: row[1])] == [0, 2, *([4] if target.kind != "sqlite" else [3, 4]), 5]


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_the_column_of_a_value_that_the_database_alone_can_judge(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    types = {"address": "inet", "tags": "text[]", "span": "int4range"}
    target.create("id VARCHAR(9) PRIMARY KEY, n INTEGER, " + ", ".join(f"{name} {type_}" for name, type_ in types.items()))
    engine = run_sql({name: name for name in ("n", *types)})
    good = {"n": "1", "address": "10.0.0.1", "tags": "{a}", "span": "[1,2)"}
    for name in ("address", "tags", "span"):
        redis_client.hset(f"p:{name}", mapping={**good, name: "{of no kind"})
    redis_client.hset("p:good", mapping=good)
    assert engine.drain()
    assert target.rows("id") == [("good",)]
    found = rejected(redis_client)
    assert {key: (entry["column"], entry["value"]) for key, entry in found.items()} == {
        f"p:{name}": (name, "{of no kind") for name in ("address", "tags", "span")
    }


def test_2000_rows_with_15_bad_ones(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, n INTEGER, CHECK (n > 0)")
    engine = run_sql({"n": "n"}, writers=2, once=True)
    bad = {number * 131 for number in range(15)}
    with redis_client.pipeline() as together:
        for number in range(2000):
            together.hset(f"p:{number}", "n", -1 if number in bad else 1)
        together.execute()
    assert engine.drain(60)
    assert {row[0] for row in target.rows("id")} == set(range(2000)) - bad
    assert set(rejected(redis_client)) == {f"p:{number}" for number in bad}


def test_what_refuses_all_of_two_batches_pauses_writing(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, n INTEGER, CHECK (n + id * 0 > 0)")
    batches_that_are_refused(run_sql({"n": "n"}), redis_client)


def test_a_missing_table_column_or_privilege_rejects_nothing(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, a INTEGER, b INTEGER")
    engine = run_sql({"a": "a", "b": "b"})
    redis_client.hset("p:1", mapping={"a": 1, "b": 1})
    assert engine.drain()
    target.run(f"ALTER TABLE {target.name} DROP COLUMN b")
    redis_client.hset("p:2", mapping={"a": 2, "b": 2})
    wait_until(lambda: "has no column 'b'" in engine.status()["sql"]["message"], 20, "a message that names the column")
    target.run(f"ALTER TABLE {target.name} ADD COLUMN b INTEGER")
    assert engine.drain()
    target.run(f"ALTER TABLE {target.name} RENAME TO {target.name}_away")
    redis_client.hset("p:3", mapping={"a": 3, "b": 3})
    wait_until(lambda: f"no table '{target.name}'" in engine.status()["sql"]["message"], 20, "a message that names the table")
    target.run(f"ALTER TABLE {target.name}_away RENAME TO {target.name}")
    assert engine.drain()
    assert target.rows() == [(1, 1, None), (2, 2, 2), (3, 3, 3)]
    assert rejected(redis_client) == {}
