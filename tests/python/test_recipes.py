"""RGWriteBehind: what it takes, and the pipeline it makes of it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from writebehind import GearsBuilder, Pipeline, RGJSONWriteBehind, RGJSONWriteThrough, RGWriteBehind, RGWriteThrough, gears
from writebehind.connectors import PostgresConnection, PostgresConnector
from writebehind.errors import ConfigError, NotBuiltError

CONNECTOR = PostgresConnector(PostgresConnection("u", "p", "h:1/d"), "persons", "person_id")
MAPPINGS = {"first_name": "first", "age": "age"}


@pytest.fixture(autouse=True)
def script_builder(monkeypatch: pytest.MonkeyPatch) -> gears._ScriptBuilder:
    """A builder that stands in for the `GB` of scripts."""
    builder = gears._ScriptBuilder()
    builder.is_running = True
    monkeypatch.setattr(gears, "GB", builder)
    return builder


def test_the_parameters_are_those_of_rgsync() -> None:
    own = "GB keysPrefix mappings connector name version onFailedRetryInterval batch duration transform eventTypes"
    more = "keys missing expired writers max_batch max_pending when_full constraint_grace error_handling wait_replicas wait_aof"
    parameters = inspect.signature(RGWriteBehind).parameters
    assert " ".join(parameters) == f"{own} {more}"
    assert [parameter.default for parameter in parameters.values()][5:9] == [None, 5, 100, 100]


def test_every_option_of_a_pipeline_is_a_keyword() -> None:
    options = set(inspect.signature(Pipeline).parameters)
    ours = {"GB", "keysPrefix", "mappings", "onFailedRetryInterval", "duration", "eventTypes"}
    assert set(inspect.signature(RGWriteBehind).parameters) - ours <= options


def test_builder_given_by_position_and_by_name() -> None:
    builder = GearsBuilder()
    RGWriteBehind(builder, "person", MAPPINGS, CONNECTOR, "one", "1.2.3", 7, 50, 20)
    RGWriteBehind(GB=builder, keysPrefix="person", mappings=MAPPINGS, connector=CONNECTOR, name="two")
    RGWriteBehind(builder, keysPrefix="person", mappings=MAPPINGS, connector=CONNECTOR, name="three", version="99.99.99")
    one, two, three = builder.pipelines
    assert (one.name, one.version, one.retry_interval_s, one.batch, one.duration_ms) == ("one", "1.2.3", 7, 50, 20)
    assert (two.name, two.version, two.retry_interval_s, two.batch, two.duration_ms) == ("two", None, 5, 100, 100)
    assert three.version == "99.99.99"


def test_builder_left_out(script_builder: GearsBuilder) -> None:
    RGWriteBehind("person", MAPPINGS, CONNECTOR)
    RGWriteBehind(keysPrefix="car", mappings=MAPPINGS, connector=CONNECTOR)
    recipe = RGWriteBehind("dog", MAPPINGS, connector=CONNECTOR, name="dogs", batch=3)
    assert [pipeline.name for pipeline in script_builder.pipelines] == ["person", "car", "dogs"]
    assert recipe.pipeline.batch == 3
    assert recipe.pipeline.source.startswith(__file__)


def test_a_builder_that_is_not_ours_means_the_current_one(script_builder: GearsBuilder) -> None:
    RGWriteBehind(object, "person", MAPPINGS, CONNECTOR, "one")
    RGWriteBehind(None, keysPrefix="person", mappings=MAPPINGS, connector=CONNECTOR, name="two")
    assert [pipeline.name for pipeline in script_builder.pipelines] == ["one", "two"]


@pytest.mark.parametrize("arguments", [("person",), (GearsBuilder(), "person", MAPPINGS, CONNECTOR)])
def test_a_missing_argument_is_a_type_error(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="RGWriteBehind: missing"):
        RGWriteBehind(*arguments)


def test_a_name_is_declared_once() -> None:
    builder = GearsBuilder()
    RGWriteBehind(builder, "person", MAPPINGS, CONNECTOR, "same")
    with pytest.raises(ConfigError, match="'same' is declared twice"):
        RGWriteBehind(builder, "car", MAPPINGS, CONNECTOR, "same")


def test_the_definition() -> None:
    recipe = RGWriteBehind(
        "person", {**MAPPINGS, "_skipped": "x"}, CONNECTOR, version="1.0.0", eventTypes=["hset", "hmset", "del", "change"]
    )
    assert recipe.pipeline.definition() == {
        "version": "1.0.0",
        "pattern": "person:*",
        "events": ["del", "hset"],
        "expired": "keep",
        "fields": ["first_name", "age"],
        "outputs": [
            {
                "name": "0",
                "schema": "",
                "table": "persons",
                "keys": [{"column": "person_id", "key_prefix": "person:"}],
                "columns": [{"column": "first", "field": "first_name"}, {"column": "age", "field": "age"}],
                "missing": "null",
            }
        ],
    }


def test_events_not_given_means_all() -> None:
    assert "events" not in RGWriteBehind("person", MAPPINGS, CONNECTOR).pipeline.definition()


@pytest.mark.parametrize(
    ("prefix", "pattern", "key_prefix"),
    [
        ("person", "person:*", "person:"),
        (r"a\*b", r"a\*b:*", "a*b:"),
        (r"a\\b", r"a\\b:*", "a\\b:"),
        ("{u}", "{u}:*", "{u}:"),
        ("é", "é:*", "é:"),
    ],
)
def test_prefixes(prefix: str, pattern: str, key_prefix: str) -> None:
    definition = RGWriteBehind(prefix, MAPPINGS, CONNECTOR, name="name").pipeline.definition()
    assert definition["pattern"] == pattern
    assert definition["outputs"][0]["keys"][0]["key_prefix"] == key_prefix


@pytest.mark.parametrize("prefix", ["per*", "per?", "app[12]", "a\\", "", "writebehind", "writebehind:{x}"])
def test_prefixes_that_are_refused(prefix: str) -> None:
    with pytest.raises(ConfigError):
        RGWriteBehind(prefix, MAPPINGS, CONNECTOR, name="name")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keysPrefix": "", "name": "name"}, "keysPrefix"),
        ({"name": "a{b}"}, "brace"),
        ({"name": "a\nb"}, "control"),
        ({"name": "x" * 201}, "200 bytes"),
        ({"version": "1.0"}, "x.y.z"),
        ({"version": 1}, "x.y.z"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": True}, "batch is True"),
        ({"duration": -1}, "duration_ms is -1"),
        ({"writers": 0}, "writers is 0"),
        ({"max_batch": 0}, "max_batch is 0"),
        ({"max_pending": -1}, "max_pending is -1"),
        ({"when_full": "drop"}, "when_full is 'drop', not one of warn, reject"),
        ({"onFailedRetryInterval": 0}, "retry interval"),
        ({"missing": "zero"}, "missing is 'zero'"),
        ({"expired": True}, "expired is True"),
        ({"error_handling": "panic"}, "error_handling"),
        ({"constraint_grace": -1}, "constraint_grace is -1, not seconds"),
        ({"eventTypes": []}, "names no event"),
        ({"eventTypes": ["change"]}, "names no event"),
        ({"eventTypes": ["keymiss"]}, "never captured"),
        ({"eventTypes": "hset"}, "not a list"),
        ({"mappings": {"a": "x", "b": "x"}}, "column 'x', which field 'a' has already"),
        ({"mappings": {"a": "person_id"}}, "which the primary key has already"),
        ({"mappings": {"a": 1}}, "is not 'field': 'column'"),
        ({"mappings": ["a"]}, "mappings is list"),
        ({"connector": object()}, "object is no connector"),
        ({"transform": 5}, "not a callable"),
        ({"wait_replicas": -1}, "wait_replicas is -1"),
        ({"wait_replicas": True}, "wait_replicas is True"),
        ({"wait_aof": "yes"}, "wait_aof is 'yes', not one of True, False"),
    ],
)
def test_wrong_values_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RGWriteBehind(**{"keysPrefix": "person", "mappings": MAPPINGS, "connector": CONNECTOR, **options})


@pytest.mark.parametrize(
    "options",
    [
        {"error_handling": "ignore"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_not_served_say_so(options: dict[str, Any]) -> None:
    with pytest.raises(NotBuiltError, match="not served by this version"):
        RGWriteBehind(**{"keysPrefix": "person", "mappings": MAPPINGS, "connector": CONNECTOR, **options})


def test_options_that_reach_the_core() -> None:
    pipeline = RGWriteBehind(
        "person", MAPPINGS, CONNECTOR, writers=3, max_batch=10, constraint_grace=0.5, error_handling="stop", keys=["person_id"], missing="keep", expired="delete",
        wait_replicas=2, wait_aof=True,
    ).pipeline  # fmt: skip
    assert pipeline.core_options(once=True) == {
        "batch": 100,
        "duration_ms": 100,
        "max_batch_rows": 10,
        "max_batch_bytes": 8 << 20,
        "writers": 3,
        "retry_interval_ms": 5000,
        "constraint_grace_ms": 500,
        "stop_on_reject": True,
        "wait_replicas": 2,
        "wait_aof": True,
        "once": True,
    }
    assert pipeline.definition()["expired"] == "delete"
    assert pipeline.limit() == {}
    limited = RGWriteBehind("person", MAPPINGS, CONNECTOR, name="limited", max_pending=9, when_full="reject").pipeline
    assert limited.limit() == {"max_pending": 9, "when_full": "reject"} and limited.definition() == pipeline.definition() | {
        "expired": "keep", "outputs": limited.definition()["outputs"]
    }  # fmt: skip
    assert pipeline.definition()["outputs"][0]["missing"] == "keep"


@pytest.mark.parametrize(
    ("recipe", "arguments"),
    [
        (RGWriteThrough, "GB keysPrefix mappings connector name version=None"),
        (
            RGJSONWriteBehind,
            "GB keysPrefix connector name version=None onFailedRetryInterval=5 batch=100 duration=100 eventTypes=None dataKey='redisgears'",
        ),
        (RGJSONWriteThrough, "GB keysPrefix connector name version=None dataKey='redisgears'"),
    ],
)
def test_recipes_not_served_have_their_parameters_and_say_so(recipe: Any, arguments: str, script_builder: gears._ScriptBuilder) -> None:
    script_builder.is_running = False  # as in any program: what a run leaves out is in test_scripts.py
    parameters = inspect.signature(recipe).parameters.values()
    assert [
        parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}" for parameter in parameters
    ] == arguments.split()
    with pytest.raises(NotBuiltError, match=f"{recipe.__name__} is not served by this version"):
        recipe(*[word for word in arguments.split() if "=" not in word])


def test_readers_of_redisgears_are_refused() -> None:
    with pytest.raises(NotBuiltError, match=r"GB\('KeysReader'\)"):
        GearsBuilder()("KeysReader")
