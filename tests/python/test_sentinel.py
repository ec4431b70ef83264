"""A Redis that Sentinels lead to, for the verbs and for the engine; and what they say when they can't."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis

from tests.conftest import Cli
from tests.faults.failover import SERVICE, SentinelServer, sentinel_url
from tests.python.running import rows
from writebehind import Engine, Pipeline
from writebehind.connectors import SimpleHashConnector, SQLiteConnection, SQLiteConnector
from writebehind.errors import ConfigError, RedisUnavailable
from writebehind.log import Log
from writebehind.testing import RedisServer, free_port, wait_until


class Set:
    """A master with a password, a Sentinel with another one, and a port where nobody is."""

    def __init__(self, master: RedisServer, sentinel: SentinelServer) -> None:
        self.master, self.sentinel, self.nobody = master, sentinel, free_port()

    def url(self, *, service: str = SERVICE, login: str = ":servers-own@", own: str = "sentinels-own", ports: tuple[int, ...] = ()) -> str:
        return (
            sentinel_url(*(ports or (self.nobody, self.sentinel.port)), login=login).replace(SERVICE, service) + f"?sentinel_password={own}"
        )


@contextmanager
def a_set(module: Path) -> Iterator[Set]:
    with ExitStack() as opened:
        master = opened.enter_context(RedisServer("--requirepass", "servers-own", module=module))
        lines = ('requirepass "sentinels-own"', f'sentinel auth-pass {SERVICE} "servers-own"', "sentinel resolve-hostnames no")
        yield Set(master, opened.enter_context(SentinelServer(master, *lines)))


@pytest.fixture(scope="module")
def servers(module: Path) -> Iterator[Set]:
    with a_set(module) as made:
        yield made


def pipeline(file: Path, name: str = "p", connector: object = None) -> Pipeline:
    target = connector or SQLiteConnector(SQLiteConnection(str(file)), "t", "id")
    return Pipeline(name=name, prefix="k", mapping={"a": "a"}, connector=target, retry_interval_s=0.2)  # type: ignore[arg-type]


def test_verbs_and_engine_find_the_master(servers: Set, file: Path) -> None:
    cli = Cli(servers.url())
    configured = cli("configure")
    assert configured.returncode == 0, configured.stderr
    shown = f"redis+sentinel://127.0.0.1:{servers.nobody},127.0.0.1:{servers.sentinel.port}/{SERVICE}/0"
    assert f"at {shown}\n" in configured.stderr
    with (
        redis.Redis(port=servers.master.port, password="servers-own", decode_responses=True) as client,
        Engine(servers.url(), [pipeline(file), pipeline(file, "same", SimpleHashConnector("copy"))], log=Log("error")) as engine,
    ):
        client.hset("k:1", "a", "1")
        client.hset("k:2", "a", "no number")
        assert engine.drain()
        assert (rows(file), client.hgetall("copy:1")) == ([("1", 1)], {"a": "1"})
        for words in (["status"], ["pause", "p"], ["resume", "p"], ["rejected", "list", "p"], ["rejected", "drop", "p", "--all"]):
            done = cli(*words)
            assert done.returncode == 0, done.stderr
            assert "own" not in done.stdout + done.stderr.replace(shown, "")


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        ({"ports": "nobody"}, 1, f"no Sentinel of '{SERVICE}' answers: Sentinel at 127.0.0.1:"),
        ({"service": "other"}, 2, "knows no service 'other' (the Redis URL is redis+sentinel://host:port/service/db)"),
        ({"own": "wrong-one"}, 2, "sentinel_username and sentinel_password of the Redis URL are the Sentinels' own login"),
        ({"own": ""}, 2, "sentinel_username and sentinel_password of the Redis URL are the Sentinels' own login"),
        ({"login": ":wrong-one@"}, 2, "refuses the login of the default user"),
    ],
    ids=["nobody", "service", "sentinels-login", "no-login", "servers-login"],
)
def test_what_is_wrong_is_said(servers: Set, url: dict[str, str], status: int, text: str) -> None:
    given = servers.url(**({"ports": (servers.nobody,)} if "ports" in url else url))  # type: ignore[arg-type]
    done = Cli(given)("status")
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    said = done.stderr.replace(" hint:", "").replace("\n", " ")
    assert text.split(" (")[0] in said and all(part.rstrip(")") in said for part in text.split(" (")[1:])
    for secret in ("servers-own", "sentinels-own", "wrong-one"):
        assert secret not in done.stderr


def test_a_master_that_is_away_or_none(module: Path, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """For the verbs, and in the log of an engine that runs: by then its core connects by itself."""
    with a_set(module) as servers:
        url = servers.url()
        with Engine(url, [pipeline(file)], log=Log("warning")) as engine:
            servers.master.kill()
            dead = f"Redis at 127.0.0.1:{servers.master.port}: can't connect: Connection refused"
            away = f"the master of '{SERVICE}' can't be reached: Sentinel at 127.0.0.1:{servers.nobody}: can't connect: Connection refused; {dead}"
            wait_until(lambda: away in engine.status()["p"]["message"], 20, "the reason")
            with pytest.raises(RedisUnavailable, match=f"can't be reached: Error 111 connecting to 127.0.0.1:{servers.master.port}"):
                Engine(url, log=Log("error")).connect()
            servers.master.arguments += ["--replicaof", "127.0.0.1", str(servers.nobody)]
            servers.master.start()
            none = f"Redis at 127.0.0.1:{servers.master.port} is a replica, though Sentinel calls it the master: a failover is under way"
            wait_until(lambda: none in engine.status()["p"]["message"], 20, "the reason")
            with pytest.raises(RedisUnavailable, match=none):
                Engine(url, log=Log("error")).connect()
            with redis.Redis(port=servers.sentinel.port, password="sentinels-own") as sentinel:
                sentinel.execute_command("SENTINEL", "REMOVE", SERVICE)
            unknown = f"Sentinel at 127.0.0.1:{servers.sentinel.port}: it knows no service '{SERVICE}'"
            wait_until(lambda: unknown in engine.status()["p"]["message"], 20, "the reason")
            with pytest.raises(ConfigError, match="knows no service"):
                Engine(url, log=Log("error")).connect()
        assert "-own" not in capfd.readouterr().err


def test_wait_aof_needs_an_aof_that_can_be_waited_for(module: Path, file: Path) -> None:
    waiting = Pipeline(
        name="p", prefix="k", mapping={"a": "a"}, connector=SQLiteConnector(SQLiteConnection(str(file)), "t", "id"), wait_aof=True
    )
    with RedisServer(module=module) as server, redis.Redis(port=server.port) as client:
        with pytest.raises(ConfigError, match="pipeline 'p': wait_aof: Redis at .* writes no AOF"):
            Engine(server.url, [waiting], log=Log("error")).start()
        client.config_set("appendonly", "yes")
        knows_waitaof = tuple(int(part) for part in client.info("server")["redis_version"].split(".")[:2]) >= (7, 2)
        if not knows_waitaof:
            with pytest.raises(ConfigError, match="can't be asked to wait for its AOF, and appendfsync is everysec"):
                Engine(server.url, [waiting], log=Log("error")).start()
            client.config_set("appendfsync", "always")
        with Engine(server.url, [waiting], log=Log("error")) as engine:
            client.hset("k:1", "a", "1")
            assert engine.drain()
            assert rows(file) == [("1", 1)]
            if not knows_waitaof:
                client.config_set("appendfsync", "everysec")
                client.hset("k:1", "a", "2")
                wait_until(lambda: "needs appendonly yes and appendfsync always" in engine.status()["p"]["message"], 20, "the reason")
                assert rows(file) == [("1", 1)]
                client.config_set("appendfsync", "always")
            else:
                client.config_set("appendonly", "no")
                client.hset("k:1", "a", "2")
                wait_until(lambda: "WAITAOF" in engine.status()["p"]["message"], 20, "the reason")
                assert rows(file) == [("1", 1)]
                client.config_set("appendonly", "yes")
            assert engine.drain()
            assert rows(file) == [("1", 2)]
