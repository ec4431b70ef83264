"""Servers that tests share: each is private, started once a session (of each worker, with pytest-xdist), and ended by its pid."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from writebehind.testing import MariaDBServer, PostgresServer, RedisServer

if TYPE_CHECKING:
    import redis

ROOT = Path(__file__).resolve().parents[1]


def bring_by_maven(there: Path, what: str, *arguments: str, cwd: Path | None = None) -> None:
    """Runs Maven where the file that it is to bring is not there yet; skips where that can't be.

    One process at a time: Maven's own folder bears no two.
    """
    with open(Path(tempfile.gettempdir()) / f"writebehind-maven-{os.getuid()}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if there.exists():
            return
        if shutil.which("mvn") is None:
            pytest.skip(f"{what} is fetched by Maven, which is not installed")
        try:
            subprocess.run(["mvn", "-q", "-B", *arguments], cwd=cwd, capture_output=True, text=True, check=True, timeout=180)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"Maven can't fetch {what}: {(error.stdout or '')[-200:]}")


@pytest.fixture(scope="session")
def module() -> Path:
    """The Redis module's file."""
    from writebehind.module import module_path

    return module_path()


@pytest.fixture(scope="session")
def redis_server(module: Path) -> Iterator[RedisServer]:
    with RedisServer("--appendonly", "yes", module=module) as server:
        yield server


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the shared server; pipelines and keys of the test are gone afterwards."""
    import redis

    client = redis.Redis(port=redis_server.port, decode_responses=True, encoding_errors="surrogateescape", protocol=2)
    yield client
    from writebehind.registry import list_pipelines

    for state in list_pipelines(client):
        client.execute_command("WB.UNREGISTER", state.name, "DROP")
    client.flushall()
    client.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer("-c", "fsync=off") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDBServer]:
    with MariaDBServer() as server:
        yield server


@pytest.fixture(scope="session")
def mongo_url() -> Iterator[str]:
    """The connection string of a MongoDB server: that of WB_MONGODB, or else of one that Maven brings."""
    if url := os.environ.get("WB_MONGODB"):
        yield url
        return
    pytest.importorskip("pymongo")
    from tests.sinks.mongo_server import MongoServer

    with MongoServer() as server:
        yield server.url


@pytest.fixture
def unique() -> str:
    """A name that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


def _hear_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Cli:
    """Runs the command line as a user does: in a process of its own."""

    def __init__(self, url: str | None = None) -> None:
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.environment.pop("WRITEBEHIND_REDIS", None)
        if url is not None:
            self.environment["WRITEBEHIND_REDIS"] = url

    def __call__(self, *arguments: str | Path, seconds: float = 60, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "writebehind", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=seconds,
            env=self.environment,
            cwd=cwd,
        )

    def start(self, *arguments: str | Path, cwd: Path | None = None, log: Path | None = None) -> subprocess.Popen[str]:
        """A process that goes on; its stderr is appended to `log`, or can be read."""
        with ExitStack() as opened:
            stderr = subprocess.PIPE if log is None else opened.enter_context(open(log, "a"))
            return self._popen(*arguments, cwd=cwd, stderr=stderr)

    def _popen(self, *arguments: str | Path, cwd: Path | None, stderr: int | IO[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "writebehind", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=self.environment,
            cwd=cwd,
            # A shell's background job, which the tests may be, ignores SIGINT and hands that on.
            preexec_fn=_hear_sigint,
        )


@pytest.fixture(scope="session")
def cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    return Cli()


@pytest.fixture
def cli_for() -> type[Cli]:
    """`cli_for(url)` runs verbs against that server."""
    return Cli
