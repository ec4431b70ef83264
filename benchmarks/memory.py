"""What the engine holds in memory, and what Redis holds for it."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import ExitStack

from benchmarks import limits
from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.stage import STREAM, Engine, Postgres, database, peak_mb
from writebehind.testing import wait_until

VALUE_BYTES = 1000


def memory(options: Options) -> list[Figure]:
    """A long backlog of 1 kB changes, drained; then a database that is down under load, and comes back."""
    backlog = Figure(f"engine's peak memory, {options.waiting:,} changes of 1 kB waiting", "MB", "<= 100")
    down = Figure("engine's peak memory, database down under load", "MB", "<= 100")
    entry = Figure("stream, bytes per waiting entry of 3 short fields", "bytes")
    with ExitStack() as stack:
        base = stack.enter_context(database("PostgreSQL"))
        assert isinstance(base, Postgres)
        base.execute("ALTER TABLE persons ALTER COLUMN last TYPE text")
        engine = Engine(stack, base)
        engine.load(10_000, 10_000)
        entry.add(engine.client.memory_usage(STREAM, samples=0) / 10_000)
        engine.drain()
        print("loading the backlog", file=sys.stderr)
        limits.run("stream", engine.server.port, "person", "load", options.waiting, options.waiting, 0, VALUE_BYTES)
        backlog.add(engine.drain()[1])
        down.add(_down(engine, base, options))
    return [backlog, down, entry]


def _down(engine: Engine, base: Postgres, options: Options) -> float:
    """The database is killed while clients write, and started again after some seconds."""
    with engine.running() as process:
        writer = threading.Thread(
            target=limits.run,
            args=("stream", engine.server.port, "person", "load", options.waiting // 2, options.waiting // 2, 1, VALUE_BYTES),
        )
        writer.start()
        time.sleep(1)
        base.server.kill()
        writer.join()
        base.server.start()
        wait_until(lambda: engine.client.xlen(STREAM) == 0, 3600, "the last batch")
        return peak_mb(process.pid)
