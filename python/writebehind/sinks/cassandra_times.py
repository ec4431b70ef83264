"""The times of changes grow over the streams of a pipeline: what keeps that in a table beside the rows.

A stream that begins anew, after a flush of Redis or the promotion of a replica, may count from a clock that is behind. Its changes get a
lead then, so that all are later than what was written of the streams before. Each stream (by its identity) has a row: its lead, and how far
its changes reach. A writer looks there before its first change of a stream, and raises the lead where the streams before reach further than
it covers: other writers may have come to this stream while it, or the one it follows after a crash, still wrote changes of those. The
changes of a key are one writer's, in order, and leads only grow: so those of a key have times that grow too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from writebehind.sinks.cassandra_cql import TimesTable, timestamp_of

AHEAD = 1_000_000
"""How far above what is written `reached` is kept, in microseconds: so that it is written once a second, not with each batch."""

Run = Callable[[str, tuple[Any, ...]], Any]
"""A statement and its values → the driver's result. What one has written the next one sees, whoever runs it."""


class Stamps:
    """The timestamps of one writer's rows: those of their entries, but never below what it wrote for an earlier entry.

    Args:
        lead: of the stream, in microseconds: what is added to the times of its entries.
    """

    def __init__(self, lead: int = 0) -> None:
        self._lead = lead
        self._last = (0, 0)
        self._floor = 0

    def of(self, id: str) -> int:
        """The same for the same entry, as often as it comes."""
        stamp = timestamp_of(id) + self._lead
        # An entry that comes again must not get a greater one than it had: later ones may be written already.
        return max(stamp, self._floor) if ordered(id) > self._last else stamp

    def written(self, ids: Sequence[str]) -> None:
        """The rows of these entries are written."""
        new = [id for id in ids if ordered(id) > self._last]
        if new:
            self._floor = max(self._floor, max(map(self.of, new)) + 1)
            self._last = max(map(ordered, new))


@dataclass(frozen=True, slots=True)
class _Stream:
    """A row of the table.

    born: the streams of a registration in the order in which their first changes were written.
    lead: see Stamps.
    reached: no change of it was written with a later time.
    """

    born: int
    lead: int
    reached: int | None


class Times:
    """The table's rows of one registration.

    Args:
        run: a statement.
        table: of the times.
        origin: of the registration, as the core names it.
        identity: of the stream that is written.
        before: identities of streams that this writer wrote before.
    """

    def __init__(self, run: Run, table: TimesTable, origin: str, identity: str, before: Sequence[str] = ()) -> None:
        self._run = run
        self._table = table
        self._origin, self._identity = origin, identity
        self._before = before
        self._reached = 0  # as far as this writer has raised it

    def lead(self, first: str) -> int:
        """Of the stream, for a writer whose first change of it is `first`."""
        while True:
            found = {identity: _Stream(*row) for identity, *row in self._run(self._table.streams(), (self._origin,))}
            own = found.pop(self._identity, None)
            base = max((stream.reached or 0 for identity, stream in found.items() if self._is_before(identity, stream, own)), default=0)
            lead = max(0, base + 1 - timestamp_of(first))
            if own is None:
                born = 1 + max((stream.born for stream in found.values()), default=0)
                said = self._run(self._table.add(), (self._origin, self._identity, born, lead))
            elif lead > own.lead:
                said = self._run(self._table.raise_lead(), (lead, self._origin, self._identity, own.lead))
            else:
                return own.lead
            if said.one()[0]:
                return lead  # else another writer was first: its row is what counts now

    def _is_before(self, identity: str, stream: _Stream, own: _Stream | None) -> bool:
        # Not just any other: an engine that was taken for dead, and still writes an old stream, must not get past the younger ones.
        return own is None or stream.born <= own.born or identity in self._before

    def reach(self, stamp: int) -> None:
        """Before a row is written with this time: no later stream may get one below it."""
        if stamp > self._reached:
            reached = stamp + AHEAD
            self._run(self._table.raise_reached(), (reached, reached, self._origin, self._identity))
            self._reached = reached


def ordered(id: str) -> tuple[int, int]:
    """A stream entry's ID, to compare."""
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number)
