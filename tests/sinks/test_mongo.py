"""MongoDB as the target, through the whole path: WB_MONGODB names a server, else one that Maven brings is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import ROOT, Cli
from tests.examples.running import blocks
from tests.faults.proxy import Loss, Proxy
from tests.sinks.kills import kill_at_work
from tests.sinks.refusing import batches_that_are_refused
from writebehind import Engine, Pipeline
from writebehind.connectors import MongoConnection, MongoConnector
from writebehind.errors import ConfigError
from writebehind.log import Log
from writebehind.testing import RedisServer, wait_until

pytest.importorskip("pymongo")

MAPPING = {"name": "first", "n": "n", "mail": "mail"}

RECIPE = """
from writebehind import RGWriteBehind
from writebehind.connectors import MongoConnection, MongoConnector
connector = MongoConnector(MongoConnection("", "", "", conn_string={url!r}), {database!r}, "people", "id", {once!r})
RGWriteBehind(GB, "p", {{"n": "n"}}, connector, "sql", batch=50, max_batch=50)
"""


def documents(database: Any, key: str = "id") -> dict[Any, dict[str, Any]]:
    """By their key; without MongoDB's own."""
    found = list(database.people.find({}, None if key == "_id" else {"_id": False}))
    made = {document.pop(key): document for document in found}
    assert len(made) == len(found), found
    return made


def connector(url: str, database: Any, pk: str = "id", once: str | None = None) -> MongoConnector:
    return MongoConnector(MongoConnection("", "", "", conn_string=url), database.name, "people", pk, once)


@pytest.fixture
def run(redis_server: RedisServer, redis_client: redis.Redis, mongo_url: str, database: Any) -> Iterator[Any]:
    """`run(option=…)` starts an engine of the keys `p:*` that ends with the test."""
    with ExitStack() as engines:

        def start(url: str = mongo_url, pk: str = "id", log: str = "error", **options: Any) -> Engine:
            given = {"name": "sql", "prefix": "p", "mapping": MAPPING, "connector": connector(url, database, pk), "retry_interval_s": 0.05}
            return engines.enter_context(Engine(redis_server.url, [Pipeline(**{**given, **options})], log=Log(log)))

        yield start


def test_hole_10_a_hash_becomes_a_document(run: Any, database: Any, redis_client: redis.Redis) -> None:
    engine = run()
    redis_client.hset("p:a:1", mapping={"name": "Ada's \"x\" ☃", "n": "36", "other": "x"})
    redis_client.hset("p:2", mapping={"name": b"\xff\x00", "n": ""})
    redis_client.hset("p:3", "other", "no mapped field")
    redis_client.hset("p:4", "name", "gone")
    assert engine.drain()
    assert documents(database) == {"a:1": {"first": "Ada's \"x\" ☃", "n": "36"}, "2": {"first": b"\xff\x00", "n": ""}, "3": {}, "4": {"first": "gone"}}
    database.people.update_one({"id": "a:1"}, {"$set": {"own": {"kept": [1]}}})
    redis_client.hset("p:a:1", mapping={"name": "$inc", "#": "=u1"})
    redis_client.delete("p:4")
    assert redis_client.xread({"{p:a:1}u1": "0-0"}, block=5000)[0][1][0][1] == {"status": "done"}
    assert engine.drain()
    assert documents(database)["a:1"] == {"first": "$inc", "n": "36", "own": {"kept": [1]}}
    assert "4" not in documents(database)


def test_hole_13_the_key_is_text_whatever_it_looks_like(run: Any, database: Any, redis_client: redis.Redis) -> None:
    engine = run(mapping={"id": "was", "n": "n"})
    keys = ["1", "01", "1.0", "true", "null", "{}", "a.b", "$x", ""]
    for n in ("1", "2"):
        for key in keys:
            redis_client.hset(f"p:{key}", mapping={"n": n, "id": key})
        assert engine.drain()
        assert documents(database) == {key: {"n": n, "was": key} for key in keys}
    for key in keys:
        redis_client.delete(f"p:{key}")
    assert engine.drain()
    assert documents(database) == {}


def test_hole_15_a_field_that_is_gone_leaves_the_document(run: Any, database: Any, redis_client: redis.Redis) -> None:
    engine = run(pk="_id")
    redis_client.hset("p:1", mapping={"name": "a", "n": "1"})
    assert engine.drain()
    database.people.update_one({"_id": "1"}, {"$set": {"own": "kept"}})
    redis_client.hdel("p:1", "name")
    assert engine.drain()
    assert documents(database, "_id") == {"1": {"n": "1", "own": "kept"}}


def test_keep_leaves_members_alone_unless_the_key_was_deleted(run: Any, database: Any, redis_client: redis.Redis) -> None:
    engine = run(missing="keep", duration_ms=300)
    redis_client.hset("p:1", mapping={"name": "a", "n": "1"})
    redis_client.hset("p:2", mapping={"name": "a", "n": "1"})
    assert engine.drain()
    with redis_client.pipeline() as together:
        together.hdel("p:1", "name")
        together.hset("p:1", "n", "2")
        together.delete("p:2")
        together.hset("p:2", "n", "2")
        together.execute()
    assert engine.drain()
    assert documents(database) == {"1": {"first": "a", "n": "2"}, "2": {"n": "2"}}


def test_what_refuses_all_of_two_batches_pauses_writing(run: Any, database: Any, redis_client: redis.Redis) -> None:
    database.people.create_index("own", unique=True)
    database.people.insert_one({"id": "old"})  # no other document may lack it
    batches_that_are_refused(run(), redis_client)


def test_refused_documents_are_rejected_alone(run: Any, database: Any, redis_client: redis.Redis) -> None:
    database.people.create_index("mail", unique=True, sparse=True)
    database.people.insert_one({"id": "old", "mail": "m7"})
    engine = run(duration_ms=300)
    with redis_client.pipeline() as together:
        for i in range(20):
            together.hset(f"p:{i}", mapping={"n": str(i), "mail": f"m{i}", "#": f"=u{i}"})
        together.hset("p:large", mapping={"name": "x" * 9_000_000, "n": "y" * 9_000_000, "#": "=large"})
        together.hset("p:letters", mapping={"name": "☃" * 5_700_000, "#": "=large"})
        together.hset(f"p:{'k' * 1_200_000}", mapping={"name": "x" * 15_200_000, "#": "=large"})  # its filter holds the key again
        together.hset("p:fits", mapping={"name": "x" * 16_777_100, "#": "=fits"})
        together.execute()
    assert engine.drain()
    assert sorted(documents(database)) == sorted(["old", "fits", *(str(i) for i in range(20) if i != 7)])
    reasons = {key: redis_client.xrange(f"{{p:{key}}}{uuid}")[0][1] for key, uuid in (("7", "u7"), ("large", "large"), ("8", "u8"))}
    assert reasons["8"] == {"status": "done"}
    assert "E11000 duplicate key" in reasons["7"]["error"] and "mail" in reasons["7"]["error"]
    assert "of 16777216 that MongoDB takes" in reasons["large"]["error"]
    for key, limit in (("letters", 16777216), ("k" * 1_200_000, 16793344)):
        assert f"of {limit} that MongoDB takes" in redis_client.xrange(f"{{p:{key}}}large")[0][1]["error"]
    database.people.delete_one({"id": "fits"})
    with redis_client.pipeline() as together:  # in one batch: a value that another document sets free
        together.hset("p:30", mapping={"mail": "m3", "#": "=heir"})
        together.delete("p:3")
        together.execute()
    assert engine.drain()
    assert documents(database)["30"]["mail"] == "m3" and "3" not in documents(database)
    # Values that change places pass: each is then tried by itself, in order.
    redis_client.hset("p:1", "mail", "free")
    redis_client.hset("p:2", "mail", "m1")
    redis_client.hset("p:1", "mail", "m2")
    assert engine.drain()
    assert [documents(database)[key]["mail"] for key in "12"] == ["m2", "m1"]


def test_a_missing_index_is_said(run: Any, database: Any, capfd: pytest.CaptureFixture[str]) -> None:
    warned = "has no unique index: writes read all of it, and may make a document twice: db.getCollection(\"people\").createIndex({\"id\": 1}"
    run(log="warning").stop()
    assert warned not in capfd.readouterr().err
    database.people.drop_index("id_1")
    run(log="warning").stop()
    assert warned in capfd.readouterr().err


def test_no_change_is_lost_over_kills(
    run: Any, database: Any, mongo_url: str, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.py"
    recipe.write_text(RECIPE.format(url=mongo_url, database=database.name, once=None))
    run(mapping={"n": "n"}).stop()  # registers
    last = kill_at_work(redis_server.url, redis_client, recipe, lambda: sum(int(one["n"]) for one in documents(database).values()))
    assert run(mapping={"n": "n"}).drain()
    assert documents(database) == {str(key): {"n": str(n)} for key, n in last.items()}


def test_an_answer_that_is_lost_and_a_server_that_is_away(run: Any, database: Any, mongo_url: str, redis_client: redis.Redis) -> None:
    from pymongo.uri_parser import parse_uri

    ((_, port),) = parse_uri(mongo_url)["nodelist"]
    with Proxy(port) as proxy:
        engine = run(mongo_url.replace(f":{port}", f":{proxy.port}").replace("localhost", "127.0.0.1"))
        redis_client.hset("p:1", "n", "1")
        assert engine.drain()
        proxy.lose(b"updates", Loss.ANSWER, hold=True)
        redis_client.hset("p:1", "n", "2")
        redis_client.delete("p:2")
        wait_until(lambda: engine.status()["sql"]["state"] == "retrying", 30)
        assert str(proxy.port) in engine.status()["sql"]["message"]
        proxy.release()
        assert engine.drain()
    assert documents(database) == {"1": {"n": "2"}}


def test_what_can_be_known_at_the_start(redis_server: RedisServer, redis_client: redis.Redis, database: Any, mongo_url: str) -> None:
    if "replicaSet" in mongo_url:
        pytest.skip("it has transactions")
    pipeline = Pipeline(name="sql", prefix="p", mapping=MAPPING, connector=connector(mongo_url, database, once="seen"))
    with pytest.raises(ConfigError, match="exactly once needs transactions, which the MongoDB server has not: it is a single server"):
        Engine(redis_server.url, [pipeline], log=Log("error")).start()


def test_the_page_of_targets(
    database: Any, mongo_url: str, redis_server: RedisServer, redis_client: redis.Redis, cli_for: type[Cli], tmp_path: Path
) -> None:
    (script,) = [block for block in blocks(ROOT / "docs" / "targets.md", "python") if "Mongo" in block]
    (index,) = blocks(ROOT / "docs" / "targets.md", "js")
    there = f'MongoConnection("", "", "", conn_string={mongo_url!r})'
    recipe = tmp_path / "recipe.py"
    assert 'MongoConnection("wb", "wb", "127.0.0.1:27017")' in script and '"shop"' in script
    recipe.write_text(script.replace('MongoConnection("wb", "wb", "127.0.0.1:27017")', there).replace("shop", database.name))
    cli = cli_for(redis_server.url)
    assert cli("schema", recipe).stdout.strip() == index.strip() + ";"
    assert "updateOne" in cli("run", "--dry-run", recipe).stdout
    assert cli("run", "--once", recipe).returncode == 0
    redis_client.hset("person:1", mapping={"first_name": "Ada", "age": "36"})
    assert cli("run", "--once", recipe).returncode == 0
    assert list(database.persons.find({}, {"_id": False})) == [{"person_id": "1", "first": "Ada", "age": "36"}]
