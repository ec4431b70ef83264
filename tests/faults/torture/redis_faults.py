"""What happens to Redis, and on an engine's way to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import redis

from .ways import lose, slow
from .world import STREAM, World
from tests.faults.proxy import Loss
from writebehind.testing import wait_until

AHEAD_MS = 3_600_000


def kill(world: World, seconds: float) -> None:
    world.server.kill()
    time.sleep(seconds / 4)
    world.server.start()


def kill_clients(world: World, seconds: float) -> None:
    with suppress(redis.ConnectionError):
        world.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def sleep(world: World, seconds: float) -> None:
    with suppress(redis.ConnectionError):
        world.redis.execute_command("DEBUG", "SLEEP", str(round(seconds / 2, 2)))


def fill(world: World, seconds: float) -> None:
    """Nothing that takes memory is accepted from clients; what was captured goes on."""
    try:
        world.redis.config_set("maxmemory", 1)
        time.sleep(seconds / 2)
    finally:
        wait_until(lambda: world.redis.config_set("maxmemory", 0), 60, "room in Redis")


def set_clock_back(world: World, seconds: float) -> None:
    """The last entry is of a time that comes in an hour."""
    with suppress(redis.ResponseError):  # a flush took the stream, or it was captured into meanwhile
        ahead = int(world.redis.xinfo_stream(STREAM)["last-generated-id"].partition("-")[0]) + AHEAD_MS
        world.redis.execute_command("XSETID", STREAM, f"{ahead}-0")


def cut(world: World, seconds: float) -> None:
    link = world.leader().link
    link.hold()
    link.cut()
    time.sleep(seconds)
    link.release()


def lost(mark: bytes, loss: Loss) -> Callable[[World, float], None]:
    return lambda world, seconds: lose(world.leader().link, mark, loss, seconds)


def lose_and_kill(world: World, seconds: float) -> None:
    lose(world.leader().link, b"WB.SETTLE", Loss.SILENCE, seconds)
    kill(world, seconds)


def slow_way(world: World, seconds: float) -> None:
    slow(world.leader().link, seconds)


def flush(world: World, seconds: float) -> None:
    world.flush()
