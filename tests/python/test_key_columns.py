"""The option `keys`: what it means, what is refused, and what the command line makes of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import Cli
from tests.python.running import recipe
from writebehind import registry
from writebehind.connectors import (
    RedisConnection,
    RedisConnector,
    SQLAlchemyConnection,
    SQLAlchemyConnector,
    SQLiteConnection,
    SQLiteConnector,
)
from writebehind.definition import is_equal
from writebehind.errors import ConfigError, NotBuiltError
from writebehind.pipeline import Pipeline
from writebehind.testing import RedisServer

REDIS_KEY = {"column": "id", "key_prefix": "k:"}


def pipeline(**options: Any) -> Pipeline:
    connector = SQLiteConnector(SQLiteConnection("f.db"), "t", "id")
    return Pipeline(**{"name": "p", "prefix": "k", "mapping": {"a": "x", "b": "y"}, "connector": connector, **options})


def field(column: str, name: str) -> dict[str, str]:
    return {"column": column, "field": name}


@pytest.mark.parametrize(
    ("keys", "expected", "columns", "key_fields"),
    [
        (None, [REDIS_KEY], "xy", None),
        (["id"], [REDIS_KEY], "xy", None),
        (["id", "x"], [REDIS_KEY, field("x", "a")], "y", ["a"]),
        (("x", "id"), [field("x", "a"), REDIS_KEY], "y", ["a"]),
        (["id", "country"], [REDIS_KEY, field("country", "country")], "xy", ["country"]),
        (["id", ("country", "c")], [REDIS_KEY, field("country", "c")], "xy", ["c"]),
        (["y", {"id": "a2"}], [field("y", "b"), field("id", "a2")], "x", ["a2", "b"]),
        ([("x", "a")], [field("x", "a")], "y", ["a"]),
        ([["z", "a"]], [field("z", "a")], "xy", ["a"]),  # as YAML may have it; the field is in a column too
    ],
)
def test_what_keys_mean(keys: Any, expected: list[dict[str, str]], columns: str, key_fields: list[str] | None) -> None:
    made = pipeline(keys=keys).definition()
    assert made["outputs"][0]["keys"] == expected
    assert [column["column"] for column in made["outputs"][0]["columns"]] == list(columns)
    assert made.get("key_fields") == key_fields
    assert made.get("shared_rows", False) is (REDIS_KEY not in expected)
    assert made["fields"] == ["a", "b", *(name for name in key_fields or [] if name not in "ab")]


def test_their_order_does_not_count() -> None:
    assert is_equal(pipeline(keys=["id", "x"]).definition(), pipeline(keys=["x", "id"]).definition())
    assert not is_equal(pipeline(keys=["id", "x"]).definition(), pipeline(keys=["id", "y"]).definition())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keys": []}, "keys is []"),
        ({"keys": "id"}, "keys is 'id'"),
        ({"keys": {"id": "a"}}, "keys is {'id': 'a'}"),
        ({"keys": [""]}, "'' in keys"),
        ({"keys": [("x",)]}, r"('x',) in keys"),
        ({"keys": [("x", "")]}, "in keys"),
        ({"keys": [{"x": "a", "y": "b"}]}, "in keys"),
        ({"keys": [1]}, "1 in keys"),
        ({"keys": ["id", "id"]}, "'id' twice"),
        ({"keys": ["id", ("x", "b2")]}, "'b2' for column 'x', which the mapping has 'a' for"),
        ({"keys": ["id", "x"], "writers": 2}, "one writer, not 2"),
        ({"keys": ["id", "x"], "mapping": {"a": "id"}}, "'id', which the primary key has already"),
        ({"keys": ["id", "x"], "connector": RedisConnector(RedisConnection("h", 1), "new")}, "RedisConnector has one key"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        pipeline(**options)
    assert message in str(raised.value)


class Recorder:
    def TableName(self) -> str:
        return "t"

    def PrimaryKey(self) -> str:
        return "id"

    def WriteData(self, data: list[dict[str, Any]]) -> None: ...


def test_a_connector_of_your_own_has_one_key() -> None:
    with pytest.raises(ConfigError, match="a connector of your own has one key, 'id'"):
        pipeline(connector=Recorder(), keys=["id", "x"])
    pipeline(connector=Recorder(), keys=["id"])


def test_the_command_line(tmp_path: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    cli, file = Cli(redis_server.url), tmp_path / "t.db"
    script = recipe(tmp_path, repr(str(file)), options="keys=['id', ('c', 'country')]")
    printed = cli("schema", script).stdout
    assert 'PRIMARY KEY ("id", "c")' in printed
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT NOT NULL, a TEXT)")
    wrong = cli("run", script)
    assert wrong.returncode == 2
    assert "the key (id, c) of table 't' is neither its primary key nor a UNIQUE index" in wrong.stderr
    assert "create a UNIQUE index on exactly these columns" in wrong.stderr
    database.execute("DROP TABLE t")
    database.execute(printed)
    database.close()
    explained = cli("run", script, "--dry-run").stdout
    assert '"id" = ' in explained
    assert '"c" = ' in explained
    assert redis_client.keys("*") == []
    assert cli("run", script, "--once").returncode == 0
    redis_client.hset("k:1", mapping={"country": "de", "a": "x"})
    redis_client.hset("k:1", "country", "fr")
    assert cli("run", script, "--once").returncode == 0
    database = sqlite3.connect(file)
    assert database.execute("SELECT id, c, a FROM t").fetchall() == [("1", "fr", "x")]
    database.close()


def test_changes_that_wait_with_field_keys_have_one_writer(redis_client: redis.Redis) -> None:
    registry.register(redis_client, pipeline(keys=["id", "x"]))
    registry.check_writers(redis_client, pipeline(writers=2))
    redis_client.hset("k:1", mapping={"a": "1"})
    registry.check_writers(redis_client, pipeline())
    with pytest.raises(NotBuiltError, match="key columns are fields"):
        registry.check_writers(redis_client, pipeline(writers=2))


def test_the_schema_of_a_dialect() -> None:
    connector = SQLAlchemyConnector(SQLAlchemyConnection("mysql+pymysql://u:p@h/d"), "t", "id")
    [statement] = connector.schema_sql(["id", "c", "d", "e"], ["a"])
    assert "PRIMARY KEY (id, c, d, e)" in statement
    assert "VARCHAR(192)" in statement, "InnoDB takes keys of 3072 bytes"
