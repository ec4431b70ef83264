"""configure, on a real server; and on those that WB_SERVERS names by URL, where the module is loaded or may be."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from tests.conftest import Cli
from tests.python.running import rows
from writebehind import Engine, Pipeline
from writebehind.cli.configure import ENGINE_ONLY, acl_lines
from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.log import Log
from writebehind.server import inspect
from writebehind.testing import RedisServer


def test_configure_loads_the_module_where_that_is_allowed(module: Path) -> None:
    with RedisServer() as server:
        done = Cli(server.url)("configure")
        assert done.returncode == 0, done.stderr
        assert "the module is loaded now" in done.stderr
        assert f"loadmodule {module}" in done.stdout
        assert "warning: the AOF is off" in done.stderr
        again = Cli(server.url)("configure")
        assert again.returncode == 0
        assert "the module is loaded" in again.stderr
        assert redis.Redis(port=server.port).execute_command("WB.LIST") == []


def test_configure_says_what_to_add_where_it_is_not(module: Path) -> None:
    with RedisServer("--enable-module-command", "no", "--maxmemory-policy", "allkeys-lru", "--appendonly", "yes") as server:
        done = Cli(server.url)("configure")
    assert done.returncode == 1
    assert done.stdout == f"loadmodule {module}\n"
    assert "add this line to the server's configuration and restart it" in done.stderr
    assert "maxmemory-policy is allkeys-lru" in done.stderr
    assert "AOF" not in done.stderr


def test_configure_refuses_a_cluster() -> None:
    with RedisServer("--cluster-enabled", "yes") as server:
        done = Cli(server.url)("configure")
    assert done.returncode == 2
    assert "is a cluster, which this version does not serve" in done.stderr


@pytest.fixture(params=["own", *(word for word in re.split(r"[\s,]+", os.environ.get("WB_SERVERS", "")) if "://" in word)])
def admin(request: pytest.FixtureRequest, module: Path) -> Iterator[redis.Redis]:
    """A client that may do all, of a server with the module; of others' servers, what the test made is gone afterwards."""
    if request.param == "own":
        with RedisServer(module=module) as server, redis.Redis(port=server.port, protocol=2) as client:
            yield client
        return
    with redis.Redis.from_url(request.param, protocol=2) as client:
        yield client
        client.execute_command("ACL", "DELUSER", "application", "writebehind")
        with suppress(redis.ResponseError):
            client.execute_command("WB.UNREGISTER", "p", "DROP")
        client.delete("k:1", "k:2", "{k:1}token")


@pytest.fixture
def address(admin: redis.Redis) -> str:
    place = admin.connection_pool.connection_kwargs
    return f"{place.get('host', '127.0.0.1')}:{place['port']}"


@pytest.fixture
def application(admin: redis.Redis, address: str) -> Iterator[redis.Redis]:
    """A client with the rights of the application's line; the engine's user is there too."""
    for line in acl_lines(["k"], has_categories=inspect(admin).has_module_categories):
        words = line.replace("'>PASSWORD'", ">secret").split()
        assert admin.execute_command(*words) in (b"OK", True)
    with redis.Redis.from_url(f"redis://application:secret@{address}", decode_responses=True, protocol=2) as client:
        yield client


def test_configure_prints_the_lines_for_this_server(admin: redis.Redis, address: str) -> None:
    facts = inspect(admin)
    done = Cli(f"redis://{address}")("configure", "--prefix", "a", "--prefix", "b")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == acl_lines(["a", "b"], has_categories=facts.has_module_categories)
    assert ("puts no module's command into a category" in done.stderr) == (facts.compatible < (7, 2))
    assert (ENGINE_ONLY in done.stdout) == (ENGINE_ONLY in done.stderr) == (facts.compatible < (7, 2))


def test_the_acl_lines_are_enough(admin: redis.Redis, address: str, application: redis.Redis, file: Path) -> None:
    connector = SQLiteConnector(SQLiteConnection(str(file)), "t", "id")
    pipeline = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector)
    url = f"redis://writebehind:secret@{address}"
    stream = "writebehind:{p}:stream"  # who may not read or remove its entries by plain commands may not by ours
    waits = ["INFO replication", "WAIT 1 1", "CONFIG GET append*"] + ["WAITAOF 1 1 1"] * (inspect(admin).compatible >= (7, 2))
    for command in (f"XREAD STREAMS {stream} 0", f"XDEL {stream} 1-1", *waits):
        assert admin.execute_command("ACL", "DRYRUN", "writebehind", *command.split()) in (b"OK", True)
    with Engine(url, [pipeline], log=Log("error")) as engine:
        application.execute_command("HSET", "k:1", "a", "1", "#", "=token")
        answer = application.xread({"{k:1}token": "0-0"}, block=10000)
        assert answer[0][1][0][1] == {"status": "done"}
        application.execute_command("HMSET", "k:2", "a", "2", "#", "+")
        application.delete("k:1")
        application.hset("k:2", "a", "not a number")
        application.hset("k:1", "a", "not a number")
        assert engine.drain(10)
        application.execute_command("HSET", "k:1", "#", "-")
        for verb in ("status", "rejected list p", "rejected retry p --force", "pause p", "resume p"):
            done = Cli(url)(*verb.split())
            assert done.returncode == 0, done.stderr
        assert engine.drain(10)
        assert Cli(url)("rejected", "drop", "p", "--all").returncode == 0
    assert rows(file) == []
    assert Cli(url)("unregister", "p", "--drop").returncode == 0
    assert admin.keys("writebehind:*") == []


def test_the_acl_lines_allow_no_more(admin: redis.Redis, address: str, application: redis.Redis) -> None:
    admin.execute_command("WB.REGISTER", "p", '{"pattern": "k:*"}')
    refused = r"(?i)no permissions|acl verification failed|can't access"
    commands = [
        "WB.REGISTER q {}", "WB.UNREGISTER p DROP", "WB.READ p 0-0 1 1", "WB.SETTLE p 0 0-0 0", "WB.REJECT p 0 1-1 a b", "WB.STRAYS p 0 a b", "WB.REQUEUE p x",
        "HSET writebehind:registry p x", "HSET other:1 a 1", "WB.HSET other:1 a 1", "DEL other:1", "FLUSHALL",
    ]  # fmt: skip
    for command in commands:
        with pytest.raises(redis.exceptions.ResponseError, match=refused):
            application.execute_command(*command.split())
    with redis.Redis.from_url(f"redis://writebehind:secret@{address}", protocol=2) as engine:
        for command in ("HGET other:1 a", "DEL other:1", "FLUSHALL", "CONFIG SET maxmemory 1"):
            with pytest.raises(redis.exceptions.ResponseError, match=refused):
                engine.execute_command(*command.split())


def test_what_an_ordinary_user_with_all_commands_needs_behind_it(admin: redis.Redis, address: str) -> None:
    admin.execute_command("WB.REGISTER", "p", '{"pattern": "k:*"}')
    rules = ["-@admin"] if inspect(admin).has_module_categories else ENGINE_ONLY.split()
    admin.execute_command("ACL", "SETUSER", "application", "reset", "on", ">secret", "~*", "+@all", *rules)
    with redis.Redis.from_url(f"redis://application:secret@{address}", protocol=2) as user:
        assert user.execute_command("WB.LIST")
        for command in ("WB.REGISTER q {}", "WB.UNREGISTER p", "WB.READ p 0-0 1 1", "WB.SETTLE p 0 0-0 0", "WB.REQUEUE p x"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                user.execute_command(*command.split())
