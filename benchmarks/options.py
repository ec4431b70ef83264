"""What a run of the measurements is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Sizes of a run.

    Attributes:
        rounds: of each figure; sides alternate, and change who begins.
        rows: backlogs to drain, each into each of `databases`.
        hot: updates and keys of the hot-key drain.
        requests: of redis-benchmark, a side and round.
        seconds: of each latency under load.
    """

    rounds: int = 5
    rows: tuple[int, ...] = (200_000, 2_000_000)
    databases: tuple[str, ...] = ("PostgreSQL", "MariaDB", "SQLite")
    hot: tuple[int, int] = (1_000_000, 1_000)
    requests: int = 1_000_000
    seconds: int = 10
    waiting: int = 2_000_000


QUICK = Options(rounds=1, rows=(20_000,), hot=(50_000, 1_000), requests=50_000, seconds=2, waiting=50_000)
