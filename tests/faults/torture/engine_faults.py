"""What happens to engines. Where two run, it happens to the one that works, and the other one takes over."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from .engines import Kept
from .world import World
from writebehind.testing import wait_until

TAKEOVER_S = 60.0
"""From a freeze to another engine at work: 30 s are promised, and Redis may be away meanwhile."""
HELD_S = 20.0
"""A file that nobody gives free is no longer waited for."""


def _end(end: Callable[[Kept], None]) -> Callable[[World, float], None]:
    def fault(world: World, seconds: float) -> None:
        engine = world.leader()
        end(engine)
        time.sleep(seconds / 4)
        engine.start()

    return fault


kill = _end(Kept.kill)
stop = _end(Kept.stop)


def kill_all(world: World, seconds: float) -> None:
    for engine in world.engines:
        engine.kill()
    time.sleep(seconds / 4)
    world.start_engines()


def freeze(world: World, seconds: float) -> None:
    engine = world.leader()
    engine.freeze()
    time.sleep(seconds)
    engine.wake()


def freeze_until_replaced(world: World, seconds: float) -> None:
    """It wakes in the middle of what it did, while another one works. SQLite's file may be its own until then."""
    frozen = world.leader()
    may_hold = world.target.kind == "SQLite"
    frozen.freeze()
    try:
        with suppress(*[TimeoutError] * may_hold):
            wait_until(lambda: world.working() not in (None, frozen), HELD_S if may_hold else TAKEOVER_S, "another engine at work")
        time.sleep(seconds / 2)
    finally:
        frozen.wake()
