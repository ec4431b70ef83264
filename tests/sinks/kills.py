"""An engine in a process of its own that is killed at its work, again and again, while clients write on."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import redis

from tests.conftest import Cli
from writebehind.testing import wait_until

KEYS = 500


def kill_at_work(url: str, client: redis.Redis, recipe: Path, progress: Callable[[], int], *, kills: int = 2) -> dict[int, int]:
    """Writes the field `n` of the keys `p:0` to `p:499`, ever larger, and kills `run recipe` as often as asked.

    Args:
        recipe: declares a pipeline `sql` of the prefix `p`, which is registered already.
        progress: a number that grows with what reaches the target.

    Returns:
        The last value of each key.
    """
    enough, last = threading.Event(), {}

    def keep_writing() -> None:
        """Always ahead of the engine, so that kills fall into its work."""
        rounds = count()
        while not enough.is_set():
            start = KEYS * next(rounds)
            with client.pipeline(transaction=False) as together:
                for seq in range(start, start + KEYS):
                    together.hset(f"p:{seq % KEYS}", "n", seq)
                    last[seq % KEYS] = seq
                together.execute()
            wait_until(lambda: waiting(client) < 3000 or enough.is_set(), 60, "room in the stream")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(kills):
            aim = progress() + random.randrange(1, 400)
            process = Cli(url).start("run", recipe)
            wait_until(lambda aim=aim: progress() >= aim, 60, "progress of the engine")
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert waiting(client) > 0, "killed at its work"
    finally:
        enough.set()
        writer.join()
    return last


def waiting(client: redis.Redis) -> int:
    return int(client.xlen("writebehind:{sql}:stream"))  # type: ignore[arg-type]
