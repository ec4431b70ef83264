"""What `backfill` and `verify` share: a way through all keys of a pipeline that spares the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from writebehind import registry
from writebehind.errors import WritebehindError

if TYPE_CHECKING:
    from redis import Redis

_CURSOR_BITS = 64
_POLL_S = 0.02

Tell = Callable[[float, str], None]
"""Hears how far the work is, from 0 to 1, and a few words."""


def scanned(cursor: int) -> float:
    """How much of the keys SCAN has gone through when it answered this cursor.

    The cursor counts the buckets of the server's hash table with its bits in reverse.
    """
    return int(f"{cursor:0{_CURSOR_BITS}b}"[::-1], 2) / (1 << _CURSOR_BITS)


@dataclass
class Pace:
    """Holds a rate.

    Args:
        per_second: the most; 0: no limit.
    """

    per_second: float = 0
    _started: float = field(default_factory=time.monotonic)
    _done: int = 0

    def did(self, count: int) -> None:
        """Waits until `count` more are due."""
        self._done += count
        if self.per_second:
            time.sleep(max(0.0, self._started + self._done / self.per_second - time.monotonic()))


class Backlog:
    """The changes of a pipeline that wait, as one sees them who adds to them or waits for them.

    Args:
        client: of the server.
        name: of the pipeline.
        timeout_s: how long to wait while nothing is settled, in seconds.
    """

    def __init__(self, client: Redis, name: str, timeout_s: float) -> None:
        self._client = client
        self._name = name
        self._stream = registry.key(name, "stream")
        self._timeout_s = timeout_s

    def length(self) -> int:
        return int(str(self._client.xlen(self._stream)))

    def wait_below(self, most: int, tell: Callable[[int], None] | None = None) -> None:
        """Waits until fewer than `most` wait.

        Raises:
            WritebehindError: nothing was settled for `timeout_s`.
        """
        self._wait(lambda: self.length() < most, tell)

    def settle(self) -> None:
        """Waits until what has been captured up to now is committed.

        Raises:
            WritebehindError: nothing was settled for `timeout_s`.
        """
        last: Any = self._client.xrevrange(self._stream, count=1)
        if last:
            self._wait(lambda: not self._client.xrange(self._stream, "-", last[0][0], count=1), None)

    def _wait(self, is_over: Callable[[], bool], tell: Callable[[int], None] | None) -> None:
        first, deadline = None, 0.0
        while not is_over():
            oldest: Any = self._client.xrange(self._stream, "-", "+", count=1)
            if not deadline or oldest != first:
                first, deadline = oldest, time.monotonic() + self._timeout_s
            if time.monotonic() > deadline:
                raise WritebehindError(
                    f"pipeline '{self._name}': {self.length()} changes wait, and for {self._timeout_s:g} s none was written",
                    "start its engine (writebehind run RECIPE.py), or see what stops it: writebehind status",
                )
            if tell is not None:
                tell(self.length())
            time.sleep(_POLL_S)


def capture(client: Redis, keys: Sequence[bytes], *, absent: bool = False) -> int:
    """WB.CAPTURE of these keys; returns how many were captured."""
    return int(str(client.execute_command("WB.CAPTURE", *(["ABSENT"] if absent else []), *keys))) if keys else 0
