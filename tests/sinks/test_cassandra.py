"""Cassandra as the target, through the whole path: rows, types, times, and what can be known at the start."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import ROOT, Cli
from tests.examples.running import blocks
from tests.sinks.cassandra_host import MAPPING, NEEDED, Keyspace, rows
from writebehind import Engine, Pipeline
from writebehind.connectors import CqlConnector
from writebehind.errors import ConfigError
from writebehind.log import Log
from writebehind.testing import RedisServer, wait_until

pytest.importorskip("cassandra.cluster")
pytestmark = NEEDED


def test_rows_follow_hashes(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    engine = run()
    redis_client.hset("p:a:1", mapping={"name": "Ada's ☃\0", "n": "36", "other": "x"})
    redis_client.hset("p:2", "other", "no mapped field")
    redis_client.hset("p:3", "n", "1")
    assert engine.drain()
    assert rows(keyspace, table) == {"a:1": ("Ada's ☃\0", 36), "2": (None, None), "3": (None, 1)}
    keyspace.run(f"UPDATE {table} SET own = 'kept' WHERE id = 'a:1'")
    redis_client.hdel("p:a:1", "name")
    redis_client.delete("p:3")
    redis_client.hset("p:a:1", mapping={"n": "37", "#": "=u1"})
    assert redis_client.xread({"{p:a:1}u1": "0-0"}, block=5000)[0][1][0][1] == {"status": "done"}
    assert engine.drain()
    assert rows(keyspace, table, "id, first, n, own") == {"a:1": (None, 37, "kept"), "2": (None, None, None)}


def test_keep_leaves_columns_alone_unless_the_key_was_deleted(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    keyspace.run(f"ALTER TABLE {table} ADD tags set<text>")
    engine = run(missing="keep", duration_ms=300, mapping={**MAPPING, "tags": "tags"})
    for key in "12":
        redis_client.hset(f"p:{key}", mapping={"name": "a", "n": "1", "tags": '["x"]'})
    assert engine.drain()
    with redis_client.pipeline() as together:
        together.hdel("p:1", "name", "tags")
        together.hset("p:1", "n", "2")
        together.delete("p:2")
        together.hset("p:2", "n", "2")
        together.execute()
    assert engine.drain()
    assert rows(keyspace, table, "id, first, n, tags") == {"1": ("a", 2, {"x"}), "2": (None, 2, None)}


TIMEUUID = "50554d6e-29bb-11e5-b345-feff819cdc9f"

# Type; texts of Redis and what is stored; texts that are refused.
TYPES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ascii", {"a b": "a b", "": ""}, ["é"]),
    ("text", {"☃": "☃"}, [b"\xff"]),  # type: ignore[list-item]
    ("tinyint", {"-128": -128}, ["128", "x"]),
    ("smallint", {"+7": 7}, ["32768"]),
    ("int", {"2147483647": 2147483647}, ["2147483648", "1.5", ""]),
    ("bigint", {"-9223372036854775808": -(2**63)}, ["9223372036854775808"]),
    ("varint", {"9" * 40: int("9" * 40), "-1": -1, "2.0": 2}, ["1.5", "x"]),
    ("decimal", {"1.50": Decimal("1.50"), "-12345678901234567890.123": Decimal("-12345678901234567890.123")}, ["1,5", "NaN"]),
    ("float", {"1.5": 1.5, "-Infinity": float("-inf")}, ["1e39", "x"]),
    ("double", {"0.1": 0.1, "1e300": 1e300}, ["x"]),
    ("boolean", {"true": True, "0": False}, ["2"]),
    ("date", {"2024-02-29": dt.date(2024, 2, 29), "0001-01-01": dt.date(1, 1, 1)}, ["2023-02-29"]),
    ("time", {"23:59:59.123456789": 86399123456789, "07:08": 25680000000000}, ["24:00:00", "25:00"]),
    ("timestamp", {
        "2024-02-29 12:34:56.7895": dt.datetime(2024, 2, 29, 12, 34, 56, 790000),
        "2024-02-29T12:34:56+02:00": dt.datetime(2024, 2, 29, 10, 34, 56),
        "1969-12-31 23:59:59.999": dt.datetime(1969, 12, 31, 23, 59, 59, 999000),
    }, ["yesterday"]),
    ("uuid", {"B4C9F3DE-0F9C-4F0A-9F0E-6B7E1D1A9A11": uuid.UUID("b4c9f3de-0f9c-4f0a-9f0e-6b7e1d1a9a11")}, ["b4c9f3de"]),
    ("timeuuid", {TIMEUUID: uuid.UUID(TIMEUUID)}, ["b4c9f3de-0f9c-4f0a-9f0e-6b7e1d1a9a11"]),
    ("blob", {b"\xff\x00": b"\xff\x00"}, []),  # type: ignore[dict-item]
    ("inet", {"::1": "::1", "127.0.0.1": "127.0.0.1"}, ["localhost.", "::zz"]),
    ("duration", {"1h30m": "1h30m"}, ["1 fortnight"]),
    ("frozen<list<int>>", {"[1, 2, 1]": [1, 2, 1]}, ['["x"]', "[1", '{"a": 1}']),
    ("set<text>", {'["b", "a"]': {"a", "b"}}, ["3"]),
    ("map<text, timestamp>", {'{"a": "2024-02-29 00:00:00Z"}': {"a": dt.datetime(2024, 2, 29)}}, ["[1]"]),
    ("frozen<tuple<int, text>>", {'[1, "a"]': (1, "a")}, ['["a", 1]']),
]  # fmt: skip


def seen(value: Any) -> Any:
    """What the driver read, as Python's own."""
    for attribute, make in (("nanosecond_time", int), ("days_from_epoch", lambda days: dt.date(1970, 1, 1) + dt.timedelta(days))):
        if hasattr(value, attribute):
            return make(getattr(value, attribute))
    if hasattr(value, "nanoseconds") and hasattr(value, "months"):
        return f"{value.nanoseconds // 3_600_000_000_000}h{value.nanoseconds // 60_000_000_000 % 60}m"
    if type(value).__name__ in ("SortedSet", "OrderedMapSerializedKey"):
        return set(value) if type(value).__name__ == "SortedSet" else dict(value)
    return value


def test_hole_19_values_have_their_columns_types(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    for place, (cql_type, _, _) in enumerate(TYPES):
        keyspace.run(f"ALTER TABLE {table} ADD c{place} {cql_type}")
    engine = run(mapping={f"f{place}": f"c{place}" for place in range(len(TYPES))}, duration_ms=300)
    expected: dict[str, tuple[int, Any]] = {}
    refused: dict[str, str] = {}
    with redis_client.pipeline() as together:
        for place, (cql_type, good, bad) in enumerate(TYPES):
            for number, (text, value) in enumerate(good.items()):
                together.hset(f"p:{place}-{number}", f"f{place}", text)
                expected[f"{place}-{number}"] = place, value
            for number, text in enumerate(bad):
                together.hset(f"p:{place}-bad{number}", mapping={f"f{place}": text, "#": f"=u{place}-{number}"})
                refused[f"{place}-bad{number}"] = f"{{p:{place}-bad{number}}}u{place}-{number}"
        together.execute()
    assert engine.drain()
    columns = ", ".join(f"c{place}" for place in range(len(TYPES)))
    found = rows(keyspace, table, f"id, {columns}")
    for key, (place, value) in expected.items():
        assert key in found, (key, TYPES[place][0])
        assert (TYPES[place][0], seen(found[key][place])) == (TYPES[place][0], value)
        assert [one for one in found[key][:place] + found[key][place + 1 :] if one is not None] == []
    assert found.keys() == expected.keys()
    answers = {key: redis_client.xrange(ack)[0][1] for key, ack in refused.items()}
    assert {answer["status"] for answer in answers.values()} == {"failed"}
    assert ip_address(found["17-0"][17]) == ip_address("::1")


def test_hole_27_a_large_batch_is_no_statement(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    """A logged BATCH of a hundred of these rows would be refused (batch_size_fail_threshold is 50 KiB)."""
    with redis_client.pipeline(transaction=False) as together:
        engine = run(batch=4000, duration_ms=2000)
        for i in range(4000):
            together.hset(f"p:{i}", mapping={"name": "x" * 1000, "n": str(i), "#": "=u" if i == 3999 else "="})
        together.execute()
    assert engine.drain()
    assert keyspace.run(f"SELECT count(*), sum(n) FROM {table}") == [(4000, sum(range(4000)))]
    assert engine.status()["sql"]["batches"] < 40


def test_rows_that_are_refused_are_rejected_alone(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    engine = run(duration_ms=300)
    keys = {"": "Key may not be empty", "k" * 70_000: "longer than maximum", "large": "exceeds allowed maximum"}
    with redis_client.pipeline() as together:
        for i in range(10):
            together.hset(f"p:{i}", "n", str(i))
        for place, key in enumerate(keys):
            together.hset(f"p:{key}", mapping={"name": "x" * 40_000_000 if key == "large" else "x", "#": f"=r{place}"})
        together.execute()
    assert engine.drain()
    assert sorted(rows(keyspace, table)) == [str(i) for i in range(10)]
    for place, (key, reason) in enumerate(keys.items()):
        assert reason in redis_client.xrange(f"{{p:{key}}}r{place}")[0][1]["error"]


def test_what_can_be_known_at_the_start(redis_server: RedisServer, redis_client: redis.Redis, keyspace: Keyspace, table: str) -> None:
    def refused(name: str, pk: str = "id", **options: Any) -> str:
        pipeline = Pipeline(name="sql", prefix="p", mapping=MAPPING, connector=CqlConnector(keyspace.connection(), name, pk), **options)
        with pytest.raises(ConfigError) as raised:
            Engine(redis_server.url, [pipeline], log=Log("error")).start()
        return str(raised.value)

    assert "no table 'nowhere.people'" in refused("nowhere.people")
    assert f"no table '{keyspace.name}.none" in refused("none")
    assert "neither its primary key" in refused(table, "own")
    keyspace.run(f"CREATE TABLE {table}_c (id text PRIMARY KEY, n counter)")
    assert "has counters" in refused(f"{table}_c")
    keyspace.run(f"DROP TABLE {table}_c")
    keyspace.run(f"ALTER TABLE {table} ADD tags list<text>")
    listed = Pipeline(name="sql", prefix="p", mapping={"t": "tags"}, connector=CqlConnector(keyspace.connection(), table, "id"), retry_interval_s=0.05)
    with Engine(redis_server.url, [listed], log=Log("error")) as engine:
        redis_client.hset("p:1", "t", '["x"]')
        wait_until(lambda: "is a list: what is written twice" in engine.status()["sql"]["message"], 30)
    redis_client.execute_command("WB.UNREGISTER", "sql", "DROP")
    folded = Pipeline(name="sql", prefix="p", mapping={"name": "FIRST"}, connector=CqlConnector(keyspace.connection(), table.upper(), "ID"))
    with Engine(redis_server.url, [folded], log=Log("error")) as engine:
        redis_client.hset("p:1", "name", "x")
        assert engine.drain()
    assert rows(keyspace, table) == {"1": ("x", None)}


def test_a_weak_consistency_is_said(run: Any, keyspace: Keyspace, capfd: pytest.CaptureFixture[str]) -> None:
    run(keyspace.connection(consistency="ONE"), log="warning")
    said = capfd.readouterr().err
    assert "consistency is ONE" in said and "commitlog_sync is periodic" in said


def test_the_page_of_targets(
    keyspace: Keyspace, table: str, redis_server: RedisServer, redis_client: redis.Redis, cli_for: type[Cli], tmp_path: Path
) -> None:
    page = ROOT / "docs" / "targets.md"
    (script,) = [block for block in blocks(page, "python") if "Cql" in block]
    (create,) = blocks(page, "sql")
    keyspace.run(f"DROP TABLE {table}")
    keyspace.run(create.replace("shop.persons", f"{keyspace.name}.{table}"))
    place = keyspace.place
    there = f"{place.username or ''!r}, {place.password or ''!r}, {place.hostname!r}, {keyspace.name!r}, port={place.port or 9042}"
    assert '"wb", "wb", "127.0.0.1", "shop", port=9042' in script and '"persons", "person_id"' in script
    recipe = tmp_path / "recipe.py"
    recipe.write_text(
        script.replace('"wb", "wb", "127.0.0.1", "shop", port=9042', there).replace('"persons", "person_id"', f'"{table}", "person_id"')
    )
    cli = cli_for(redis_server.url)
    assert cli("schema", recipe).stdout.startswith(f'CREATE TABLE "{keyspace.name}"."{table}"')
    assert "USING TIMESTAMP" in cli("run", "--dry-run", recipe).stdout
    assert cli("run", "--once", recipe).returncode == 0
    redis_client.hset("person:1", mapping={"first_name": "Ada", "age": "36"})
    assert cli("run", "--once", recipe).returncode == 0
    assert rows(keyspace, table, "person_id, first, age") == {"1": ("Ada", 36)}
