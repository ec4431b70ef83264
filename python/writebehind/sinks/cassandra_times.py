"""The times of changes grow over the streams of a pipeline: what keeps that in a table beside the rows.

A stream that begins anew, after a flush of Redis or the promotion of a replica, may count from a clock that is behind. Its changes get a
lead then, so that all are later than what was written of the streams before. The lead of a stream (by its identity) is settled once, by
whoever writes its first change, and the same for every writer and engine: so a change has the same time as often as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from writebehind.sinks.cassandra_cql import TimesTable, timestamp_of

AHEAD = 1_000_000
"""How far above what is written the table's `top` is kept, in microseconds: so that it is written once a second, not with each batch."""

Run = Callable[[str, tuple[Any, ...]], Any]
"""A statement and its values → the driver's result."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Of a stream.

    base: the latest time that may have been written of earlier streams.
    lead: what is added to the times of this one.
    """

    base: int = 0
    lead: int = 0


class Stamps:
    """The timestamps of one writer's rows: those of their entries, but never below what it wrote for an earlier entry."""

    def __init__(self, lead: Lead = Lead()) -> None:
        self._lead = lead
        self._last = (0, 0)
        self._floor = 0

    def of(self, id: str) -> int:
        """The same for the same entry, as often as it comes."""
        stamp = max(timestamp_of(id) + self._lead.lead, self._lead.base + 1)
        # An entry that comes again must not get a greater one than it had: later ones may be written already.
        return max(stamp, self._floor) if ordered(id) > self._last else stamp

    def written(self, ids: Sequence[str]) -> None:
        """The rows of these entries are written."""
        new = [id for id in ids if ordered(id) > self._last]
        if new:
            self._floor = max(self._floor, max(map(self.of, new)) + 1)
            self._last = max(map(ordered, new))


class Times:
    """The table's rows of one registration.

    Args:
        run: a statement.
        table: of the times.
        origin, identity: of the stream that is written, as the core names them.
    """

    def __init__(self, run: Run, table: TimesTable, origin: str, identity: str) -> None:
        self._run = run
        self._table = table
        self._origin, self._identity = origin, identity
        self._top = 0  # as far as this writer has raised it

    def lead(self, first: str) -> Lead:
        """Of the stream; settled now, by the first change that is to be written, if nobody did before."""
        known = self._run(self._table.lead(), (self._origin, self._identity)).one()
        if known is not None:
            return Lead(*known)
        top = self._run(self._table.top(), (self._origin,)).one()
        base = top[0] or 0 if top is not None else 0
        made = Lead(base, max(0, base + 1 - timestamp_of(first)))
        said = self._run(self._table.settle(), (self._origin, self._identity, made.base, made.lead)).one()
        # Another writer was first: the row is as it made it.
        return made if said[0] else Lead(*self._run(self._table.lead(), (self._origin, self._identity)).one())

    def reach(self, stamp: int) -> None:
        """Before a row is written with this time: no later stream may get one below it."""
        if stamp > self._top:
            top = stamp + AHEAD
            self._run(self._table.raise_top(), (self._origin, top, top))
            self._top = top


def ordered(id: str) -> tuple[int, int]:
    """A stream entry's ID, to compare."""
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number)
