"""What a measurement gives: both sides of each round, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median


@dataclass
class Series:
    """One number a round."""

    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def spread(self) -> str:
        return f"{_short(min(self.rounds))}-{_short(max(self.rounds))}"


@dataclass
class Figure:
    """Ours beside its limit (or what it is compared with), round by round.

    Attributes:
        name: of the figure, as `python -m benchmarks` takes it, and what was measured: "drain PostgreSQL, inserts".
        unit: of both sides: "rows/s", "ms" ...
        target: what `ratio` should be, with its direction: ">= 0.90"; empty: printed only.
        beside: what the other side is; empty: there is none.
    """

    name: str
    unit: str
    target: str = ""
    beside: str = ""
    ours: Series = field(default_factory=Series)
    limit: Series = field(default_factory=Series)

    def add(self, ours: float, limit: float | None = None) -> None:
        self.ours.rounds.append(ours)
        if limit is not None:
            self.limit.rounds.append(limit)

    @property
    def ratios(self) -> Series:
        return Series([ours / limit for ours, limit in zip(self.ours.rounds, self.limit.rounds, strict=True)])

    @property
    def judged(self) -> float | None:
        """What the target speaks of: the ratio's median, or, without another side, our own."""
        if not self.ours.rounds:
            return None
        return self.ratios.median if self.limit.rounds else self.ours.median

    @property
    def verdict(self) -> str:
        """ "yes", "no", or "" where there is no target or nothing was measured."""
        if not self.target or self.judged is None:
            return ""
        direction, bound = self.target.split()[:2]
        good = self.judged >= float(bound) if direction == ">=" else self.judged <= float(bound)
        return "yes" if good else "no"

    def row(self) -> list[str]:
        """As the report's tables show it: figure, ours, limit, ratio, spread of the ratio, target, verdict."""
        if not self.ours.rounds:
            return [self.name, "", "", "", "", self.target, ""]
        ours = f"{_short(self.ours.median)} {self.unit}"
        if not self.limit.rounds:
            return [self.name, ours, self.beside, "", self.ours.spread, self.target, self.verdict]
        ratios = self.ratios
        beside = f"{_short(self.limit.median)} ({self.beside})"
        return [self.name, ours, beside, f"{ratios.median:.2f}", ratios.spread, self.target, self.verdict]


HEADINGS = ["figure", "writebehind", "beside it", "ratio", "spread", "target", "met"]


def _short(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.0f}" if number >= 100 else f"{number:.2f}"
