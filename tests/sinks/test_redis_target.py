"""Redis as a target, natively, and Redis Cluster through Python: on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from tests.faults.proxy import Loss, Proxy
from writebehind import Engine, Pipeline
from writebehind.connectors import RedisClusterConnection, RedisConnection, RedisConnector, SimpleHashConnector
from writebehind.errors import ConfigError
from writebehind.testing import RedisServer, wait_until

MAPPING = {"name": "first", "age": "years"}


@pytest.fixture(scope="module")
def target_server() -> Iterator[RedisServer]:
    with RedisServer("--requirepass", "s3cret word") as server:
        yield server


@pytest.fixture
def target(target_server: RedisServer) -> Iterator[redis.Redis]:
    client = redis.Redis(port=target_server.port, password="s3cret word", decode_responses=True)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def run(redis_server: RedisServer, redis_client: redis.Redis) -> Iterator[Any]:
    with ExitStack() as engines:
        yield lambda *pipelines: engines.enter_context(Engine(redis_server.url, pipelines))


def pipeline(connector: Any, **options: Any) -> Pipeline:
    return Pipeline(**{"name": "t", "prefix": "src", "mapping": MAPPING, "connector": connector, "retry_interval_s": 0.05, **options})


def connector(server: RedisServer, **options: Any) -> RedisConnector:
    return RedisConnector(RedisConnection("127.0.0.1", lambda: server.port, lambda: "s3cret word"), "dst", **options)


@pytest.mark.parametrize("exactly_once", [None, "positions"])
def test_hashes_follow(
    run: Any, target_server: RedisServer, target: redis.Redis, redis_client: redis.Redis, exactly_once: str | None
) -> None:
    engine = run(pipeline(connector(target_server, exactlyOnceTableName=exactly_once)))
    redis_client.hset("src:a:1", mapping={"name": "Ada", "age": "36", "other": "x"})
    redis_client.hset("src:2", mapping={"name": b"\xff\x00", "age": ""})
    redis_client.hset("src:3", "name", "gone")
    assert engine.drain()
    target.hset("dst:a:1", "own", "kept")
    redis_client.hdel("src:a:1", "age")
    redis_client.delete("src:3")
    redis_client.hset("src:a:1", mapping={"name": "Ada L", "#": "=u1"})
    assert redis_client.xread({"{src:a:1}u1": "0-0"}, block=5000)[0][1][0][1] == {"status": "done"}
    assert engine.drain()
    assert target.hgetall("dst:a:1") == {"first": "Ada L", "own": "kept"}
    assert redis.Redis(port=target_server.port, password="s3cret word").hgetall("dst:2") == {b"first": b"\xff\x00", b"years": b""}
    assert not target.exists("dst:3")
    assert len(target.hgetall("positions")) == (1 if exactly_once else 0)


def test_a_large_row_passes(run: Any, target_server: RedisServer, target: redis.Redis, redis_client: redis.Redis) -> None:
    mapping = {f"f{i}": f"c{i}" for i in range(5000)}
    engine = run(pipeline(connector(target_server), mapping=mapping))
    redis_client.hset("src:1", mapping={f"f{i}": "x" * 100 for i in range(0, 5000, 2)})
    assert engine.drain()
    assert target.hgetall("dst:1") == {f"c{i}": "x" * 100 for i in range(0, 5000, 2)}


def test_a_foreign_key_is_refused_alone(run: Any, target_server: RedisServer, target: redis.Redis, redis_client: redis.Redis) -> None:
    target.set("dst:2", "mine")
    target.set("dst:3", "mine")
    with redis_client.pipeline() as together:
        for i in range(5):
            together.hset(f"src:{i}", mapping={"name": str(i), "#": f"=u{i}"})
        together.delete("src:3")
        engine = run(pipeline(connector(target_server)))
        together.execute()
    assert engine.drain()
    assert target.get("dst:2") == target.get("dst:3") == "mine"
    assert {key: target.hget(key, "first") for key in ("dst:0", "dst:1", "dst:4")} == {"dst:0": "0", "dst:1": "1", "dst:4": "4"}
    assert redis_client.xrange("{src:2}u2")[0][1]["error"] == "the key 'dst:2' of the target holds a string"


def test_missing_keep(run: Any, target_server: RedisServer, target: redis.Redis, redis_client: redis.Redis) -> None:
    engine = run(pipeline(connector(target_server), missing="keep"))
    redis_client.hset("src:1", mapping={"name": "a", "age": "1"})
    assert engine.drain()
    redis_client.hdel("src:1", "age")
    assert engine.drain()
    assert target.hgetall("dst:1") == {"first": "a", "years": "1"}


def test_exactly_once_skips_what_was_written(run: Any, target_server: RedisServer, target: redis.Redis, redis_client: redis.Redis) -> None:
    """The position moves with the rows: a batch that Redis has again is not written again."""
    first = run(pipeline(connector(target_server, exactlyOnceTableName="positions")))
    redis_client.hset("src:1", "name", "a")
    assert first.drain()
    first.stop()
    ((row, position),) = target.hgetall("positions").items()
    redis_client.hset("src:1", "name", "b")
    ((entry, _),) = redis_client.xrange("writebehind:{t}:stream")
    target.hset("positions", row, entry)  # as if it had been committed, and nobody had told Redis
    second = run(pipeline(connector(target_server, exactlyOnceTableName="positions")))
    assert second.drain()
    assert target.hget("dst:1", "first") == "a"
    assert second.status()["t"]["skipped"] == 1
    assert position != "0-0"


def test_a_target_that_goes_away(run: Any, redis_client: redis.Redis) -> None:
    with RedisServer() as away:
        there = RedisConnector(RedisConnection("127.0.0.1", away.port), "dst")
        engine = run(pipeline(there))
        redis_client.hset("src:1", "name", "a")
        assert engine.drain()
        away.kill()
        redis_client.hset("src:2", "name", "b")
        wait_until(lambda: engine.status()["t"]["state"] == "retrying", 10)
        assert str(away.port) in engine.status()["t"]["message"]
        away.start()
        assert engine.drain()
        assert redis.Redis(port=away.port).hget("dst:2", "first") == b"b"


def test_the_same_redis(run: Any, redis_client: redis.Redis) -> None:
    engine = run(pipeline(SimpleHashConnector("copy")))
    redis_client.hset("src:1", mapping={"name": "a", "age": "1"})
    assert engine.drain()
    assert redis_client.hgetall("copy:1") == {"first": "a", "years": "1"}
    with pytest.raises(ConfigError, match="would be captured by the pipeline itself"):
        pipeline(SimpleHashConnector("src:copy"))
    with pytest.raises(ConfigError, match="would be captured by the pipeline itself"):
        pipeline(SimpleHashConnector("src"))


def test_a_wrong_password_is_said_at_the_start(redis_server: RedisServer, target_server: RedisServer) -> None:
    wrong = RedisConnector(RedisConnection("127.0.0.1", target_server.port, "guess"), "dst")
    with pytest.raises(ConfigError, match=f"{target_server.port} refuses the login") as caught, Engine(redis_server.url, [pipeline(wrong)]):
        pass
    assert "guess" not in str(caught.value)


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[RedisServer]]:
    with ExitStack() as servers:
        nodes = [servers.enter_context(RedisServer("--cluster-enabled", "yes")) for _ in range(2)]
        one, two = (redis.Redis(port=node.port) for node in nodes)
        one.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8000)
        two.execute_command("CLUSTER", "ADDSLOTSRANGE", 8001, 16383)
        one.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, two.config_get("cluster-port")["cluster-port"])
        wait_until(lambda: all(node.cluster("info")["cluster_state"] == "ok" for node in (one, two)), 30, "the cluster")
        yield nodes


def test_a_cluster(run: Any, cluster: list[RedisServer], redis_client: redis.Redis) -> None:
    there = RedisConnector(RedisClusterConnection(cluster_nodes=[{"host": "127.0.0.1", "port": node.port} for node in cluster]), "dst")
    client = redis.RedisCluster(host="127.0.0.1", port=cluster[0].port, decode_responses=True)
    client.set("dst:7", "mine")
    engine = run(pipeline(there))
    with redis_client.pipeline() as together:
        for i in range(20):
            together.hset(f"src:{i}", mapping={"name": str(i), "#": f"=u{i}"})
        together.execute()
    assert engine.drain()
    redis_client.delete("src:3")
    redis_client.hset("src:4", mapping={"age": "4"})
    redis_client.hdel("src:4", "name")
    assert engine.drain()
    kept = {i: client.hgetall(f"dst:{i}") for i in range(20) if i != 7}
    assert kept == {i: {} if i == 3 else {"years": "4"} if i == 4 else {"first": str(i)} for i in range(20) if i != 7}
    assert redis_client.xrange("{src:7}u7")[0][1]["status"] == "failed"
    assert all(redis.Redis(port=node.port).dbsize() > 0 for node in cluster)
    with pytest.raises(ConfigError, match="exactly once is not possible"):
        RedisConnector(RedisClusterConnection("127.0.0.1", 1), "dst", "positions")


def test_a_batch_whose_answer_is_lost_is_written_once(
    run: Any, target_server: RedisServer, target: redis.Redis, redis_client: redis.Redis
) -> None:
    with Proxy(target_server.port) as proxy:
        there = RedisConnection("127.0.0.1", proxy.port, "s3cret word")
        engine = run(pipeline(RedisConnector(there, "dst", exactlyOnceTableName="positions")))
        redis_client.hset("src:1", "name", "a")
        assert engine.drain()
        target.config_resetstat()
        proxy.lose(b"EVAL", Loss.ANSWER)
        redis_client.hset("src:1", mapping={"name": "b", "#": "=u1"})
        assert proxy.lost.wait(10)
        assert engine.drain()
    assert redis_client.xrange("{src:1}u1")[0][1] == {"status": "done"}
    assert target.hget("dst:1", "first") == "b"
    stats = target.info("commandstats")
    assert stats["cmdstat_eval"]["calls"] == 2
    assert stats["cmdstat_hset"]["calls"] == 2  # the row and the position
