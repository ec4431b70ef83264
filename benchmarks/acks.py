"""How long a writer waits for its acknowledgement, beside a commit straight into the database."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks import limits
from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.stage import Engine, MariaDB, Postgres, database

LOAD = (50, 2000)  # clients, changes a second


def acks(options: Options) -> list[Figure]:
    """One writer alone; then 50 that make 2,000 changes a second."""
    return [figure for name in options.databases for figure in _acks(name, options)]


def _acks(name: str, options: Options) -> list[Figure]:
    # 1.5 x the commit + 0.3 ms, and 5 x the commit's median: said as a ratio to the right side.
    alone = Figure(f"ack {name}, one writer, median", "ms", "<= 1.00", "1.5 x a direct commit + 0.3 ms")
    alone99 = Figure(f"ack {name}, one writer, p99", "ms", "", "p99 of a direct commit")
    loaded = Figure(f"ack {name}, 2,000/s from 50 writers, p99", "ms", "<= 1.00", "5 x the median of a direct commit at that rate")
    median = Figure(f"ack {name}, 2,000/s from 50 writers, median", "ms", "", "median of a direct commit at that rate")
    with ExitStack() as stack:
        base = stack.enter_context(database(name))
        if isinstance(base, Postgres):
            where: tuple[object, ...] = ("postgres", base.server.url)
        elif isinstance(base, MariaDB):
            where = ("mariadb", base.server.port)
        else:
            where = ("sqlite", base.path)
        engine = Engine(stack, base)
        with engine.running():
            for round_ in range(options.rounds):
                sides: dict[str, tuple[list[float], list[float]]] = {}
                for side in ["ours", "direct"] if round_ % 2 == 0 else ["direct", "ours"]:
                    program, arguments = (
                        ("ack", (engine.server.port, "person")) if side == "ours" else ("commit", (*where, "persons_limit"))
                    )
                    one = limits.run(program, *arguments, 1, 0, options.seconds)
                    clients = 1 if (side == "direct" and name == "SQLite") else LOAD[0]  # SQLite has one writer at a time
                    sides[side] = one, limits.run(program, *arguments, clients, LOAD[1], options.seconds)
                (one, many), (direct, direct_many) = sides["ours"], sides["direct"]
                alone.add(one[0], 1.5 * direct[0] + 0.3)
                alone99.add(one[1], direct[1])
                loaded.add(many[1], 5 * direct_many[0])
                median.add(many[0], direct_many[0])
    return [alone, alone99, loaded, median]
