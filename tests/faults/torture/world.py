"""The servers, the tables and the engines of a run. A Redis with replicas is to be added here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import redis

from .engines import Kept, leader
from .history import History
from .model import COLUMNS, DROPPED, PREFIX, Row
from tests.faults.proxy import Proxy
from tests.faults.stack import MariaDBTarget, PostgresTarget, SQLiteTarget, Target
from writebehind.module import module_path
from writebehind.testing import RedisServer, wait_until

PIPELINE = "torture"
STREAM = f"writebehind:{{{PIPELINE}}}:stream"
ENGINE = f"writebehind:{{{PIPELINE}}}:engine"
LEASE = f"writebehind:{{{PIPELINE}}}:lease"
TABLE = "tortured"
AOF = ("--appendonly", "yes", "--appendfsync", "always")

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


class RunningTarget(MariaDBTarget):
    """A server that runs already, and goes on; tables of an earlier run are dropped."""

    def __init__(self, url: str) -> None:
        self._port = urlsplit(url).port
        for table in (TABLE, "seen", "log", "_writebehind"):
            self.query(f"DROP TABLE IF EXISTS {table}")

    @property
    def server_port(self) -> int | None:
        return self._port

    def close(self) -> None: ...


@dataclass(frozen=True)
class Options:
    """Of a run; all but `redis_server` are functions of the command line alone, and `writers` to `engines` of the seed."""

    seed: int
    database: str
    exactly_once: bool = True
    redis_server: str | None = None
    database_url: str | None = None
    """Of a MySQL or MariaDB server that runs, with database, user and password `wb`; None: a server of the run's own."""
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
    engines: int = 1

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
        self.columns: list[str] = []
        """That were added to the table."""
        self.engines: list[Kept] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self.target = self._make_target()
            opened.callback(self.target.close)
            for statement in (*TABLES, LOG.format(serial=SERIAL[self.target.kind]), *triggers(self.target.kind)):
                self.target.query(statement)
            if port := self.target.server_port:
                self.target.proxy = opened.enter_context(Proxy(port))
            self.server = opened.enter_context(RedisServer(*AOF, module=module_path(), server=self.options.redis_server))
            self.redis = redis.Redis(port=self.server.port, decode_responses=True, encoding_errors="replace")
            opened.callback(self.redis.close)
            for number in range(self.options.engines):
                link = Proxy(self.server.port)
                self.engines.append(Kept(self._write_recipe(f"engine-{number}.py"), link, self.history, self.ended))
                opened.callback(self.engines[-1].close)
            self.start_engines()
            wait_until(lambda: self.redis.hexists("writebehind:registry", PIPELINE), 30, f"the registration: {self.log}")
            self._stack = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _make_target(self) -> Target:
        kind = self.options.database
        if self.options.database_url:
            return RunningTarget(self.options.database_url)
        return SQLiteTarget(self.directory) if kind == "sqlite" else PostgresTarget() if kind == "postgres" else MariaDBTarget()

    def _write_recipe(self, name: str) -> Path:
        options = f", writers={self.options.writers}, max_batch={self.options.max_batch}"
        options += ", expired='delete'" if self.options.expired_deletes else ""
        options += ", transform=drop" if self.options.drops else ""
        recipe = self.directory / name
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

    # The engines.

    def start_engines(self) -> None:
        for engine in self.engines:
            engine.start()

    def working(self) -> Kept | None:
        """The engine that works, if one does; raises where Redis is away."""
        return leader(self.engines, self.redis, ENGINE)

    def leader(self) -> Kept:
        """The engine that works, or else any that runs."""
        with suppress(redis.RedisError):
            if found := self.working():
                return found
        return next((one for one in self.engines if one.pid is not None), self.engines[0])

    @property
    def log(self) -> str:
        """What the engines have said last."""
        return "\n".join(engine.log[-2000:] for engine in self.engines)

    # What the checks and the clients ask.

    def row_of(self, key: str) -> Row | None:
        rows = self.target.query(f"SELECT name, n, m, seq FROM {TABLE} WHERE id = '{key.removeprefix(PREFIX)}'")
        return rows[0] if rows else None  # type: ignore[return-value]

    def waiting(self) -> int:
        return int(self.redis.xlen(STREAM))
