"""Servers with the module: each test has its own, so that a test may restart, flush or kill it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from tests.capture import support
from writebehind.testing import RedisServer, wait_until

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.fixture
def start(module: Path) -> Iterator[Callable[..., RedisServer]]:
    """`start(*arguments, module=…)` starts a server that ends with the test; with the module and an AOF by default."""
    with ExitStack() as servers:

        def start_one(*arguments: str, **options: object) -> RedisServer:
            given = {"module": module, **options}
            return servers.enter_context(RedisServer("--appendonly", "yes", "--repl-diskless-sync-delay", "0", *arguments, **given))  # type: ignore[arg-type]

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
