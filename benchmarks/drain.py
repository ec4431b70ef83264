"""How fast a backlog gets into a database, beside the least that a program by hand has to do."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks import limits
from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.stage import STREAM, Engine, database

BESIDE = {
    "PostgreSQL": [("text", "unnest upserts", ">= 0.90")],
    "MariaDB": [("multi", "multi-row upserts", ">= 0.90"), ("bulk", "bulk array binding", "")],
    "SQLite": [("", "prepared upserts", ">= 0.60")],
}


def drain(options: Options) -> list[Figure]:
    """Inserts, then updates, of as many keys as asked for."""
    return [figure for name in options.databases for rows in options.rows for figure in _drain(name, rows, options)]


def _drain(name: str, rows: int, options: Options) -> list[Figure]:
    figures = [
        Figure(f"drain {name}, {rows:,} {kind}, to {beside}", "rows/s", target, beside)
        for kind in ("inserts", "updates")
        for _, beside, target in BESIDE[name]
    ]
    with ExitStack() as stack:
        base = stack.enter_context(database(name))
        engine = Engine(stack, base)
        for round_ in range(options.rounds):
            base.empty()
            measured: dict[tuple[int, str], float] = {}
            ours = {}
            for pass_ in range(2):
                for how, _, _ in BESIDE[name]:
                    if how == "bulk":
                        continue  # the table must be as the others found it
                    engine.load(rows, rows, 2 * round_ + pass_)
                    sides = ["ours", how]
                    for side in sides if round_ % 2 == 0 else reversed(sides):
                        base.settle()
                        if side == "ours":
                            ours[pass_] = rows / engine.drain()[0]
                        else:
                            measured[pass_, how] = base.limit(rows, 2 * round_ + pass_, how)
            if name == "MariaDB":
                base.execute("TRUNCATE persons_limit")
                for pass_ in range(2):
                    base.settle()
                    measured[pass_, "bulk"] = base.limit(rows, 2 * round_ + pass_, "bulk")
            for i, figure in enumerate(figures):
                pass_, how = divmod(i, len(BESIDE[name]))
                figure.add(ours[pass_], measured[pass_, BESIDE[name][how][0]])
    return figures


def hot(options: Options) -> list[Figure]:
    """Many updates of few keys: what the stream alone could give."""
    changes, keys = options.hot
    figure = Figure(f"hot keys: {changes:,} updates over {keys:,} keys into PostgreSQL", "updates/s", ">= 0.80", "XREAD and XTRIM")
    with ExitStack() as stack:
        base = stack.enter_context(database("PostgreSQL"))
        engine = Engine(stack, base)
        for round_ in range(options.rounds):
            sides = {}
            for side in ["ours", "limit"] if round_ % 2 == 0 else ["limit", "ours"]:
                engine.load(changes, keys)
                if side == "ours":
                    sides[side] = changes / engine.drain()[0]
                else:
                    sides[side] = limits.rate("stream", engine.server.port, STREAM, "drain")
            figure.add(sides["ours"], sides["limit"])
    return [figure]
