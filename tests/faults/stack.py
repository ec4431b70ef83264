"""A target database, a Redis with the module, and an engine in a process of its own that can be killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pymysql
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .proxy import Proxy
from writebehind.testing import MariaDBServer, PostgresServer, RedisServer, Server, wait_until

FIELDS = ("first_name", "seq")

SENT_ONCE = Retry(NoBackoff(), 0)
"""For a client that counts: redis-py sends a command again whose reply was lost, and then it is two changes."""

RECIPE = """\
from writebehind import RGWriteBehind
from writebehind.connectors import {kind}Connection, {kind}Connector

connection = {kind}Connection({connection})
connector = {kind}Connector(connection, "persons", "person_id"{exactly_once})
RGWriteBehind(GB, keysPrefix="person", mappings={{"first_name": "first", "seq": "seq"}}, connector=connector,
              name="persons", version="99.99.99"{options})
"""

TABLES = (
    "CREATE TABLE persons (person_id VARCHAR(64) PRIMARY KEY, first VARCHAR(20), seq INTEGER)",
    "CREATE TABLE seen (id VARCHAR(200) PRIMARY KEY, val VARCHAR(64))",
    "CREATE TABLE written (person_id VARCHAR(64), seq INTEGER)",
)


class Target:
    """A database with the tables, and a trigger that logs every row written."""

    kind: str
    triggers: tuple[str, ...]

    def connect(self) -> Any:
        raise NotImplementedError

    def prepare(self) -> None:
        for statement in (*TABLES, *self.triggers):
            self.query(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        link = self.connect()
        try:
            cursor = link.cursor()
            cursor.execute(statement)
            rows = list(cursor.fetchall()) if cursor.description else []
            link.commit()
            return rows
        finally:
            link.close()

    def rows(self) -> dict[str, tuple[Any, ...]]:
        return {row[0]: row[1:] for row in self.query("SELECT person_id, first, seq FROM persons")}

    def count(self, table: str = "persons") -> int:
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    @property
    def connection(self) -> str:
        raise NotImplementedError

    def close(self) -> None: ...

    server: Server | None = None
    proxy: Proxy | None = None

    @property
    def server_port(self) -> int | None:
        """None: there is no server."""
        return self.server.port if self.server else None

    @property
    def port(self) -> int | None:
        """The engine's way to the server."""
        return self.proxy.port if self.proxy else self.server_port


class SQLiteTarget(Target):
    kind = "SQLite"
    triggers = tuple(
        f"CREATE TRIGGER log_{event} AFTER {event} ON persons BEGIN INSERT INTO written VALUES (new.person_id, new.seq); END"
        for event in ("INSERT", "UPDATE")
    )

    def __init__(self, directory: Path) -> None:
        self.path = directory / "target.db"

    def connect(self) -> Any:
        return sqlite3.connect(self.path, timeout=30)

    @property
    def connection(self) -> str:
        return repr(str(self.path))


class PostgresTarget(Target):
    kind = "Postgres"
    triggers = (
        "CREATE FUNCTION log_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO written VALUES (new.person_id, new.seq); RETURN NULL; END $$",
        "CREATE TRIGGER log AFTER INSERT OR UPDATE ON persons FOR EACH ROW EXECUTE FUNCTION log_written()",
    )

    def __init__(self) -> None:
        self.server = PostgresServer().start()

    def connect(self) -> Any:
        return psycopg2.connect(self.server.url)

    @property
    def connection(self) -> str:
        return f"'wb', 'wb', '127.0.0.1:{self.port}/wb'"

    def close(self) -> None:
        self.server.close()


class MariaDBTarget(Target):
    kind = "MySql"
    triggers = tuple(
        f"CREATE TRIGGER log_{event} AFTER {event} ON persons FOR EACH ROW INSERT INTO written VALUES (new.person_id, new.seq)"
        for event in ("INSERT", "UPDATE")
    )

    def __init__(self) -> None:
        self.server = MariaDBServer().start()

    def connect(self) -> Any:
        return pymysql.connect(host="127.0.0.1", port=self.server_port, user="wb", password="wb", database="wb")

    @property
    def connection(self) -> str:
        return f"'wb', 'wb', '127.0.0.1:{self.port}/wb'"

    def close(self) -> None:
        self.server.close()


class Engine:
    """`writebehind run` in a process of its own."""

    def __init__(self, recipe: Path, redis_url: str) -> None:
        self.recipe, self.redis_url = recipe, redis_url
        self.log_path = recipe.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> Engine:
        command = [sys.executable, "-m", "writebehind", "run", str(self.recipe), "--redis", self.redis_url, *arguments]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        return self

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def terminate(self, seconds: float = 10) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def wait(self, seconds: float = 30) -> int:
        assert self.process
        return self.process.wait(seconds)


class Stack:
    """All of it together; `link` is the engine's way to Redis where it goes through a proxy."""

    def __init__(self, server: RedisServer, target: Target, recipe: Path, link: Proxy | None = None) -> None:
        self.server, self.target, self.link = server, target, link
        self.redis = redis.Redis(port=server.port, decode_responses=True)
        self.engine = Engine(recipe, f"redis://127.0.0.1:{link.port}/0" if link else server.url)

    def hset(self, start: int, stop: int, **fields: object) -> None:
        """A transaction that writes person:<start> to person:<stop - 1>."""
        with self.redis.pipeline() as pipe:
            for seq in range(start, stop):
                pipe.hset(f"person:{seq}", mapping={"first_name": f"name {seq}", "seq": seq, **fields})
            pipe.execute()

    def answer(self, key: str, uuid: str) -> list[dict[str, str]]:
        """All entries of an answer, once there is one."""
        stream = f"{{{key}}}{uuid}"
        assert self.redis.xread({stream: "0-0"}, block=20_000), self.engine.log[-4000:]
        return [fields for _, fields in self.redis.xrange(stream)]

    def rejected(self) -> list[dict[str, str]]:
        """The rejected stream; its entries hold packed bytes."""
        with redis.Redis(port=self.server.port, decode_responses=True, encoding_errors="replace") as client:
            return [fields for _, fields in client.xrange("writebehind:{persons}:rejected")]

    def written_twice(self) -> list[tuple[Any, ...]]:
        return self.target.query("SELECT person_id, seq, count(*) FROM written GROUP BY person_id, seq HAVING count(*) > 1")

    @property
    def waiting(self) -> int:
        return int(self.redis.xlen("writebehind:{persons}:stream"))

    def status(self, what: str) -> str:
        """What the engine says of itself (docs/protocol.md)."""
        return self.redis.hget("writebehind:{persons}:engine", what) or ""

    def registered(self) -> bool:
        return bool(self.redis.hexists("writebehind:registry", "persons"))

    def start(self) -> None:
        self.engine.start()

        def is_registered() -> bool:
            assert self.engine.process and self.engine.process.poll() is None, self.engine.log
            return self.registered()

        wait_until(is_registered, 20, "the registration")

    def drain(self, seconds: float = 60) -> None:
        try:
            wait_until(lambda: self.waiting == 0, seconds, "an empty stream")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.engine.log[-4000:]}") from error

    def hashes(self) -> dict[str, tuple[Any, ...]]:
        """What the table must hold, by primary key."""
        found: dict[str, tuple[Any, ...]] = {}
        keys = list(self.redis.scan_iter("person:*", count=5000))
        for start in range(0, len(keys), 2000):
            pipe = self.redis.pipeline(transaction=False)
            for key in keys[start : start + 2000]:
                pipe.hmget(key, *FIELDS)
            for key, (first, seq) in zip(keys[start : start + 2000], pipe.execute(), strict=True):
                found[key.removeprefix("person:")] = (first, None if seq is None else int(seq))
        return found

    def assert_equal(self) -> None:
        wanted, rows = self.hashes(), self.target.rows()
        differing = [key for key in wanted.keys() | rows.keys() if wanted.get(key) != rows.get(key)]
        sample = {key: (wanted.get(key), rows.get(key)) for key in differing[:5]}
        assert not differing, f"{len(differing)} keys differ, Redis against the table: {sample}"


@contextmanager
def stack(
    kind: str,
    module: str | Path,
    directory: Path,
    *redis_arguments: str,
    exactly_once: bool = True,
    options: str = "",
    proxied: bool = False,
) -> Iterator[Stack]:
    """A running Redis and target of `kind` (sqlite, postgres, mariadb) with a recipe; no engine yet.

    Args:
        proxied: the engine reaches both through a Proxy. Default False.
    """
    target: Target = SQLiteTarget(directory) if kind == "sqlite" else PostgresTarget() if kind == "postgres" else MariaDBTarget()
    recipe = directory / "recipe.py"
    try:
        target.prepare()
        if proxied and target.server:
            target.proxy = Proxy(target.server.port)
        recipe.write_text(
            RECIPE.format(kind=target.kind, connection=target.connection, exactly_once=", 'seen'" if exactly_once else "", options=options)
        )
        with RedisServer(*redis_arguments, module=module) as server:
            made = Stack(server, target, recipe, Proxy(server.port) if proxied else None)
            try:
                yield made
            finally:
                made.engine.kill()
                made.redis.close()
                if made.link:
                    made.link.close()
    finally:
        if target.proxy:
            target.proxy.close()
        target.close()
