"""A table whose every write leaves a line in a log, reached through a proxy; and small disks to put one on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from .proxy import Proxy
from tests.schema.tables import GRANT, Connection, Connector, Table
from writebehind.connectors import MySqlConnection, PostgresConnection
from writebehind.connectors.connection import Setting
from writebehind.testing import Server

COLUMNS = "(id VARCHAR(64) PRIMARY KEY, a INTEGER, b VARCHAR(20), c TEXT)"
LOG = "CREATE TABLE {t}_log (id VARCHAR(64), a INTEGER)"
LOG_IT = "INSERT INTO {t}_log VALUES (new.id, new.a)"
TRIGGERS = {
    "postgres": (
        "CREATE FUNCTION {t}_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN " + LOG_IT + "; RETURN NULL; END $$",
        "CREATE TRIGGER log AFTER INSERT OR UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_log()",
    ),
    "mariadb": tuple(f"CREATE TRIGGER {{t}}_{event} AFTER {event} ON {{t}} FOR EACH ROW {LOG_IT}" for event in ("INSERT", "UPDATE")),
    "sqlite": tuple(f"CREATE TRIGGER {{t}}_{event} AFTER {event} ON {{t}} BEGIN {LOG_IT}; END" for event in ("INSERT", "UPDATE")),
}


class FaultyTable(Table):
    """`proxy` is the engine's way to the server; None for sqlite.

    Args:
        on: a folder where its rows are to lie; None: with all others.
    """

    def __init__(self, kind: str, server: Server | None, directory: Path, name: str, on: Path | None = None) -> None:
        super().__init__(kind, server, directory, name)
        self.proxy = Proxy(server.port) if server else None
        self.on = on
        self.password: Setting = "secret-one"
        self.timeout_ms: int | None = None
        """Of the engine's statements; None: its default."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.run("DROP TABLE {t}", f"CREATE TABLE {{t}} {COLUMNS}" + self._place(), *([GRANT] if self.server else []))
        self.run(LOG, *TRIGGERS[self.kind])
        return self

    def _place(self) -> str:
        if self.on is None or self.kind == "sqlite":
            return ""
        if self.kind == "mariadb":
            return f" DATA DIRECTORY '{self.on}'"
        space = self.on / "space"
        space.mkdir()
        if os.geteuid() == 0:
            shutil.chown(space, "postgres")
        self._alone(f"CREATE TABLESPACE {self.name} LOCATION '{space}'")
        return " TABLESPACE {t}"

    def _alone(self, statement: str) -> None:
        """Outside a transaction."""
        with closing(self._connect()) as link:
            link.autocommit = True
            link.cursor().execute(statement)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.proxy:
            self.proxy.close()
        super().__exit__(kind, value, trace)
        if self.on and self.kind == "postgres":
            self._alone(f"DROP TABLESPACE {self.name}")

    def open(self) -> Any:
        """A connection of a client of its own."""
        return self._connect()

    def connection(self, user: str = "", password: str = "") -> Connection:
        if self.proxy is None:
            return super().connection()
        made = PostgresConnection if self.kind == "postgres" else MySqlConnection
        return made(user or self.name, password or self.password, f"127.0.0.1:{self.proxy.port}/wb")

    def connector(self, table: str = "{t}", pk: str = "id", *, once: bool = True, connection: Connection | None = None) -> Connector:
        connector = super().connector(table, pk, once=once, connection=connection)
        if self.timeout_ms is not None:
            given, timeout_ms = connector.sink_options, self.timeout_ms
            connector.sink_options = lambda: {**given(), "statement_timeout_ms": timeout_ms}  # type: ignore[method-assign]
        return connector

    def written_twice(self) -> list[tuple[Any, ...]]:
        return self.run("SELECT id, a, count(*) FROM {t}_log GROUP BY id, a HAVING count(*) > 1")

    def sessions(self, where: str = "") -> list[int]:
        """Of the engine, in the server."""
        if self.kind == "postgres":
            return [row[0] for row in self.run("SELECT pid FROM pg_stat_activity WHERE usename = '{t}'" + where)]
        return [row[0] for row in self.run("SELECT id FROM information_schema.processlist WHERE user = '{t}'" + where)]

    def blocked(self) -> bool:
        """A statement of the engine waits for a lock."""
        if self.kind == "postgres":
            return bool(self.sessions(" AND wait_event_type = 'Lock'"))
        return bool(self.sessions(" AND command <> 'Sleep' AND time_ms > 50"))

    def end_sessions(self) -> None:
        for session in self.sessions():
            self.run(f"SELECT pg_terminate_backend({session})" if self.kind == "postgres" else f"KILL {session}")


@contextmanager
def small_disk(name: str, megabytes: int) -> Iterator[Path]:
    """A file system of its own that is soon full, where every user can reach it; skips where nothing may be mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    path = Path(tempfile.gettempdir()) / f"writebehind-{name}"
    path.mkdir()
    try:
        options = f"size={megabytes}m,mode=1777"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip(f"a small disk can't be mounted: {mounted.stderr.strip()}")
        try:
            yield path
        finally:
            subprocess.run(["umount", "--lazy", str(path)], check=True)
    finally:
        path.rmdir()


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler, free = disk / "filler", os.statvfs(disk)
    filler.write_bytes(b"\0" * (free.f_bavail * free.f_frsize))
    return filler
