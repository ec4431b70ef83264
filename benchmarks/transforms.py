"""What a recipe's own Python function costs."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.stage import Engine, database

FUNCTION = """\
def upper(change):
    change["value"]["first"] = change["value"]["first"].upper()
    return change
"""


def transforms(options: Options) -> list[Figure]:
    """A drain with a `transform`, against one without."""
    rows = min(options.rows)
    figure = Figure(f"drain SQLite, {rows:,} inserts, with a Python transform", "rows/s", "", "without")
    cost = Figure("what the transform costs a row", "us")
    with ExitStack() as stack:
        base = stack.enter_context(database("SQLite"))
        engines = {False: Engine(stack, base), True: Engine(stack, base, ", transform=upper", FUNCTION)}
        for round_ in range(options.rounds):
            seconds = {}
            for with_it in [True, False] if round_ % 2 == 0 else [False, True]:
                base.empty()
                engines[with_it].load(rows, rows)
                base.settle()
                seconds[with_it] = engines[with_it].drain()[0]
            figure.add(rows / seconds[True], rows / seconds[False])
            cost.add((seconds[True] - seconds[False]) / rows * 1e6)
    return [figure, cost]
