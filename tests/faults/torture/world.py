"""The servers, the tables and the engines of a run. More engines, or a Redis with replicas, are to be added here."""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from .history import History
from .model import COLUMNS, DROPPED, PREFIX, Row
from tests.faults.proxy import Proxy
from tests.faults.stack import Engine, MariaDBTarget, PostgresTarget, SQLiteTarget, Target
from writebehind.module import module_path
from writebehind.testing import RedisServer, wait_until

PIPELINE = "torture"
STREAM = f"writebehind:{{{PIPELINE}}}:stream"
TABLE = "tortured"
AOF = ("--appendonly", "yes", "--appendfsync", "always")
YOUNG_S = 10.0
"""An engine may end by itself so long after its start, if something was away then."""

RECIPE = """\
from writebehind import RGWriteBehind
from writebehind.connectors import {kind}Connection, {kind}Connector


def drop(change):
    return None if change["value"].get("name", "").startswith({dropped!r}) else change


connector = {kind}Connector({kind}Connection({connection}), {table!r}, "id"{exactly_once})
RGWriteBehind(GB, keysPrefix={prefix!r}, mappings={{one: one for one in {columns!r}}}, connector=connector,
              name={pipeline!r}, version="99.99.99", onFailedRetryInterval=1{options})
"""

TABLES = (
    f"CREATE TABLE {TABLE} (id VARCHAR(64) PRIMARY KEY, name VARCHAR(20), n INTEGER, m INTEGER CHECK (m >= 0), seq BIGINT)",
    "CREATE TABLE seen (id VARCHAR(200) PRIMARY KEY, val VARCHAR(64))",
)
LOG = "CREATE TABLE log (no {serial}, op CHAR(1), id VARCHAR(64), name VARCHAR(20), n INTEGER, m INTEGER, seq BIGINT)"
SERIAL = {
    "SQLite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "Postgres": "BIGSERIAL PRIMARY KEY",
    "MySql": "BIGINT AUTO_INCREMENT PRIMARY KEY",
}
LOG_POSTGRES = (
    "CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF TG_OP = 'DELETE' THEN INSERT INTO log (op, id) VALUES ('D', old.id); "
    "ELSE INSERT INTO log (op, id, name, n, m, seq) VALUES ('U', new.id, new.name, new.n, new.m, new.seq); END IF; RETURN NULL; END $$",
    f"CREATE TRIGGER log_it AFTER INSERT OR UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION log_it()",
)


def triggers(kind: str) -> tuple[str, ...]:
    """Every row written or deleted leaves a line in `log`, in the same transaction."""
    if kind == "Postgres":
        return LOG_POSTGRES
    new, old = ("'U', new.id, new.name, new.n, new.m, new.seq", "'D', old.id, NULL, NULL, NULL, NULL")
    return tuple(
        f"CREATE TRIGGER log_{event} AFTER {event} ON {TABLE} FOR EACH ROW BEGIN "
        f"INSERT INTO log (op, id, name, n, m, seq) VALUES ({old if event == 'DELETE' else new}); END"
        for event in ("INSERT", "UPDATE", "DELETE")
    )


@dataclass(frozen=True)
class Options:
    """Of a run; all but `redis_server` are functions of the command line alone, and `writers` to `expired_deletes` of the seed."""

    seed: int
    database: str
    exactly_once: bool = True
    redis_server: str | None = None
    minutes: float = 0.0
    rounds: int = 0
    """0: as many as fit into `minutes`."""
    clients: int = 4
    ops: int = 400
    """Of a client in a round."""
    span_s: float = 8.0
    """Of a round's clients, if nothing delays them; faults come within."""
    longest_s: float = 4.0
    """Of a fault."""
    faults: bool = True
    flush: bool = False
    """FLUSHALL is a fault too."""
    writers: int = 1
    max_batch: int = 5000
    drops: bool = False
    expired_deletes: bool = False

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace, **more: Any) -> Options:
        known = {name: value for name, value in vars(arguments).items() if name in cls.__dataclass_fields__}
        return cls(**{**known, **more})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class World:
    """A context manager: within it all runs."""

    def __init__(self, options: Options, directory: Path, history: History) -> None:
        self.options, self.directory, self.history = options, directory, history
        self.ended: list[str] = []
        """What an engine that ended by itself has said."""
        self.flush: Callable[[], None] = lambda: None
        """Empties Redis while no client is at work; whoever has the clients sets it."""
        self._stack = ExitStack()
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._engine_lock = threading.RLock()
        self._started = 0.0

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self.target = self._make_target()
            opened.callback(self.target.close)
            for statement in (*TABLES, LOG.format(serial=SERIAL[self.target.kind]), *triggers(self.target.kind)):
                self.target.query(statement)
            if self.target.server:
                self.target.proxy = opened.enter_context(Proxy(self.target.server.port))
            self.server = opened.enter_context(RedisServer(*AOF, module=module_path(), server=self.options.redis_server))
            self.link = opened.enter_context(Proxy(self.server.port))
            self.redis = redis.Redis(port=self.server.port, decode_responses=True, encoding_errors="replace")
            opened.callback(self.redis.close)
            self.engine = Engine(self._write_recipe(), f"redis://127.0.0.1:{self.link.port}/0")
            opened.callback(self._close_engine)
            self.start_engine()
            threading.Thread(target=self._supervise, daemon=True).start()
            wait_until(lambda: self.redis.hexists("writebehind:registry", PIPELINE), 30, f"the registration: {self.engine.log}")
            self._stack = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _make_target(self) -> Target:
        kind = self.options.database
        return SQLiteTarget(self.directory) if kind == "sqlite" else PostgresTarget() if kind == "postgres" else MariaDBTarget()

    def _write_recipe(self) -> Path:
        options = f", writers={self.options.writers}, max_batch={self.options.max_batch}"
        options += ", expired='delete'" if self.options.expired_deletes else ""
        options += ", transform=drop" if self.options.drops else ""
        recipe = self.directory / "recipe.py"
        made = {
            "kind": self.target.kind,
            "connection": self.target.connection,
            "table": TABLE,
            "dropped": DROPPED,
            "prefix": PREFIX[:-1],
            "columns": COLUMNS,
            "exactly_once": ", 'seen'" if self.options.exactly_once else "",
            "pipeline": PIPELINE,
            "options": options,
        }
        recipe.write_text(RECIPE.format(**made))
        return recipe

    # The engine: restarted by a supervisor, as by systemd, where it ends by itself; that is a violation, unless it had just been started.

    def start_engine(self) -> None:
        with self._engine_lock:
            if self.engine.process and self.engine.process.poll() is None:
                return
            self._started = time.monotonic()
            self.engine.start()
            self._wanted.set()

    def kill_engine(self) -> None:
        with self._engine_lock:
            self._wanted.clear()
            self.engine.kill()

    def stop_engine(self) -> None:
        with self._engine_lock:
            self._wanted.clear()
            status = self.engine.terminate(15)
            is_young = time.monotonic() - self._started < YOUNG_S
            if status and not (is_young and status == -signal.SIGTERM):  # Python's own start knows of no handler yet
                self.ended.append(f"the engine was told to stop and ended with status {status}: {self.engine.log[-1000:]}")

    def _close_engine(self) -> None:
        self._closing.set()
        self.kill_engine()

    def _supervise(self) -> None:
        while not self._closing.wait(0.1):
            with self._engine_lock:
                status = self.engine.process.poll() if self.engine.process else None
                if status is None or not self._wanted.is_set() or self._closing.is_set():
                    continue
                self.history.note("engine", "ended by itself", status=status)
                if time.monotonic() - self._started > YOUNG_S:
                    self.ended.append(f"the engine ended by itself with status {status}: {self.engine.log[-1000:]}")
                self.start_engine()

    # What the checks and the clients ask.

    def row_of(self, key: str) -> Row | None:
        rows = self.target.query(f"SELECT name, n, m, seq FROM {TABLE} WHERE id = '{key.removeprefix(PREFIX)}'")
        return rows[0] if rows else None  # type: ignore[return-value]

    def waiting(self) -> int:
        return int(self.redis.xlen(STREAM))
