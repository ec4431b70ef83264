"""`python -m benchmarks`: drains a backlog into each database and prints rows/s and the engine's peak memory; then start-up times."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from benchmarks.drain import drain
from benchmarks.startup import startup


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--keys", type=int, default=200_000, help="distinct keys (default 200000)")
    parser.add_argument("--target", action="append", choices=["Postgres", "MySql", "SQLite"], help="only this one; may be repeated")
    options = parser.parse_args()
    table = Table("target", "round", "rows/s", "engine peak MB")
    for kind in options.target or ["Postgres", "MySql", "SQLite"]:
        for result in drain(kind, options.keys):
            table.add_row(result.target, result.round_, f"{result.rate:,.0f}", f"{result.rss_mb:.0f}")
    Console().print(table)
    for name, seconds in startup().items():
        Console().print(f"{name}: {seconds * 1000:.0f} ms")


if __name__ == "__main__":
    main()
