"""How fast a backlog gets into a database, and what memory the engine takes for it."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from writebehind.module import module_path
from writebehind.testing import MariaDBServer, PostgresServer, RedisServer, wait_until

TABLE = "CREATE TABLE persons (person_id BIGINT PRIMARY KEY, first VARCHAR(40), last VARCHAR(40), age INTEGER)"
RECIPE = """\
from writebehind import RGWriteBehind
from writebehind.connectors import {kind}Connection, {kind}Connector
connector = {kind}Connector({kind}Connection({connection}), "persons", "person_id", "seen")
RGWriteBehind(GB, "person", {{"first": "first", "last": "last", "age": "age"}}, connector, "bench", version="99.99.99")
"""
STREAM = "writebehind:{bench}:stream"


@dataclass
class Drained:
    """One drain: changes, seconds from the first settled batch to the last, peak memory."""

    target: str
    round_: str
    changes: int
    seconds: float
    rss_mb: float

    @property
    def rate(self) -> float:
        return self.changes / self.seconds


@contextmanager
def target(kind: str, directory: Path) -> Iterator[str]:
    """A database with the tables; yields the arguments of its connection."""
    create = [TABLE, "CREATE TABLE seen (id VARCHAR(250) PRIMARY KEY, val VARCHAR(64))"]
    if kind == "SQLite":
        path = directory / "bench.db"
        with sqlite3.connect(path) as link:
            for statement in create:
                link.execute(statement)
        yield repr(str(path))
        return
    with PostgresServer() if kind == "Postgres" else MariaDBServer() as server:
        for statement in create:
            client = ["psql", "-X", "-q", server.url, "-c", statement]
            if kind == "MySql":
                client = ["mariadb", "--no-defaults", "-uwb", "-pwb", "-h127.0.0.1", f"-P{server.port}", "wb", "-e", statement]
            subprocess.run(client, check=True)
        yield f"'wb', 'wb', '127.0.0.1:{server.port}/wb'"


def load(client: redis.Redis, keys: int, round_: int) -> None:
    for start in range(0, keys, 1000):
        pipe = client.pipeline(transaction=False)
        for i in range(start, min(start + 1000, keys)):
            pipe.hset(f"person:{i}", mapping={"first": f"first {i}", "last": f"last {round_}", "age": i % 90})
        pipe.execute()


def engine(recipe: Path, server: RedisServer, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "writebehind", "run", str(recipe), "--redis", server.url, *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def peak_rss_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def drain(kind: str, keys: int) -> list[Drained]:
    """Inserts `keys` rows, then updates them all; the backlog is there before the engine starts."""
    results = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.chmod(directory, 0o755)
        connection = stack.enter_context(target(kind, directory))
        server = stack.enter_context(RedisServer(module=module_path()))
        client = redis.Redis(port=server.port)
        recipe = directory / "recipe.py"
        recipe.write_text(RECIPE.format(kind=kind, connection=connection))
        if engine(recipe, server, "--once").wait(60) != 0:
            raise RuntimeError("the recipe can't be run")
        for round_, name in enumerate(("inserts", "updates")):
            load(client, keys, round_)
            process = engine(recipe, server)
            try:
                wait_until(lambda: client.xlen(STREAM) < keys, 60, "the first batch")
                begin, first = time.monotonic(), client.xlen(STREAM)
                wait_until(lambda: client.xlen(STREAM) == 0, 600, "the last batch")
                results.append(Drained(kind, name, first, time.monotonic() - begin, peak_rss_mb(process.pid)))
            finally:
                process.terminate()
                process.wait(10)
        client.close()
    return results
