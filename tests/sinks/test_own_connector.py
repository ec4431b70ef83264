"""Connectors of a recipe's own, and `transform`: Python in the data path, on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import redis

from writebehind import Engine, Pipeline
from writebehind.errors import ConfigError, RowsRefused, TargetUnavailable
from writebehind.sinks import Move, Plan, Row, Sink, sink_options
from writebehind.testing import RedisServer, wait_until

MAPPING = {"name": "first", "age": "years"}


class Recorder:
    """Keeps what it is given; raises what `failures` holds first."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.failures: list[BaseException] = []
        self.prepared: list[dict[str, str]] = []

    def TableName(self) -> str:
        return "people"

    def PrimaryKey(self) -> str:
        return "id"

    def PrepereQueries(self, mappings: dict[str, str]) -> None:
        self.prepared.append(mappings)

    def WriteData(self, data: list[dict[str, Any]]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(data)

    @property
    def values(self) -> list[dict[str, Any]]:
        return [record["value"] for batch in self.batches for record in batch]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def pipeline(connector: Any, **options: Any) -> Pipeline:
    return Pipeline(**{"name": "own", "prefix": "own", "mapping": MAPPING, "connector": connector, "retry_interval_s": 0.05, **options})


@pytest.fixture
def run(redis_server: RedisServer, redis_client: redis.Redis) -> Iterator[Any]:
    """`run(pipeline)` starts an engine that ends with the test."""
    engines: list[Engine] = []

    def start(*pipelines: Pipeline) -> Engine:
        engines.append(Engine(redis_server.url, pipelines))
        return engines[-1].start()

    yield start
    for engine in engines:
        engine.stop()
    redis_client.execute_command("WB.UNREGISTER", "own", "DROP")


def test_write_data_gets_what_recipes_expect(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    engine = run(pipeline(recorder))
    assert recorder.prepared == [MAPPING]
    redis_client.hset("own:a:1", mapping={"name": "Ada", "age": "36"})
    redis_client.hset("own:2", mapping={"name": "Grace", "#": "=u1"})
    assert redis_client.xread({"{own:2}u1": "0-0"}, block=5000)[0][1][0][1] == {"status": "done"}
    redis_client.delete("own:a:1")
    assert engine.drain()
    assert recorder.values == [
        {"#": "=", "id": "a:1", "first": "Ada", "years": "36"},
        {"#": "=", "id": "2", "first": "Grace", "years": None},
        {"#": "~", "id": "a:1"},
    ]
    assert [record["key"] for batch in recorder.batches for record in batch] == ["own:a:1", "own:2", "own:a:1"]
    ids = [tuple(map(int, record["id"].split("-"))) for batch in recorder.batches for record in batch]
    assert ids == sorted(ids)


def test_what_it_raises_is_tried_again(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    recorder.failures = [OSError("the disk is away"), ZeroDivisionError("oops")]
    engine = run(pipeline(recorder))
    redis_client.hset("own:1", "name", "Ada")
    assert engine.drain()
    assert recorder.values == [{"#": "=", "id": "1", "first": "Ada", "years": None}]
    assert engine.status()["own"]["retries"] == 2


def test_rows_that_it_refuses_are_rejected_alone(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    write = recorder.WriteData

    def picky(data: list[dict[str, Any]]) -> None:
        bad = [(i, "too old") for i, record in enumerate(data) if record["value"].get("years") == "999"]
        if bad:
            raise RowsRefused(bad)
        write(data)

    recorder.WriteData = picky  # type: ignore[method-assign]
    with redis_client.pipeline() as together:
        engine = run(pipeline(recorder, duration_ms=200))
        for i in range(10):
            together.hset(f"own:{i}", mapping={"name": "x", "age": "999" if i == 7 else "1", "#": f"=u{i}"})
        together.execute()
    assert engine.drain()
    assert sorted(value["id"] for value in recorder.values) == [str(i) for i in range(10) if i != 7]
    assert redis_client.xrange("{own:7}u7")[0][1] == {"status": "failed", "error": "too old"}
    (rejected,) = redis_client.xrange("writebehind:{own}:rejected")
    assert rejected[1]["reason"] == "too old"


def test_bytes_that_are_no_text_are_rejected(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    engine = run(pipeline(recorder))
    redis_client.hset("own:1", "name", b"\xff\xfe")
    redis_client.hset("own:2", "name", "\N{SNOWMAN}")
    assert engine.drain()
    assert recorder.values == [{"#": "=", "id": "2", "first": "\N{SNOWMAN}", "years": None}]
    assert "not UTF-8" in redis_client.xrange("writebehind:{own}:rejected")[0][1]["reason"]


def test_keep_leaves_columns_out(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    engine = run(pipeline(recorder, missing="keep"))
    redis_client.hset("own:1", "name", "Ada")
    assert engine.drain()
    assert recorder.values == [{"#": "=", "id": "1", "first": "Ada"}]


def test_one_object_has_one_writer(recorder: Recorder) -> None:
    with pytest.raises(ConfigError, match="one writer, not 2"):
        pipeline(recorder, writers=2)
    with pytest.raises(ConfigError, match="object is no connector"):
        pipeline(object())


def test_transform_sees_all_fields_and_changes_some(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    seen: list[dict[str, Any]] = []

    def transform(record: dict[str, Any]) -> dict[str, Any] | None:
        seen.append({**record, "value": dict(record["value"])})
        value = record["value"]
        if value.get("hidden"):
            return None
        value["name"] = f"{value['first']} {value['last']}"
        value["age"] = int(value["age"]) + 1
        return record

    engine = run(pipeline(recorder, transform=transform))
    redis_client.hset("own:1", mapping={"first": "Ada", "last": "L", "age": "36"})
    redis_client.hset("own:2", mapping={"hidden": "1", "#": "=u2"})
    redis_client.hset("own:3", mapping={"first": "Grace", "last": "H", "age": "old", "#": "=u3"})
    assert engine.drain()
    redis_client.delete("own:1")
    assert engine.drain()
    assert recorder.values == [{"#": "=", "id": "1", "first": "Ada L", "years": "37"}, {"#": "~", "id": "1"}]
    assert seen[0] == {"key": "own:1", "type": "hash", "value": {"first": "Ada", "last": "L", "age": "36"}}
    assert len(seen) == 3
    assert redis_client.xrange("{own:2}u2")[0][1] == {"status": "done"}
    failed = redis_client.xrange("{own:3}u3")[0][1]
    assert failed["status"] == "failed"
    assert failed["error"].startswith("transform: ValueError: invalid literal for int()")
    status = engine.status()["own"]
    assert (status["filtered"], status["rejected"]) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("text", "neither the record nor None"),
        ({"key": "own:1"}, "no dict as its 'value'"),
        ({"key": "own:2", "value": {}}, "it changed the key"),
    ],
)
def test_a_wrong_answer_is_refused(run: Any, recorder: Recorder, redis_client: redis.Redis, answer: Any, reason: str) -> None:
    engine = run(pipeline(recorder, transform=lambda record: answer))
    redis_client.hset("own:1", "name", "Ada")
    assert engine.drain()
    assert reason in redis_client.xrange("writebehind:{own}:rejected")[0][1]["reason"]
    assert recorder.values == []


def test_a_transform_may_come_and_go(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    """What it may see is captured from then on; the mapping is the same, so that no version is asked for."""
    first = run(pipeline(recorder, version="1.2.3"))
    redis_client.hset("own:1", mapping={"name": "a", "extra": "x"})
    assert first.drain()
    first.stop()
    redis_client.hset("own:2", mapping={"name": "b", "extra": "x"})

    def transform(record: dict[str, Any]) -> dict[str, Any]:
        record["value"]["name"] += record["value"].get("extra", "?")
        return record

    second = run(pipeline(recorder, version="1.2.3", transform=transform))
    assert second.registered()["own"].action == "replaced"
    redis_client.hset("own:3", mapping={"name": "c", "extra": "x"})
    assert second.drain()
    second.stop()
    third = run(pipeline(recorder, version="1.2.3"))
    redis_client.hset("own:4", mapping={"name": "d", "extra": "x"})
    assert third.drain()
    assert [value["first"] for value in recorder.values] == ["a", "b?", "cx", "d"]


def test_types_that_a_transform_may_return(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    values: list[Any] = [None, True, 1.5, b"\x41", {"a": [1, "é"]}, ["x"]]

    def transform(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "value": {"name": values[int(record["key"].split(":")[1])]}}

    engine = run(pipeline(recorder, transform=transform))
    for i in range(len(values)):
        redis_client.hset(f"own:{i}", "name", "x")
    assert engine.drain()
    assert [value["first"] for value in recorder.values] == [None, "1", "1.5", "A", '{"a": [1, "é"]}', '["x"]']


def test_stop_while_write_data_hangs(run: Any, recorder: Recorder, redis_client: redis.Redis) -> None:
    """Nothing that Python does keeps the engine from ending."""
    import threading

    entered, leave = threading.Event(), threading.Event()

    def hang(data: list[dict[str, Any]]) -> None:
        del data
        entered.set()
        leave.wait(60)

    recorder.WriteData = hang  # type: ignore[method-assign]
    engine = run(pipeline(recorder))
    redis_client.hset("own:1", "name", "Ada")
    wait_until(entered.is_set, 10)
    assert engine.stop(0.5) is False
    leave.set()


def test_a_sink_is_closed_with_its_engine(run: Any, redis_client: redis.Redis) -> None:
    opened: list[Sink] = []
    closed: list[Sink] = []

    class Closing(Sink):
        def open(self) -> None:
            opened.append(self)

        def write(self, plan: Plan, rows: Sequence[Row], move: Move | None) -> None:
            if len(opened) == 2:
                raise TargetUnavailable("once, so that it is opened anew")

        def close(self) -> None:
            closed.append(self)

    class Connector:
        kind, schema, table, pk, exactlyOnceTableName = "own", "", "t", "id", None

        def sink_options(self) -> dict[str, Any]:
            return sink_options(Closing, None)

        def credentials(self) -> None:
            return None

    engine = run(pipeline(Connector()))
    redis_client.hset("own:1", "name", "Ada")
    assert engine.drain()
    engine.stop()
    assert len(opened) == 3, "to look at the table, to write, and anew"
    assert closed == opened
