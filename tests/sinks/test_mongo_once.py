"""MongoDB with exactly once: rows and position in one transaction. WB_MONGODB is used where it is a replica set; else a server that Maven
brings gets its transactions from a proxy of the tests'. Last, which errors are a row's own, and what connections read and show."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.proxy import Loss, Proxy
from tests.sinks.kills import kill_at_work
from tests.sinks.mongo_transactions import Transactions
from tests.sinks.test_mongo import RECIPE, connector, documents
from writebehind import Engine, Pipeline
from writebehind.connectors import MongoConnection, MongoConnector
from writebehind.errors import CheckpointMoved, CommitInDoubt, ConfigError, RowsRefused, TargetUnavailable, WritebehindError
from writebehind.log import Log
from writebehind.sinks import Plan, Row
from writebehind.sinks.mongo import MongoSink
from writebehind.sinks.mongo_rows import refusal
from writebehind.testing import RedisServer, free_port, wait_until

pymongo = pytest.importorskip("pymongo")

ID = "sql/0/1/1of1"
PLAN = Plan(1, "", "people", (("id", "bytes", False),), (("n", "bytes", False),), False)


def port_of(url: str) -> int:
    from pymongo.uri_parser import parse_uri

    return int(parse_uri(url)["nodelist"][0][1])


@pytest.fixture(scope="module")
def transactions(mongo_url: str) -> Iterator[Transactions | None]:
    if os.environ.get("WB_MONGODB"):
        with pymongo.MongoClient(mongo_url) as client:
            client.admin.command("ping")
            if any(server.server_type_name != "Standalone" for server in client.topology_description.server_descriptions().values()):
                yield None
                return
    with Transactions(port_of(mongo_url)) as made:
        yield made


@pytest.fixture
def once_url(mongo_url: str, transactions: Transactions | None) -> str:
    return mongo_url if transactions is None else f"mongodb://127.0.0.1:{transactions.port}/?directConnection=true"


@pytest.fixture
def sinks(once_url: str, database: Any) -> Iterator[Callable[..., MongoSink]]:
    """`sinks()` makes an open sink with a position of 0-0."""
    with ExitStack() as made:

        def make(url: str = once_url) -> MongoSink:
            sink = MongoSink(MongoConnection("", "", "", conn_string=url), database.name, "people", "id", "seen")
            made.callback(sink.close)
            sink.open()
            sink.load_checkpoint(ID)
            return sink

        yield make


def write(sink: MongoSink, rows: dict[str, str | None], before: str, after: str) -> None:
    made: list[Row] = [
        (n is None, False, (id.encode(),) if n is None else (id.encode(), n.encode()), None, None) for id, n in rows.items()
    ]
    sink.write(PLAN, made, (ID, before, after))


def test_hole_14_the_position_moves_with_the_rows(sinks: Any, database: Any, transactions: Transactions | None) -> None:
    one, other = sinks(), sinks()
    write(one, {"1": "1", "2": "1", "3": None}, "0-0", "5-0")
    write(other, {"1": "99"}, "0-0", "5-0")  # the same batch, as far as the position knows
    with pytest.raises(CheckpointMoved, match="holds 5-0, not 0-0"):
        write(other, {"1": "99"}, "0-0", "7-0")
    write(one, {"2": None}, "5-0", "6-0")
    write(one, {}, "6-0", "7-0")
    assert documents(database) == {"1": {"n": "1"}}
    assert list(database.seen.find()) == [{"_id": ID, "val": "7-0"}]
    assert other.load_checkpoint(ID) == "7-0"
    other.forget_checkpoint(ID)
    with pytest.raises(CheckpointMoved, match="is gone"):
        write(one, {"1": "99"}, "7-0", "8-0")
    assert documents(database) == {"1": {"n": "1"}}
    if transactions is not None:
        first = next(command for command in transactions.said if command.get("startTransaction") and command.get("update") == "seen")
        assert first["readConcern"] == {"level": "snapshot"}
        commit = next(command for command in transactions.said if "commitTransaction" in command)
        assert commit["writeConcern"] == {"w": "majority", "j": True}


def test_what_is_refused_moves_no_position(sinks: Any, database: Any) -> None:
    database.people.create_index("n", unique=True)
    database.people.insert_one({"id": "old", "n": "7"})
    sink = sinks()
    with pytest.raises(RowsRefused) as raised:
        write(sink, {str(i): "7" if i in (3, 4, 8) else f"n{i}" for i in range(10)}, "0-0", "5-0")
    assert [(row.row, row.is_constraint) for row in raised.value.rows] == [(3, True), (4, True), (8, True)]
    assert documents(database) == {"old": {"n": "7"}}
    assert sink.load_checkpoint(ID) == "0-0"
    write(sink, {str(i): f"n{i}" for i in range(10) if i not in (3, 4, 8)}, "0-0", "5-0")
    assert len(documents(database)) == 8


def test_a_commit_whose_answer_is_lost_is_settled_by_compare_and_set(sinks: Any, database: Any, once_url: str) -> None:
    port = port_of(once_url)
    with Proxy(port) as proxy:
        url = once_url.replace(f":{port}", f":{proxy.port}").replace("localhost", "127.0.0.1")
        sink = sinks(f"{url}&connectTimeoutMS=500&serverSelectionTimeoutMS=500")
        # The driver tries once more by itself, on a connection that finds nobody.
        proxy.lose(b"commitTransaction", Loss.ANSWER, hold=True)
        with pytest.raises(CommitInDoubt, match="the answer to commitTransaction never came"):
            write(sink, {"1": "1"}, "0-0", "5-0")
        wait_until(lambda: documents(database) == {"1": {"n": "1"}}, 10, "the server to have heard it")
        database.people.update_one({"id": "1"}, {"$set": {"n": "changed since"}})
        proxy.release()
        sink.open()
        write(sink, {"1": "1"}, "0-0", "5-0")
    assert documents(database) == {"1": {"n": "changed since"}}


def test_what_breaks_before_the_commit_leaves_nothing(sinks: Any, database: Any, once_url: str) -> None:
    port = port_of(once_url)
    with Proxy(port) as proxy:
        url = once_url.replace(f":{port}", f":{proxy.port}").replace("localhost", "127.0.0.1")
        sink = sinks(f"{url}&connectTimeoutMS=500&serverSelectionTimeoutMS=500")
        proxy.lose(b"people", Loss.ANSWER)
        with pytest.raises(TargetUnavailable):
            write(sink, {"1": "1"}, "0-0", "5-0")
        sink.open()
        assert sink.load_checkpoint(ID) == "0-0"
        assert documents(database) == {}
        write(sink, {"1": "1"}, "0-0", "5-0")
    assert documents(database) == {"1": {"n": "1"}}


@pytest.fixture
def run(redis_server: RedisServer, redis_client: redis.Redis, once_url: str, database: Any) -> Iterator[Callable[[], Engine]]:
    with ExitStack() as engines:

        def start() -> Engine:
            target = connector(once_url, database, once="seen")
            made = Pipeline(name="sql", prefix="p", mapping={"n": "n"}, connector=target, retry_interval_s=0.05)
            return engines.enter_context(Engine(redis_server.url, [made], log=Log("error")))

        yield start


def test_nothing_is_lost_over_kills_and_what_was_committed_is_skipped(
    run: Any, database: Any, once_url: str, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.py"
    recipe.write_text(RECIPE.format(url=once_url, database=database.name, once="seen"))
    run().stop()  # registers
    last = kill_at_work(redis_server.url, redis_client, recipe, lambda: sum(int(one["n"]) for one in documents(database).values()))
    engine = run()
    assert engine.drain()
    assert documents(database) == {str(key): {"n": str(n)} for key, n in last.items()}
    engine.stop()
    redis_client.hset("p:1", "n", "skipped")
    ((entry, _),) = redis_client.xrange("writebehind:{sql}:stream")
    database.seen.update_one({}, {"$set": {"val": entry}})  # as if it had been committed, and nobody had told Redis
    engine = run()
    assert engine.drain()
    assert engine.status()["sql"]["skipped"] == 1
    assert documents(database)["1"] == {"n": str(last[1])}


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        ({"code": 11000, "errmsg": "E11000 of n_1 dup key: { n: 7 }", "keyPattern": {"n": 1}}, ("n", True, "E11000 of n_1")),
        ({"code": 11000, "errmsg": "E11000 dup", "keyPattern": {"other": 1}}, ("", True, "E11000 dup")),
        ({"code": 11000, "errmsg": "E11000 dup"}, ("", True, "E11000 dup")),
        ({"code": 11000, "errmsg": "two upserts met", "keyPattern": {"id": 1}}, None),
        ({"code": 121, "errmsg": "Document failed validation"}, ("", True, "Document failed validation")),
        ({"code": 17419, "errmsg": "Resulting document after update is larger"}, ("", False, "error 17419")),
        ({"code": 66, "errmsg": "part of a shard key"}, ("", False, "error 66")),
        ({"code": 112, "errmsg": "WriteConflict"}, None),
        ({"code": 13, "errmsg": "not authorized"}, None),
        ({"code": 91, "errmsg": "ShutdownInProgress"}, None),
    ],
)
def test_which_errors_are_a_rows_own(error: dict[str, Any], refused: tuple[str, bool, str] | None) -> None:
    found = refusal({"index": 3, **error}, PLAN)
    assert (found and (found.row, found.column, found.is_constraint, found.cause)) == (refused and (3, *refused))


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (("", "", "h:1,h2:2/admin?w=1"), {"host": "mongodb://h:1,h2:2/admin?w=1"}),
        (("me", lambda: "p@ss/1", "h"), {"host": "mongodb://h", "username": "me", "password": "p@ss/1", "authSource": "admin"}),
        ((None, None, None, None, "mongodb+srv://x"), {"host": "mongodb+srv://x"}),
    ],
)
def test_connections_are_read(given: Any, options: dict[str, Any]) -> None:
    assert MongoConnection(*given).client_options() == options
    assert MongoConnection(*given, tlsCAFile="/ca").client_options() == {**options, "tlsCAFile": "/ca", "tls": True}
    assert MongoConnection(*given, tls=False).client_options() == {**options, "tls": False}


def test_what_can_be_known_to_be_wrong() -> None:
    with pytest.raises(ConfigError, match="tls is false, but tlsCAFile is given"):
        MongoConnection("", "", "h", tls=False, tlsCAFile="/ca")
    with pytest.raises(ConfigError, match="neither db nor conn_string"):
        MongoConnection("", "", "").client_options()
    connection = MongoConnection("user", "hidden", "user:hidden@h:1/d")
    assert "hidden" not in f"{connection!r} {MongoConnector(connection, 'd', 't', 'id')!r}"
    for database, collection, pk in (("a.b", "t", "id"), ("d", "", "id"), ("d", "system.x", "id"), ("d", "t", "a.b"), ("d", "t", "")):
        with pytest.raises(ConfigError):
            MongoConnector(connection, database, collection, pk)
    for member in ("a.b", "$set", "_id"):
        with pytest.raises(ConfigError, match="'_id'" if member == "_id" else "would misread the member's name"):
            Pipeline(name="x", prefix="p", mapping={"a": member}, connector=MongoConnector(connection, "d", "t", "id"))


def test_a_connect_that_fails_says_why_and_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*given: Any, **options: Any) -> None:
        MongoSink(MongoConnection(*given, **options), "d", "t", "id", None).open()

    with pytest.raises(TargetUnavailable, match="can't connect to mongodb 127.0.0.1"):
        opened("", "", f"127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200")
    for given in (("u", "hidden:@", "h:port"), ("", "", "", "", "mongodb://u:hidden@x@h"), ("", "", "", "", "mongodb://u:hid den@h:hidden@x")):
        with pytest.raises(ConfigError) as raised:
            opened(*given)
        assert "hidden" not in str(raised.value)
    with pytest.raises(ConfigError, match="/no/such/ca"):
        opened("", "", "127.0.0.1:1", tlsCAFile="/no/such/ca")

    def refuse(*args: Any, **options: Any) -> Any:
        raise pymongo.errors.OperationFailure("Authentication failed.", 18, {"errmsg": "Authentication failed."})

    monkeypatch.setattr(pymongo, "MongoClient", refuse)
    with pytest.raises(ConfigError, match="can't sign in to mongodb h: Authentication failed"):
        opened("u", "hidden", "h")
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(ConfigError, match="driver of MongoDB can't be loaded") as raised:
        opened("u", "hidden", "h")
    assert raised.value.hint == "pip install 'writebehind[mongodb]'"
    assert isinstance(raised.value, WritebehindError)
