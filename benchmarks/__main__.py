"""`python -m benchmarks`: what writebehind does, beside the least that any program would have to do on the same server.

Without a figure's name all are measured: about an hour and a half. `--quick` tries each once with little data, and saves nothing.
"""

from __future__ import annotations

import argparse
import dataclasses

from benchmarks import acks, by_hand, capture, drain, far, memory, report, startup, transforms
from benchmarks.options import QUICK, Options

FIGURES = {
    "drain": drain.drain,
    "hot": drain.hot,
    "by-hand": by_hand.by_hand,
    "capture": capture.capture,
    "bystanders": capture.bystanders,
    "ack": acks.acks,
    "far": far.far,
    "memory": memory.memory,
    "transform": transforms.transforms,
    "start": startup.startup,
}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  python -m benchmarks
  python -m benchmarks drain hot --database PostgreSQL --rows 200000
  python -m benchmarks --quick""",
    )
    parser.add_argument("figures", nargs="*", metavar="figure", help=f"one or more of {', '.join(FIGURES)}")
    parser.add_argument("--rounds", type=int, help=f"of each figure (default {Options.rounds})")
    parser.add_argument("--rows", type=int, action="append", help="of a backlog to drain; may be repeated (default 200000 and 2000000)")
    parser.add_argument("--database", action="append", choices=Options.databases, help="only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="one small round of each, to see that all runs; the figures mean nothing")
    parser.add_argument("--save", action=argparse.BooleanOptionalAction, help="into benchmarks/results (default: unless --quick)")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.figures if name not in FIGURES]:
        parser.error(f"no figure '{unknown[0]}': choose from {', '.join(FIGURES)}")
    return arguments


def main() -> None:
    arguments = _parse()
    options = QUICK if arguments.quick else Options()
    given = {"rounds": arguments.rounds, "rows": tuple(arguments.rows or ()), "databases": tuple(arguments.database or ())}
    options = dataclasses.replace(options, **{name: value for name, value in given.items() if value})
    figures = []
    for name in arguments.figures or FIGURES:
        figures += FIGURES[name](options)
        report.show(figures)
        if arguments.save if arguments.save is not None else not arguments.quick:
            report.save(figures)  # after each: what was measured stays, whatever comes


if __name__ == "__main__":
    main()
