"""The text behind the prefix as a primary key: one text a row, whatever the column's type makes of others."""

from __future__ import annotations

import pytest
import redis

from tests.e2e.conftest import Start, answer, native, rejected, verifier
from tests.e2e.types_table import UUID
from tests.sinks.sql_databases import Database
from writebehind import Engine, Pipeline
from writebehind.log import Level, Log
from writebehind.testing import RedisServer

Texts = list[str | bytes]

INTEGERS: tuple[Texts, Texts] = (["5", "-5", "0"], ["05", "+5", " 5", "5 ", "-0", "5.0", "", "x", str(2**63)])
DATES: tuple[Texts, Texts] = (["2024-02-29"], ["20240229", "2024-2-29", "2024-02-29T00:00:00Z", "2023-02-29", ""])
UUIDS: tuple[Texts, Texts] = ([UUID], [UUID.upper(), f"{{{UUID}}}", UUID.replace("-", ""), f" {UUID}", ""])
SCALED: tuple[Texts, Texts] = (["5.00", "-0.50"], ["5", "5.0", "5.001", "05.00", "-0.00", "+5.00", "1e2", ""])
BYTES: tuple[Texts, Texts] = ([b"\xff\x00", "", "a", "a ", "A", "eu:7"], [])

# By the type of the key's column: texts that are keys, and texts that are rejected by name.
KEYS: dict[str, dict[str, tuple[Texts, Texts]]] = {
    "postgres": {
        "integer": (INTEGERS[0], [*INTEGERS[1], str(2**31)]), "bigint": INTEGERS, "uuid": UUIDS, "date": DATES, "numeric(10,2)": SCALED, "bytea": BYTES,
        "numeric": (["5", "5.25", "-1"], ["5.0", "05", "5.250", "1e2", "+5", ".5", "-0"]),
        "double precision": (["0.5", "5"], ["0.50", "5.0", "-0", "+5"]),
        "timestamptz": (["2024-02-29 10:20:30+00:00"], ["2024-02-29 10:20:30", "2024-02-29T10:20:30+00:00", "2024-02-29 12:20:30+02:00", "2024-02-29"]),
        "varchar(5)": (["eu:7", "a ", "a", "A", "", "é日😀aa"], ["123456", b"\xff", "a\0"]),
        "char(5)": (["ab", "Ab"], ["ab ", "123456"]),
        "boolean": (["1", "0"], ["true", "t", "01"]),
    },
    "mariadb": {
        "int": (INTEGERS[0], [*INTEGERS[1], str(2**31)]), "bigint unsigned": (["5", str(2**64 - 1)], ["05", "-1", str(2**64)]), "uuid": UUIDS, "date": DATES,
        "decimal(10,2)": SCALED, "varbinary(10)": BYTES, "binary(3)": (["abc", b"\xff\x00\x00"], ["a", b"\xff\x00", "abcd", ""]),
        "varchar(5) COLLATE utf8mb4_bin": (["eu:7", "a", "A", " a", "", "é日😀aa"], ["a ", "123456", b"\xff"]),
        "varchar(5) COLLATE utf8mb4_nopad_bin": (["a ", "a", "A"], ["123456"]),
        "varchar(5) CHARACTER SET latin1 COLLATE latin1_bin": (["é", "e"], ["日"]),
        "year": (["2024"], ["24", "02024"]), "enum('a','b')": (["a"], ["A", "1"]), "set('a','b')": (["a,b", "", "b"], ["b,a", "A", "1"]),
    },
    "sqlite": {
        "INTEGER": INTEGERS, "INT": INTEGERS, "BLOB": BYTES, "DATE": DATES, "UUID": UUIDS,
        "TEXT": (["eu:7", "a ", "a", "A", "", "005", "é日😀"], [b"\xff"]),
        "TEXT COLLATE RTRIM": (["a", "A"], ["a "]),
        "NUMERIC": (["5", "5.25", str(2**63 - 1)], ["5.0", "05", "1e2", "12345678901234567890", "12345678901234567891", "0.12345678901234567890"]),
        "REAL": (["0.5", "5"], ["0.50", "5.0", "-0"]),
    },
}  # fmt: skip


def test_only_the_canonical_text_is_a_key(
    redis_server: RedisServer, redis_client: redis.Redis, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("writebehind.verify.CHUNK", 2)
    types = list(KEYS[target.kind].items())
    pipelines = []
    for i, (type_, _) in enumerate(types):
        table = f"{target.name}_{i}"
        target.run(f"CREATE TABLE {table} (id {type_} NOT NULL PRIMARY KEY, v INTEGER)")
        pipelines.append(Pipeline(name=f"k{i}", prefix=f"k{i}", mapping={"v": "v"}, connector=native(target, table)))
    wrong = {}
    with Engine(redis_server.url, pipelines, log=Log("error")) as engine:
        for round_ in range(3):
            with redis_client.pipeline() as together:
                for i, (_, (good, bad)) in enumerate(types):
                    for j, text in enumerate([*good, *bad]):
                        key = f"k{i}:".encode() + (text if isinstance(text, bytes) else text.encode())
                        if round_ < 2:
                            together.hset(key, "v", j * 10 + round_)
                        else:
                            together.delete(key)
                together.execute()
            assert engine.drain(60), engine.status()
            for i, (type_, (good, bad)) in enumerate(types):
                rows = {row[0] for row in target.query(f"SELECT v FROM {target.name}_{i}")}
                if rows != ({j * 10 + round_ for j in range(len(good))} if round_ < 2 else set()):
                    wrong[type_, round_] = rows
                refused = [fields for _, fields in redis_client.xrange(f"writebehind:{{k{i}}}:rejected")]
                told = [fields["key"] for fields in refused if fields["column"] == "id" and fields["type"] and fields["reason"]]
                if len(told) != len(bad) * (round_ + 1) or len(refused) != len(told):
                    wrong[type_, round_, "rejected"] = refused
                report = verifier(redis_server.url, engine, f"k{i}").compare()
                if report.rows != (len(good) if round_ < 2 else 0) or {one.kind for one in report.differences.values()} - {"refused"}:
                    wrong[type_, round_, "verify"] = (report.rows, report.differences)
    assert wrong == {}


class Heard(Log):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("warning")
        self.lines: list[str] = []

    def write(self, level: Level, message: str, pipeline: str = "") -> None:
        self.lines.append(f"{level} {message}")


# What happens in one batch to two keys that a collation takes for one, and what is in the row when each was written by itself.
FOLDED: list[tuple[list[tuple[str, str | None]], list[str]]] = [
    ([("A", "1"), ("a", "2")], ["2"]),
    ([("A", "1"), ("a", "2"), ("A", "3")], ["3"]),
    ([("A", "1"), ("a", None)], []),
    ([("a", None), ("A", "1")], ["1"]),
    ([("A", None), ("a", "1"), ("b", "2"), ("B", None), ("A", "3")], ["3"]),
]


def test_a_key_column_that_takes_several_keys_for_one(run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    type_ = {"sqlite": "TEXT COLLATE NOCASE", "postgres": "citext", "mariadb": "VARCHAR(20) COLLATE utf8mb4_general_ci"}[target.kind]
    if target.kind == "postgres":
        target.run("CREATE EXTENSION IF NOT EXISTS citext")
    target.create(f"id {type_} PRIMARY KEY, v VARCHAR(9)")
    heard = Heard()
    engine = run_native({"v": "v"}, log=heard, connector=native(target, once=True))
    assert any("key column 'id'" in line and "compares without case" in line for line in heard.lines)
    for changes, expected in FOLDED:
        with redis_client.pipeline() as together:  # a transaction: one batch
            for key, value in changes:
                if value is None:
                    together.hset(f"p:{key}", "#", "~")
                else:
                    together.hset(f"p:{key}", "v", value)
            together.execute()
        assert engine.drain()
        assert [row[1] for row in target.rows()] == expected, changes
        with redis_client.pipeline() as together:
            for key in "aAbB":
                together.hset(f"p:{key}", "#", "~")
            together.execute()
        assert engine.drain()
    accents = target.kind == "mariadb"
    redis_client.hset("p:e", "v", "1")
    redis_client.hset("p:é", "v", "2")
    assert engine.drain()
    assert [row[1] for row in target.rows()] == (["2"] if accents else ["1", "2"])
    assert rejected(redis_client) == {}


COUNTED = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgres": "INTEGER GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    "mariadb": "INTEGER AUTO_INCREMENT PRIMARY KEY",
}


@pytest.mark.parametrize("is_counted", [False, True], ids=["", "counted"])
def test_a_second_unique_index_never_gives_a_row_away(
    run_native: Start, target: Database, redis_client: redis.Redis, is_counted: bool
) -> None:
    target.create(f"id {COUNTED[target.kind] if is_counted else 'INTEGER PRIMARY KEY'}, email VARCHAR(40) UNIQUE, n INTEGER, note VARCHAR(9) DEFAULT 'kept'")
    engine = run_native({"email": "email", "n": "n"})
    with redis_client.pipeline() as together:
        for i in range(20):
            together.hset(f"p:{i}", mapping={"email": f"e{i}", "n": i})
        together.execute()
    assert engine.drain()
    target.run(f"UPDATE {target.name} SET note = 'mine' WHERE id = 5")
    with redis_client.pipeline() as together:  # one batch: a new key and an old one want what row 5 has
        together.hset("p:100", mapping={"email": "e5", "n": 100, "#": "=new"})
        together.hset("p:7", mapping={"email": "e5", "n": 700, "#": "=old"})
        together.hset("p:101", mapping={"email": "e101", "n": 101, "#": "=good"})
        together.hset("p:6", mapping={"email": "e6", "n": 600})
        together.execute()
    assert engine.drain()
    rows = {row[0]: row[1:] for row in target.rows()}
    assert rows == {i: (f"e{i}", 600 if i == 6 else i, "mine" if i == 5 else "kept") for i in range(20)} | {101: ("e101", 101, "kept")}
    assert set(rejected(redis_client)) == {"p:100", "p:7"}
    assert [answer(redis_client, key, token)["status"] for key, token in (("p:100", "new"), ("p:7", "old"), ("p:101", "good"))] == ["failed", "failed", "done"]


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_row_is_not_given_away_where_keys_can_be_null(run_native: Start, target: Database, redis_client: redis.Redis, is_counted: bool) -> None:
    """To a key that the database counts NULL and 0 are the next number: nothing that is refused elsewhere is refused here."""
    target.create(f"id {COUNTED[target.kind] if is_counted else 'INTEGER UNIQUE'}, email VARCHAR(40) UNIQUE, n INTEGER")
    engine = run_native({"email": "email", "n": "n"})
    redis_client.hset("p:1", mapping={"email": "a", "n": 1})
    redis_client.hset("p:2", mapping={"email": "b", "n": 2})
    assert engine.drain()
    with redis_client.pipeline() as together:
        together.hset("p:3", mapping={"email": "a", "n": 3, "#": "=new"})
        together.hset("p:4", mapping={"email": "d", "n": 4, "#": "=good"})
        together.execute()
    assert engine.drain()
    assert sorted(target.rows()) == [(1, "a", 1), (2, "b", 2), (4, "d", 4)]
    assert set(rejected(redis_client)) == {"p:3"}
    assert [answer(redis_client, key, token)["status"] for key, token in (("p:3", "new"), ("p:4", "good"))] == ["failed", "done"]


def test_keys_that_the_database_alone_can_read_are_warned_of(run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    type_ = {"sqlite": "STUFF", "postgres": "inet", "mariadb": "inet6"}[target.kind]
    target.create(f"id {type_} PRIMARY KEY, v INTEGER")
    heard = Heard()
    engine = run_native({"v": "v"}, log=heard)
    assert any("share a row" in line for line in heard.lines) == (target.kind != "sqlite")
    other = {"sqlite": "::2", "postgres": "::1/128", "mariadb": "0::1"}[target.kind]
    with redis_client.pipeline() as together:
        together.hset("p:::1", "v", 1)
        together.hset(f"p:{other}", "v", 2)
        together.hset("p:::1", "v", 3)
        together.execute()
    assert engine.drain()
    assert sorted(row[1] for row in target.rows()) == ([2, 3] if target.kind == "sqlite" else [3])
