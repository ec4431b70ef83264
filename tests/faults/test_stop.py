"""A stop while something hangs: it waits for no more than it was given, and leaves nothing of Python behind."""

from __future__ import annotations

import gc
import signal
import time
import weakref
from pathlib import Path

import redis

from .proxy import Loss, Proxy
from .stack import MariaDBTarget, PostgresTarget
from writebehind import Engine, Pipeline
from writebehind.connectors import MySqlConnection, MySqlConnector, PostgresConnection, PostgresConnector
from writebehind.testing import RedisServer, wait_until

MAPPING = {"first_name": "first", "seq": "seq"}


def test_writers_that_hang_are_cancelled_side_by_side(module: Path) -> None:
    target = MariaDBTarget()
    try:
        target.prepare()
        connector = MySqlConnector(MySqlConnection("wb", "wb", f"127.0.0.1:{target.port}/wb"), "persons", "person_id")
        pipeline = Pipeline(name="persons", prefix="person", mapping=MAPPING, connector=connector, writers=6)
        with RedisServer(module=module) as server, redis.Redis(port=server.port) as client, Engine(server.url) as engine:
            engine.add(pipeline)
            core = engine.cores()["persons"]
            for number in range(60):
                client.hset(f"person:{number}", mapping={"seq": number})
            assert engine.drain()
            target.server.signal(signal.SIGSTOP)
            try:
                for number in range(60):
                    client.hset(f"person:{number}", mapping={"seq": number + 1})
                wait_until(lambda: core.status()["lag_ms"] > 200, 20, "writers that hang")
                started = time.monotonic()
                core.stop(2000)
                assert time.monotonic() - started < 2.5
            finally:
                target.server.signal(signal.SIGCONT)
            wait_until(lambda: core.wait(0), 20, "the end of all threads")
    finally:
        target.close()


def test_a_stop_ends_the_wait_for_a_definition(module: Path) -> None:
    target = PostgresTarget()
    try:
        target.prepare()
        connector = PostgresConnector(PostgresConnection("wb", "wb", f"127.0.0.1:{target.port}/wb"), "persons", "person_id")
        pipeline = Pipeline(name="persons", prefix="person", mapping=MAPPING, connector=connector)
        narrower = Pipeline(name="persons", prefix="person", mapping={"first_name": "first"}, connector=connector)
        with (
            RedisServer(module=module) as server,
            redis.Redis(port=server.port) as client,
            Proxy(server.port) as link,
            Engine(f"redis://127.0.0.1:{link.port}/0") as engine,
        ):
            engine.add(pipeline)
            core = engine.cores()["persons"]
            client.hset("person:1", mapping={"seq": 1})
            assert engine.drain()
            client.execute_command("WB.REGISTER", "persons", Engine.definition_text(narrower))
            link.lose(b"HGET\r\n$20\r\nwritebehind:registry", Loss.SILENCE)
            client.hset("person:1", mapping={"seq": 2})
            assert link.lost.wait(20)
            started = time.monotonic()
            assert core.stop(4000)
            assert time.monotonic() - started < 1
    finally:
        target.close()


class Credentials:
    def __call__(self) -> str:
        return "wb"


def test_python_lets_go_of_a_callable_while_a_writer_still_hangs(module: Path) -> None:
    target = MariaDBTarget()
    try:
        target.prepare()
        user = Credentials()
        gone = weakref.ref(user)
        connector = MySqlConnector(MySqlConnection(user, "wb", f"127.0.0.1:{target.port}/wb"), "persons", "person_id")
        pipeline = Pipeline(name="persons", prefix="person", mapping=MAPPING, connector=connector)
        with RedisServer(module=module) as server, redis.Redis(port=server.port) as client:
            engine = Engine(server.url)
            with engine:
                engine.add(pipeline)
                client.hset("person:1", mapping={"seq": 1})
                assert engine.drain()
                core = engine.cores()["persons"]
                target.server.signal(signal.SIGSTOP)
                try:
                    client.hset("person:1", mapping={"seq": 2})
                    wait_until(lambda core=core: core.status()["lag_ms"] > 200, 20, "a writer that hangs")
                    assert not core.stop(100)
                    engine.stop(0.1)
                    del core, engine, pipeline, connector, user
                    gc.collect()
                    assert gone() is None
                finally:
                    target.server.signal(signal.SIGCONT)
    finally:
        target.close()
