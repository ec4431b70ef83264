"""Servers with the module: each test has its own, so that a test may restart, flush or kill it.

Where WB_SERVERS names further server programs, as paths or `name=path` with blanks or commas between them, every test runs on each of them too.
URLs among them are for other tests.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from tests.capture import support
from writebehind.testing import RedisServer, wait_until

ROOT = Path(__file__).resolve().parents[2]


def _version(program: str) -> str:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"(\w+) server v=([\w.]+)", told)
    assert found is not None, f"{program} is no server of Redis or Valkey: {told}"
    return f"{found[1].lower()}-{found[2]}"


def named_servers() -> dict[str, str]:
    """The programs of WB_SERVERS by name; who gives none gets the version for one."""
    words = [word for word in re.split(r"[\s,]+", os.environ.get("WB_SERVERS", "")) if word and "://" not in word]
    pairs = [(name, path) if path else (_version(word), word) for word in words for name, _, path in [word.partition("=")]]
    found = dict(pairs)
    if len(found) < len(pairs):
        raise pytest.UsageError(f"WB_SERVERS names a server twice: {[name for name, _ in pairs]}")
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    servers = named_servers()
    chooses_itself = metafunc.definition.get_closest_marker("servers") is not None
    if servers and "program" in metafunc.fixturenames and not chooses_itself:
        metafunc.parametrize("program", [None, *servers.values()], ids=["default", *servers], indirect=True, scope="session")


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> str | None:
    """The server to test; None: the default."""
    return getattr(request, "param", None)


def _find_module() -> Path | None:
    """WB_MODULE, else the newest one built under build/, else the installed package's."""
    if told := os.environ.get("WB_MODULE"):
        return Path(told)
    built = sorted(ROOT.glob("build/**/writebehind.so"), key=lambda path: path.stat().st_mtime)
    if built:
        return built[-1]
    import writebehind

    installed = Path(writebehind.__file__).parent / "writebehind.so"
    return installed if installed.exists() else None


@pytest.fixture(scope="session")
def module() -> Path:
    found = _find_module()
    if found is None:
        pytest.fail("writebehind.so is not built: ninja writebehind_module, or set WB_MODULE")
    return found


def _make(*arguments: str, **options: object) -> RedisServer:
    return RedisServer("--appendonly", "yes", "--repl-diskless-sync-delay", "0", *arguments, **options)  # type: ignore[arg-type]


@pytest.fixture
def start(module: Path, program: str | None) -> Iterator[Callable[..., RedisServer]]:
    """`start(*arguments, module=…)` starts a server that ends with the test; with the module and an AOF by default."""
    with ExitStack() as servers:

        def start_one(*arguments: str, **options: object) -> RedisServer:
            return servers.enter_context(_make(*arguments, **{"module": module, "server": program, **options}))

        yield start_one


@pytest.fixture
def connect() -> Iterator[Callable[..., redis.Redis]]:
    """`connect(server, …)` is a client of it that is closed with the test."""
    with ExitStack() as clients:

        def connect_one(server: RedisServer, **options: object) -> redis.Redis:
            return clients.enter_context(closing(redis.Redis(port=server.port, protocol=2, **options)))  # type: ignore[arg-type]

        yield connect_one


@pytest.fixture
def server(start: Callable[..., RedisServer]) -> RedisServer:
    return start()


@pytest.fixture
def client(server: RedisServer, connect: Callable[..., redis.Redis]) -> redis.Redis:
    """Of `server`, where pipeline p captures the fields a and b of person:*."""
    made = connect(server)
    support.register(made)
    return made


@pytest.fixture
def replica(server: RedisServer, start: Callable[..., RedisServer], connect: Callable[..., redis.Redis]) -> RedisServer:
    """Follows `server`."""
    follower = start("--replicaof", f"127.0.0.1 {server.port}")
    told = connect(follower)
    wait_until(lambda: told.info("replication")["master_link_status"] == "up", 20, "the replica's link")
    return follower


@pytest.fixture(scope="module")
def pair(module: Path, program: str | None) -> Iterator[tuple[RedisServer, RedisServer]]:
    """A master and its replica that all tests of a file share: each leaves the master with whatever it made there."""
    with ExitStack() as servers:
        master = servers.enter_context(_make(module=module, server=program))
        follower = servers.enter_context(_make("--replicaof", f"127.0.0.1 {master.port}", module=module, server=program))
        with closing(redis.Redis(port=follower.port)) as told:
            wait_until(lambda: told.info("replication")["master_link_status"] == "up", 20, "the replica's link")
        yield master, follower
