"""GearsBuilder and Engine in a program or notebook, on a real server."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import redis

from tests.python import running
from writebehind import Engine, GearsBuilder, Pipeline, RGWriteBehind
from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.errors import ConfigError, NotBuiltError, RedisUnavailable, VersionError
from writebehind.gears import current_builder
from writebehind.testing import RedisServer, free_port


@pytest.fixture
def connector(file: Path) -> SQLiteConnector:
    return SQLiteConnector(SQLiteConnection(str(file)), "t", "id")


def rows(connector: SQLiteConnector) -> list[tuple[object, ...]]:
    assert isinstance(connector.connection, SQLiteConnection)
    return running.rows(connector.connection.filePath)


def test_a_builder_runs_what_is_declared(redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector) -> None:
    with GearsBuilder(redis_server.url) as GB:
        assert current_builder() is GB
        RGWriteBehind(GB, "k", {"a": "a"}, connector, "first")
        RGWriteBehind("l", {"a": "a"}, connector)  # the builder that runs is the current one
        redis_client.hset("k:1", "a", 1)
        redis_client.hset("l:2", "a", 2)
        assert GB.drain(10)
        assert rows(connector) == [("1", 1), ("2", 2)]
        assert [pipeline.name for pipeline in GB.pipelines] == ["first", "l"]
    assert current_builder() is not GB
    redis_client.hset("k:3", "a", 3)  # captured, and waits for the next engine
    assert redis_client.xlen("writebehind:{first}:stream") == 1


def test_a_builder_can_be_started_and_stopped_again(
    redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector
) -> None:
    GB = GearsBuilder(redis_server.url)
    RGWriteBehind(GB, "k", {"a": "a"}, connector, "p")
    for number in (1, 2):
        GB.start()
        GB.start()
        redis_client.hset(f"k:{number}", "a", number)
        assert GB.drain(10)
        GB.stop()
        GB.stop()
    assert rows(connector) == [("1", 1), ("2", 2)]


def test_a_pipeline_that_is_refused_leaves_the_others_running(
    redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector
) -> None:
    with GearsBuilder(redis_server.url) as GB:
        RGWriteBehind(GB, "k", {"a": "a"}, connector, "good")
        with pytest.raises(ConfigError, match="no_such_column"):
            RGWriteBehind(GB, "l", {"a": "no_such_column"}, connector, "bad")
        redis_client.hset("k:1", "a", 1)
        assert GB.drain(10)
        assert rows(connector) == [("1", 1)]
        assert list(GB.engine.status() if GB.engine else ()) == ["good"]


def test_an_engine_is_a_context_manager(redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector) -> None:
    pipeline = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector, version="1.0.0")
    with Engine(redis_server.url, [pipeline]) as engine:
        assert engine.registered()["p"].action == "registered"
        redis_client.hset("k:1", "a", 1)
        assert engine.drain(10)
        status = engine.status()["p"]
        assert (status["written"], status["rejected"], status["batches"]) == (1, 0, 1)
        with pytest.raises(ConfigError, match="added twice"):
            engine.add(pipeline)
    other = Pipeline(name="p", prefix="k", mapping={}, connector=connector, version="0.9.0")
    with pytest.raises(VersionError), Engine(redis_server.url, [other]):
        pass


def test_once_ends_by_itself(redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector) -> None:
    pipeline = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector)
    with Engine(redis_server.url, [pipeline]):
        pass
    redis_client.hset("k:1", "a", 1)
    with Engine(redis_server.url, [pipeline], once=True) as engine:
        assert engine.wait(10)
    assert rows(connector) == [("1", 1)]


def test_an_engine_without_a_server_says_so(connector: SQLiteConnector) -> None:
    with pytest.raises(RedisUnavailable, match="can't be reached"), Engine(f"redis://127.0.0.1:{free_port()}"):
        pass


def test_credentials_that_are_callables_are_asked(redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector) -> None:
    asked = []
    assert isinstance(connector.connection, SQLiteConnection)
    path = connector.connection.filePath

    def file() -> str:
        asked.append(1)
        return path

    dynamic = SQLiteConnector(SQLiteConnection(file), "t", "id")
    pipeline = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=dynamic)
    with Engine(redis_server.url, [pipeline]) as engine:
        redis_client.hset("k:1", "a", 1)
        assert engine.drain(10)
    assert rows(connector) == [("1", 1)]
    assert len(asked) >= 2


def test_another_number_of_writers_takes_up_what_waits(
    redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector
) -> None:
    once = SQLiteConnector(connector.connection, "t", "id", exactlyOnceTableName="seen")
    database = sqlite3.connect(connector.connection.sink_options()["database"])
    database.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, val TEXT)")
    database.close()

    def pipeline(writers: int) -> Pipeline:
        return Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=once, writers=writers)

    for writers in (1, 3, 1):
        redis_client.hset("k:1", "a", writers)
        redis_client.hset(f"k:{writers + 1}", "a", writers)
        with Engine(redis_server.url, [pipeline(writers)]) as engine:
            assert engine.drain(10)
    assert rows(connector) == [("1", 1), ("2", 1), ("4", 3)]


def test_what_waits_with_fields_as_keys_asks_for_one_writer(
    redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector
) -> None:
    keyed = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector, keys=[{"id": "id"}], version="1.0.0")
    plain = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector, writers=2, version="2.0.0")
    with Engine(redis_server.url, [keyed]):
        pass
    redis_client.hset("k:1", mapping={"id": "one", "a": 1})
    with pytest.raises(NotBuiltError, match="more than one writer would not keep their order"), Engine(redis_server.url, [plain]):
        pass
    with Engine(redis_server.url, [keyed]) as engine:
        assert engine.drain(10)
    with Engine(redis_server.url, [plain]) as engine:
        redis_client.hset("k:2", "a", 2)
        assert engine.drain(10)
    assert rows(connector) == [("2", 2), ("one", 1)]


def test_a_changed_definition_leaves_what_waited_under_the_old_one(
    redis_server: RedisServer, redis_client: redis.Redis, connector: SQLiteConnector
) -> None:
    old = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector, version="1.0.0")
    new = Pipeline(name="p", prefix="k", mapping={"b": "a"}, connector=connector, version="2.0.0")
    with Engine(redis_server.url, [old]):
        pass
    redis_client.hset("k:1", mapping={"a": 1, "b": 10})
    with Engine(redis_server.url, [new]) as engine:
        assert engine.registered()["p"].action == "replaced"
        redis_client.hset("k:2", mapping={"a": 2, "b": 20})
        assert engine.drain(10)
    assert rows(connector) == [("1", 1), ("2", 20)]
