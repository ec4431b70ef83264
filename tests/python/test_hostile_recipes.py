"""Recipes of random values: each makes a pipeline that Redis takes, or an error that names what is wrong with it."""

from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from writebehind import Pipeline
from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.errors import WritebehindError
from writebehind.registry import list_pipelines, register

TEXTS = [
    "p", "persons", "first_name", "Ünï😀", " ", "", "'; DROP TABLE persons; --", 'a"b', "c`d", "\0", "a\nb", "{p}", "#", "_hidden", "*", "a[b", "\\",
    "writebehind:", "x" * 300, "\ud800", "%s", "$1", "a.b.c", "1.2.3", "99.99.99", "hset", "HSET", "change", "keep", "delete", "stop",
]  # fmt: skip
OTHERS: list[Any] = [
    None,
    True,
    0,
    1,
    -1,
    3.5,
    float("nan"),
    float("inf"),
    1 << 70,
    b"bytes",
    (),
    [],
    {},
    object(),
    "3",
    ["id"],
    [("a", "b")],
    [{"a": "b"}],
]
LIKELY: dict[str, list[Any]] = {
    "name": ["p", "Ünï😀", "'; DROP", 'a"b', "%s", " "],
    "prefix": ["p", "'; DROP TABLE persons; --", "Ünï😀", "{p}", "a\nb", "\\*", "\0"],
    "version": ["1.2.3", "99.99.99", None],
    "events": [None, ["hset"], ["HSET", "del"], ("\0",), ["'"]],
    "batch": [1, 100],
    "duration_ms": [0, 100],
    "retry_interval_s": [0.01, 5],
    "writers": [1, 4],
    "max_batch": [1, 5000],
    "max_batch_bytes": [1, 1 << 30],
    "keys": [None, ["person_id"], ["person_id", "a"], [{"col": "'"}], [("col", "\n")]],
    "missing": ["null", "keep"],
    "expired": ["keep", "delete"],
    "error_handling": ["dlq", "ignore", "stop"],
    "transform": [None, print],
}
CONNECTOR = SQLiteConnector(SQLiteConnection("never opened"), "persons", "person_id")


def random_mapping(rng: random.Random) -> Any:
    if rng.random() < 0.1:
        return rng.choice(OTHERS)
    texts = [text for text in TEXTS if text not in ("", "#", "\ud800")] if rng.random() < 0.7 else TEXTS + OTHERS
    pairs = [(rng.choice(texts), rng.choice(texts)) for _ in range(rng.randrange(1, 4))]
    return {key: value for key, value in pairs if key.__hash__ is not None}


def random_recipe(seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    recipe: dict[str, Any] = {"name": "p", "prefix": "p", "mapping": {"a": "a"}, "connector": CONNECTOR}
    for option in rng.sample(list(LIKELY), rng.randrange(1, 4)):
        recipe[option] = rng.choice(LIKELY[option] if rng.random() < 0.8 else TEXTS + OTHERS)
    if rng.random() < 0.7:
        recipe["mapping"] = random_mapping(rng)
    return recipe


@pytest.mark.parametrize("first", range(0, 2000, 500))
def test_a_recipe_works_or_says_why(first: int, redis_client: redis.Redis) -> None:
    made = 0
    for seed in range(first, first + 500):
        recipe = random_recipe(seed)
        try:
            pipeline = Pipeline(**recipe)
        except WritebehindError:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}: {recipe} raised {error!r}") from error
        made += 1
        register(redis_client, pipeline)
        assert [one.name for one in list_pipelines(redis_client)] == [pipeline.name], (seed, recipe)
        redis_client.execute_command("WB.UNREGISTER", pipeline.name, "DROP")
    assert made > 50


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("what", ["table", "pk", "exactly_once"])
def test_a_connector_works_or_says_why(what: str, text: str) -> None:
    names = {"table": "persons", "pk": "id", "exactly_once": "seen", what: text}
    try:
        connector = SQLiteConnector(SQLiteConnection("never opened"), names["table"], names["pk"], names["exactly_once"])
        Pipeline(name="p", prefix="p", mapping={"a": "a"}, connector=connector)
    except WritebehindError:
        return
