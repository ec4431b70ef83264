"""Replicas and Sentinels beside the Redis of a Stack, and what makes another one the master."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis

from .proxy import Proxy
from .stack import Stack
from writebehind.testing import RedisServer, wait_until

SERVICE = "mymaster"


class SentinelServer(RedisServer):
    """Redis Sentinel, which watches `master` as SERVICE.

    Args:
        master: the master at the start.
        quorum: how many Sentinels must find it dead.
        port: of the master, where it is not the first one that it listens on.
        lines: further lines of its configuration.
    """

    def __init__(self, master: RedisServer, *lines: str, quorum: int = 1, port: int = 0) -> None:
        super().__init__()
        self.watched, self.quorum, self.lines = port or master.port, quorum, lines

    def initialise(self) -> None:
        watched = f"sentinel monitor {SERVICE} 127.0.0.1 {self.watched} {self.quorum}"
        times = [f"sentinel down-after-milliseconds {SERVICE} 500", f"sentinel failover-timeout {SERVICE} 3000"]
        base = [f"port {self.port}", "bind 127.0.0.1", f'dir "{self.directory}"', watched, *times, *self.lines]
        (self.directory / "sentinel.conf").write_text("\n".join(base) + "\n")

    def command(self) -> list[str]:
        return [self._find(self.server), str(self.directory / "sentinel.conf"), "--sentinel"]

    def state(self) -> dict[str, Any]:
        """What it knows of the service."""
        with redis.Redis(port=self.port, decode_responses=True) as client:
            flat: Any = client.execute_command("SENTINEL", "MASTER", SERVICE)
        return flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


def sentinel_url(*ports: int, login: str = "") -> str:
    return f"redis+sentinel://{login}{','.join(f'127.0.0.1:{port}' for port in ports)}/{SERVICE}"


@contextmanager
def replica_of(run: Stack, module: Path, *arguments: str, link: Proxy | None = None) -> Iterator[RedisServer]:
    """A replica of the stack's server that has all it has; `link` is its way there."""
    port = link.port if link else run.server.port
    fast = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
    with RedisServer("--replicaof", "127.0.0.1", str(port), *fast, *arguments, module=module) as server:
        with redis.Redis(port=server.port) as client:
            wait_until(lambda: client.info("replication")["master_link_status"] == "up", 20, "the replica's data")
        yield server


def wait_for_replica(run: Stack) -> None:
    """Until a replica has all that the stack's client has written."""
    wait_until(lambda: run.redis.wait(1, 1000) == 1, 20, "a replica that has it all")


@contextmanager
def sentinels_of(run: Stack, replicas: int, count: int = 1) -> Iterator[list[SentinelServer]]:
    """Sentinels that know the stack's server, its replicas and each other."""
    with ExitStack() as opened:
        made = [opened.enter_context(SentinelServer(run.server, quorum=count // 2 + 1)) for _ in range(count)]
        for one in made:
            wait_until(
                lambda one=one: (
                    (int(one.state()["num-slaves"]), int(one.state()["num-other-sentinels"])) == (replicas, count - 1)
                    and one.state()["flags"] == "master"
                ),
                20,
                "what a Sentinel must know",
            )
        yield made


def follow(run: Stack, server: RedisServer) -> None:
    """The stack's own client goes to `server` from now on."""
    run.redis.close()
    run.server, run.redis = server, redis.Redis(port=server.port, decode_responses=True)


def promote(run: Stack, server: RedisServer) -> None:
    """By hand; the stack's client and the engine's link, if it has one, go there."""
    follow(run, server)
    run.redis.execute_command("REPLICAOF", "NO", "ONE")
    if run.link:
        run.link.target = server.port
