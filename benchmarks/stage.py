"""Servers, tables and engines that measurements share."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from benchmarks import limits
from writebehind.module import module_path
from writebehind.testing import MariaDBServer, PostgresServer, RedisServer, wait_until

COLUMNS = "person_id BIGINT PRIMARY KEY, first VARCHAR(40), last VARCHAR(40), age INTEGER"
STREAM = "writebehind:{bench}:stream"
RECIPE = """\
from writebehind import RGWriteBehind
from writebehind.connectors import {kind}Connection, {kind}Connector
connector = {kind}Connector({kind}Connection({connection}), "persons", "person_id", "seen")
RGWriteBehind(GB, "person", {{"first": "first", "last": "last", "age": "age"}}, connector, "bench", version="99.99.99"{options})
"""


class Database:
    """A private database with the tables `persons` (ours), `persons_limit` and `seen`."""

    kind: str  # as the recipe's names begin
    name: str  # for people
    connection: str  # the arguments of the recipe's connection

    def execute(self, *statements: str) -> None:
        raise NotImplementedError

    def limit(self, rows: int, round_: int, how: str = "") -> float:
        """Rows/s of the limit program, into `persons_limit`."""
        raise NotImplementedError

    def settle(self) -> None:
        """What the server would otherwise do later, in the middle of what is measured next."""

    def empty(self) -> None:
        self.execute("DELETE FROM persons", "DELETE FROM persons_limit")

    def create(self) -> None:
        tables = {"persons": COLUMNS, "persons_limit": COLUMNS, "seen": "id VARCHAR(250) PRIMARY KEY, val VARCHAR(64)"}
        self.execute(*(f"CREATE TABLE {name} ({columns})" for name, columns in tables.items()))


class Postgres(Database):
    kind, name = "Postgres", "PostgreSQL"

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.connection = f"'wb', 'wb', '127.0.0.1:{server.port}/wb'"

    def execute(self, *statements: str) -> None:
        commands = [argument for statement in statements for argument in ("-c", statement)]
        subprocess.run(["psql", "-X", "-q", self.server.url, *commands], check=True)

    def create(self) -> None:
        super().create()
        for table in ("persons", "persons_limit"):  # at a moment of its own choice it would slow one side
            self.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")

    def limit(self, rows: int, round_: int, how: str = "text") -> float:
        return limits.rate("postgres", self.server.url, "persons_limit", rows, round_, how or "text")

    def settle(self) -> None:
        self.execute("CHECKPOINT")

    def empty(self) -> None:
        self.execute("TRUNCATE persons, persons_limit")


class MariaDB(Database):
    kind, name = "MySql", "MariaDB"

    def __init__(self, server: MariaDBServer) -> None:
        self.server = server
        self.connection = f"'wb', 'wb', '127.0.0.1:{server.port}/wb'"

    def execute(self, *statements: str) -> None:
        client = ["mariadb", "--no-defaults", "-uwb", "-pwb", "-h127.0.0.1", f"-P{self.server.port}", "wb"]
        subprocess.run(client, input=";\n".join(statements), text=True, check=True)

    def limit(self, rows: int, round_: int, how: str = "multi") -> float:
        return limits.rate("mariadb", self.server.port, "persons_limit", rows, round_, how or "multi")

    def settle(self) -> None:
        self.execute("FLUSH TABLES persons, persons_limit")

    def empty(self) -> None:
        self.execute("TRUNCATE persons", "TRUNCATE persons_limit")


class SQLite(Database):
    kind = name = "SQLite"

    def __init__(self, directory: Path) -> None:
        self.path = directory / "bench.db"
        self.connection = repr(str(self.path))

    def execute(self, *statements: str) -> None:
        with sqlite3.connect(self.path) as link:
            for statement in statements:
                link.execute(statement)
        link.close()

    def limit(self, rows: int, round_: int, how: str = "") -> float:
        return limits.rate("sqlite", self.path, "persons_limit", rows, round_)

    def settle(self) -> None:
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def database(name: str) -> Iterator[Database]:
    """`name`: PostgreSQL, MariaDB or SQLite."""
    with ExitStack() as stack:
        made: Database
        if name == "PostgreSQL":
            made = Postgres(stack.enter_context(PostgresServer()))
        elif name == "MariaDB":
            made = MariaDB(stack.enter_context(MariaDBServer()))
        else:
            made = SQLite(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        made.create()
        yield made


class Engine:
    """A pipeline of `persons` on a Redis of its own, and the engine, started as often as needed."""

    def __init__(self, stack: ExitStack, target: Database, options: str = "", before: str = "") -> None:
        self.server = stack.enter_context(RedisServer(module=module_path()))
        self.client = stack.enter_context(redis.Redis(port=self.server.port))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.recipe = directory / "recipe.py"
        self.recipe.write_text(before + RECIPE.format(kind=target.kind, connection=target.connection, options=options))
        if self.start("--once").wait(60) != 0:
            raise RuntimeError("the recipe can't be run")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "writebehind", "run", str(self.recipe), "--redis", self.server.url, *arguments]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        process = self.start()
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)

    def load(self, changes: int, keys: int, round_: int = 0) -> None:
        limits.run("stream", self.server.port, "person", "load", changes, keys, round_)

    def reads(self) -> int:
        """How often entries were asked for."""
        stats: dict[str, dict[str, int]] = self.client.info("commandstats")
        return sum(stat["calls"] for name, stat in stats.items() if name.lower() == "cmdstat_wb.read")

    def drain(self) -> tuple[float, float]:
        """Seconds from the first entry taken to the last one settled, and the engine's peak memory in MB."""
        before = self.reads()
        with self.running() as process:
            deadline = time.monotonic() + 30
            while self.reads() == before:  # as often as possible: the clock runs from the first
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the engine does not read")
            started = time.perf_counter()
            wait_until(lambda: self.client.xlen(STREAM) == 0, 3600, "the last batch")
            return time.perf_counter() - started, peak_mb(process.pid)


def peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")
