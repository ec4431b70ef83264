"""Captures the keys that were there before their pipeline, as if they had just changed; writers go on meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from writebehind import registry
from writebehind.errors import ConfigError
from writebehind.registry import REGISTRY, Registration, read_registration
from writebehind.sweep import Backlog, Pace, Tell, capture, scanned

if TYPE_CHECKING:
    from redis import Redis

CHUNK = 500
MAX_WAITING = 100_000


@dataclass(frozen=True)
class Backfilled:
    """What a backfill did.

    Args:
        captured: keys, of this run and the one that it went on with.
        resumed: it went on where another had ended.
        restarted: why another's place was of no use; "": it was, or there was none.
    """

    captured: int
    resumed: bool = False
    restarted: str = ""


def backfill(
    client: Redis,
    name: str,
    *,
    rate: float = 0,
    max_waiting: int = MAX_WAITING,
    restart: bool = False,
    timeout_s: float = 60,
    tell: Tell = lambda done, words: None,
) -> Backfilled:
    """Captures all keys of a pipeline's pattern; ended early, the next goes on from there.

    The place is kept in Redis, with each chunk of keys. It is of use on the same server as long as that runs, and for the same definition:
    cursors of SCAN mean nothing to another server, nor after a restart. A chunk may be captured twice, which changes no row.

    Args:
        client: whose replies are bytes.
        name: of the pipeline, which must be registered.
        rate: keys per second at most; 0: no limit.
        max_waiting: waits while as many changes wait; at most half of the pipeline's own limit.
        restart: do not go on where another ended.
        timeout_s: how long to wait while nothing is written, in seconds.
        tell: hears how far it is.

    Raises:
        ConfigError: no such pipeline.
        WritebehindError: too many changes wait, and nothing is written.
    """
    registration = _registration(client, name)
    state = registry.key(name, "backfill")
    here = {"server": str(client.info("server")["run_id"]), "definition": str(registration.serial)}
    before = {key.decode(): value.decode() for key, value in client.hgetall(state).items()}  # type: ignore[union-attr]
    why = "" if restart or not before else _unlike(before, here)
    resumed = bool(before) and not restart and not why
    place = (int(before["cursor"]), int(before["captured"])) if resumed else (0, 0)
    limit = int(registration.limit.get("max_pending", 0))
    sweep = _Sweep(
        client,
        Backlog(client, name, timeout_s),
        Pace(rate),
        max(1, min(max_waiting, limit // 2) if limit else max_waiting),
        str(registration.definition["pattern"]),
        tell,
        *place,
    )
    while sweep.chunk():
        client.hset(state, mapping={**here, "cursor": str(sweep.cursor), "captured": str(sweep.captured)})  # type: ignore[dict-item]
    client.delete(state)
    return Backfilled(sweep.captured, resumed, why)


@dataclass
class _Sweep:
    """A way through the keys.

    Args:
        most: changes that may wait.
        cursor: of SCAN, where it is.
        captured: keys so far.
    """

    client: Redis
    backlog: Backlog
    pace: Pace
    most: int
    pattern: str
    tell: Tell
    cursor: int
    captured: int

    def chunk(self) -> bool:
        """Captures the next keys; False: there are no more."""
        reply: Any = self.client.scan(self.cursor, match=self.pattern.encode("utf-8", "surrogateescape"), count=CHUNK)
        for start in range(0, len(reply[1]), CHUNK):
            part = reply[1][start : start + CHUNK]
            self.backlog.wait_below(self.most, self._wait)
            self.captured += capture(self.client, part)
            self.pace.did(len(part))
        self.cursor = int(reply[0])
        self.tell(scanned(self.cursor) if self.cursor else 1, f"{self.captured:,} captured")
        return self.cursor != 0

    def _wait(self, waiting: int) -> None:
        self.tell(scanned(self.cursor), f"{self.captured:,} captured, {waiting:,} wait for the engine")


def _registration(client: Redis, name: str) -> Registration:
    text: Any = client.hget(REGISTRY, name)
    registration = read_registration(text.decode() if text is not None else None)
    if registration is None or not registration.active:
        raise ConfigError(
            f"pipeline '{name}' is not registered: nothing of it would be captured", "start it first: writebehind run RECIPE.py"
        )
    return registration


def _unlike(before: dict[str, str], here: dict[str, str]) -> str:
    if before.get("server") != here["server"]:
        return "Redis was restarted, or is another server"
    return "" if before.get("definition") == here["definition"] else "the pipeline has a new definition"
