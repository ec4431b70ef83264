"""Keys, values and names of any bytes, from the hash to the row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import redis
import sqlalchemy as sa

from tests.e2e.conftest import Start, answer, native, rejected
from tests.sinks.sql_databases import Database

MIB = 1 << 20
BYTES = {"sqlite": "BLOB", "postgres": "BYTEA", "mariadb": "LONGBLOB"}
TEXT = {"sqlite": "TEXT", "postgres": "TEXT", "mariadb": "LONGTEXT"}
KEY = {"sqlite": "BLOB", "postgres": "BYTEA", "mariadb": "VARBINARY(200)"}
# The first and the last character of each plane, but for surrogates; and U+FFFE, which is none.
PLANES = "".join(f"{chr(max(plane << 16, 1))}{chr((plane << 16) + 0xFFFF)}" for plane in range(17)) + "\ud7ff\ue000\ufffe"
EVERY_BYTE = bytes(range(256))


def digest(data: bytes | memoryview | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def test_keys_and_values_of_any_bytes(run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create(f"id {KEY[target.kind]} NOT NULL PRIMARY KEY, raw {BYTES[target.kind]}, words {TEXT[target.kind]}, mine VARCHAR(9) DEFAULT 'mine'")
    engine = run_native({"raw": "raw", "words": "words"})
    large = EVERY_BYTE * (10 * MIB // 256)
    long = "größer\\\"' 😀 " * (10 * MIB // 21)
    changes: dict[bytes, dict[str, str | bytes]] = {
        b"eu:7": {"raw": EVERY_BYTE, "words": PLANES},
        b"": {"raw": b"", "words": ""},
        EVERY_BYTE[:100]: {"raw": b"\\x41", "words": "NULL"},
        EVERY_BYTE[156:]: {"words": "'; -- \\' \" ` {} %s ? $1 :x \r\n\t\x7f\x01"},
        b"\xed\xa0\x80": {"raw": b"\xff"},
        b"large": {"raw": large, "words": "x"},
        b"long": {"raw": b"x", "words": long},
    }
    bad: dict[bytes, str | bytes] = {b"\xff1": b"ab\xffcd", b"\xff2": b"\xf4\x90\x80\x80", b"\xff3": "nul \0 inside"}
    with redis_client.pipeline() as together:
        for key, fields in changes.items():
            together.hset(b"p:" + key, mapping=fields)
        for key, words in bad.items():
            together.hset(b"p:" + key, mapping={"raw": b"x", "words": words, "#": "=u"})
        together.execute()
    assert engine.drain(60), engine.status()
    found = {bytes(row[0]): row[1:] for row in target.query(f"SELECT id, raw, words, mine FROM {target.name}")}
    if target.kind != "postgres":  # the others keep a NUL in a text
        assert found.pop(b"\xff3")[1] == bad.pop(b"\xff3")
    assert set(found) == set(changes)
    for key, fields in changes.items():
        raw, words, mine = found[key]
        wanted = fields.get("raw")
        assert (None if raw is None else digest(raw)) == (None if wanted is None else digest(wanted)), key
        assert (None if words is None else digest(words)) == (digest(fields["words"]) if "words" in fields else None), key
        assert mine == "mine"
    refused = rejected(redis_client)
    assert set(refused) == {(b"p:" + key).decode(errors="surrogateescape") for key in bad}
    for key, fields in refused.items():
        assert fields["column"] == "words" and fields["reason"] in ("not valid UTF-8", "holds a NUL byte")
        assert answer(redis_client, key, "u") == {"status": "failed", "error": f"column words ({fields['type']}): {fields['reason']}"}
    assert engine.status()["native"]["retries"] == 0


def test_a_thousand_columns(run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, mine INTEGER DEFAULT 7, " + ", ".join(f"c{i} INTEGER" for i in range(1000)))
    engine = run_native({f"field{i}": f"c{i}" for i in range(1000)}, missing="keep")
    with redis_client.pipeline() as together:
        for key in range(200):
            together.hset(f"p:{key}", mapping={f"field{i}": key * i for i in range(1000)})
        together.hset("p:3", "field500", "no number")
        together.execute()
    assert engine.drain(60), engine.status()
    with redis_client.pipeline() as together:
        together.hdel("p:5", *(f"field{i}" for i in range(999)))
        together.hset("p:5", "field999", -1)
        together.execute()
    assert engine.drain(60), engine.status()
    rows = target.rows()
    assert rows == [(key, 7, *(key * i if (key, i) != (5, 999) else -1 for i in range(1000))) for key in range(200)]
    assert {key: fields["column"] for key, fields in rejected(redis_client).items()} == {"p:3": "c500"}


NAMES = ["select", "order by", 'a"b', "c`d", "e.f", "50%", "what?", ":x", "$1", "p'q", "back\\slash", "Ünï😀", "semi;colon--", "(paren)", "%s", "{}"]


def quoted(kind: str, name: str) -> str:
    mark = "`" if kind == "mariadb" else '"'
    return mark + name.replace(mark, mark * 2) + mark


def table_name(*parts: str) -> str:
    """As a connector takes it, each part between the quotes that it does not hold."""
    return ".".join(f"`{part}`" if '"' in part else f'"{part}"' for part in parts)


def test_names_of_any_characters(run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    names = [name.replace("😀", "") if target.kind == "mariadb" else name for name in NAMES]  # its names have no such characters
    schema = {"sqlite": "main", "postgres": f'sch"ema.{target.name}', "mariadb": f"sch`ema?.{target.name}"}[target.kind]
    table = f"{target.name} table.of `?$1 :x 50%;" + ("'" if target.kind == "postgres" else "")
    where = f"{quoted(target.kind, schema)}.{quoted(target.kind, table)}"
    if target.kind != "sqlite":
        target.run(f"CREATE SCHEMA {quoted(target.kind, schema)}")
    key, *columns = [quoted(target.kind, name) for name in names]
    target.run(f"CREATE TABLE {where} ({key} VARCHAR(20) PRIMARY KEY, " + ", ".join(f"{column} VARCHAR(40) DEFAULT 'd'" for column in columns) + ")")
    try:
        engine = run_native({f"f{name}": name for name in names[1:]}, connector=native(target, table_name(schema, table), names[0]))
        for value in ("one", "two"):
            redis_client.hset("p:k", mapping={f"f{name}": f"{value} {name}" for name in names[1:]})
            redis_client.hset("p:gone", "x", "x")
            redis_client.delete("p:gone")
            redis_client.hset("p:bad", f"f{names[-1]}", b"\xff")
            assert engine.drain(), engine.status()
        escaped = where if target.kind == "sqlite" else where.replace("%", "%%")
        assert target.query(f"SELECT * FROM {escaped}") == [("k", *(f"two {name}" for name in names[1:]))]
        assert rejected(redis_client)["p:bad"]["column"] == names[-1]
        engine.stop()
    finally:
        target.run(f"DROP TABLE {where}")
        if target.kind != "sqlite":
            target.run(f"DROP SCHEMA {quoted(target.kind, schema)}")


@pytest.fixture
def small_packets(target: Database) -> Iterator[None]:
    if target.kind != "mariadb":
        pytest.skip("only MySQL and MariaDB have packets")
    [(before,)] = target.query("SELECT @@global.max_allowed_packet")
    target.run(f"SET GLOBAL max_allowed_packet = {MIB}")
    yield
    target.run(f"SET GLOBAL max_allowed_packet = {before}")


def connections(target: Database) -> list[int]:
    """Those of the engine, by their numbers."""
    mine = sa.make_url(target.url).username
    return sorted(row[0] for row in target.query(f"SELECT id FROM information_schema.processlist WHERE user = '{mine}' AND command = 'Sleep'"))


def test_a_row_above_the_packet_limit(small_packets: None, run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    target.create("id INTEGER PRIMARY KEY, raw LONGBLOB, words LONGTEXT, more LONGTEXT, n INTEGER")
    engine = run_native({name: name for name in ("raw", "words", "more", "n")})
    redis_client.hset("p:0", "n", 0)
    assert engine.drain()
    before = connections(target)
    assert before
    half = "x" * (MIB // 5)
    values: dict[int, dict[str, str | bytes]] = {
        1: {"words": "é" * (MIB // 2)},
        2: {"raw": b"\xff" * MIB},
        3: {"words": half, "more": half, "raw": b"y" * (MIB // 2)},  # each fits, and travels by itself
        4: {"words": half, "more": half},
    }
    with redis_client.pipeline() as together:
        for key in range(30):
            together.hset(f"p:{key}", mapping={**values.get(key, {}), "n": key, "#": "=u"})
        together.execute()
    assert engine.drain(60), engine.status()
    assert [row[0] for row in target.rows("id")] == [key for key in range(30) if key not in (1, 2)]
    lengths = target.query(f"SELECT length(raw), length(words), length(more) FROM {target.name} WHERE id IN (3, 4) ORDER BY id")
    assert lengths == [(MIB // 2, MIB // 5, MIB // 5), (None, MIB // 5, MIB // 5)]
    refused = rejected(redis_client)
    assert {key: fields["column"] for key, fields in refused.items()} == {"p:1": "words", "p:2": "raw"}
    for key, fields in refused.items():
        assert f"larger than max_allowed_packet ({MIB} bytes)" in fields["reason"] and fields["type"] and len(fields["value"].encode()) == 200
        assert answer(redis_client, key, "u")["error"] == f"column {fields['column']} ({fields['type']}): {fields['reason']}"
    for key in {*range(30)} - {1, 2}:
        assert answer(redis_client, f"p:{key}", "u") == {"status": "done"}
    assert connections(target) == before
    assert engine.status()["native"]["retries"] == 0
