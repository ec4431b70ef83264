"""How long the command line takes to be there, and a recipe to capture."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack

from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.stage import Engine, database
from writebehind.testing import wait_until

COMMANDS = {
    "python -c pass": (["-c", "pass"], ""),
    "import writebehind": (["-c", "import writebehind"], "<= 0.15"),
    "writebehind --help": (["-m", "writebehind", "--help"], "<= 0.30"),
}


def startup(options: Options) -> list[Figure]:
    """Whole processes, the interpreter's own start included."""
    figures = []
    for name, (arguments, target) in COMMANDS.items():
        figures.append(Figure(f"start: {name}", "s", target))
        for _ in range(max(options.rounds, 5)):
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            figures[-1].add(time.perf_counter() - started)
    return [*figures, _first_row(options)]


def _first_row(options: Options) -> Figure:
    """From the start of `writebehind run` until a row that was written to Redis after it is in the table."""
    figure = Figure("start: run, to the first captured row settled", "s", "<= 1.00")
    with ExitStack() as stack:
        base = stack.enter_context(database("SQLite"))
        engine = Engine(stack, base)
        for i in range(max(options.rounds, 5)):
            engine.client.execute_command("WB.UNREGISTER", "bench", "DROP")

            def is_answered(i: int = i) -> bool:
                engine.client.hset("person:1", mapping={"first": "Ada", "last": str(i), "age": 36, "#": f"=first{i}"})
                return bool(engine.client.xread({f"{{person:1}}first{i}": "0-0"}, block=20))

            started = time.perf_counter()
            with engine.running():
                wait_until(is_answered, 30, "the first row")
                figure.add(time.perf_counter() - started)
    return figure
