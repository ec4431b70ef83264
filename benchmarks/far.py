"""A database that is 5 ms away: behind a relay that hands on what it gets that much later.

Not netem in a network namespace, whose delay many kernels (of containers above all) do not have.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import limits
from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.stage import Engine, Postgres, database
from writebehind.testing import free_port

DELAY_MS = 5


def far(options: Options) -> list[Figure]:
    """Four writers into PostgreSQL there, against four into the same one on loopback."""
    rows = min(options.rows)
    figure = Figure(f"drain PostgreSQL {DELAY_MS} ms away, {rows:,} inserts, 4 writers", "rows/s", ">= 0.80", "the same on loopback")
    with ExitStack() as stack:
        base = stack.enter_context(database("PostgreSQL"))
        assert isinstance(base, Postgres)
        near = Engine(stack, base, ", writers=4")
        port = free_port()
        stack.enter_context(_relay(port, base.server.port))
        away = Postgres(base.server)
        away.connection = f"'wb', 'wb', '127.0.0.1:{port}/wb'"
        distant = Engine(stack, away, ", writers=4")
        for round_ in range(options.rounds):
            seconds = {}
            sides = {"near": near, "far": distant}
            for name in sides if round_ % 2 == 0 else reversed(sides):
                base.empty()
                sides[name].load(rows, rows)
                base.settle()
                seconds[name] = sides[name].drain()[0]
            figure.add(rows / seconds["far"], rows / seconds["near"])
    return [figure]


@contextmanager
def _relay(port: int, target: int) -> Iterator[None]:
    process = subprocess.Popen([str(limits.build() / "limit_delay"), str(port), str(target), str(DELAY_MS)])
    try:
        yield
    finally:
        process.kill()
        process.wait()
