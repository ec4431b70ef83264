"""Gathers what the checks compare."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import Any

import redis

from .checks import Expected, Snapshot
from .choices import SHARED_KEYS
from .clients import SHARED_SEQ, Client
from .model import PREFIX, Fields, Row
from .world import ENGINE, LEASE, PIPELINE, TABLE, World
from writebehind.testing import wait_until

COUNTERS = ("written", "coalesced", "filtered", "rejected", "skipped")
SHARED = frozenset(f"{PREFIX}s-{number}" for number in range(SHARED_KEYS))


class Look:
    def __init__(self, world: World, clients: list[Client]) -> None:
        self.world, self.clients = world, clients
        self.captured = self.answered = self.rejected = self.balanced = 0
        """Of all rounds; `balanced`: in how many of them no counter began anew."""
        self.is_read_once = True
        """Nothing has made the engine read the stream again since the last quiet point, which counts changes again as skipped."""
        self.is_flushed = False
        self._last_rejected = "0-0"
        wait_until(lambda: self._counts()[0][1], 30, "the engine's counters")
        self._before = self._counts()

    def wait(self, seconds: float) -> None:
        """Until the stream is empty and the engine has told its counts; says nothing where that doesn't come."""
        with suppress(TimeoutError):
            wait_until(lambda: self.world.waiting() == 0, seconds, "an empty stream")
            drained_ms = time.time() * 1000
            wait_until(lambda: int(self._engine().get("seen_ms", 0)) > drained_ms, 20, "the engine's counters of then")

    def expected(self) -> Expected:
        keys = {name: key for one in self.clients for name, key in one.model.keys.items()}
        asked = {uuid: answer for one in self.clients for uuid, answer in one.model.asked.items()}
        return Expected(keys, asked, SHARED, self.world.options.exactly_once, int(self.world.redis.get(SHARED_SEQ) or 0), self.is_flushed)

    def snapshot(self) -> Snapshot:
        log = self.world.target.query("SELECT op, id, name, n, m, seq FROM log ORDER BY no")
        captured, counted = self._difference()
        return Snapshot(
            waiting=self.world.waiting(),
            hashes=self._hashes(),
            rows=self._rows(),
            log=[(op, f"{PREFIX}{id_}", None if op == "D" else tuple(row)) for op, id_, *row in log],  # type: ignore[misc]
            answers=self._answers(),
            rejected=[fields for _, fields in self._rejected()],
            captured=captured,
            counted=counted,
            is_read_once=self.is_read_once,
        )

    def settle(self) -> None:
        """What was compared is compared no more, and its answers go."""
        asked = self.expected().asked
        self.answered += len(asked)
        rejected = self._rejected()
        self.rejected += len(rejected)
        self._last_rejected = rejected[-1][0] if rejected else self._last_rejected
        rows = self._rows()
        for client in self.clients:
            client.model.settle(rows)
        self.is_flushed = False
        self.world.target.query("DELETE FROM log")
        streams = [f"{{{one.key}}}{uuid}" for uuid, one in asked.items()]
        for start in range(0, len(streams), 1000):
            self.world.redis.unlink(*streams[start : start + 1000])
        captured, counted = self._difference()
        self.captured += max(0, captured)
        self.balanced += bool(counted)
        self._before = self._counts()

    def flush(self) -> None:
        """Empties Redis between two commands of the clients; the numbers of the shared keys' changes go on."""
        with ExitStack() as held:
            for client in self.clients:
                held.enter_context(client.at_work)

            def emptied() -> bool:
                seq = self.world.redis.get(SHARED_SEQ) or 0
                with self.world.redis.pipeline(transaction=True) as pipe:
                    pipe.flushall()
                    pipe.set(SHARED_SEQ, seq)
                    pipe.execute()
                return True

            wait_until(emptied, 120, "a flush")
            for client in self.clients:
                client.model.flush()
            self.is_flushed = True

    def _rows(self) -> dict[str, Row]:
        return {f"{PREFIX}{id_}": tuple(row) for id_, *row in self.world.target.query(f"SELECT id, name, n, m, seq FROM {TABLE}")}

    def _hashes(self) -> dict[str, Fields]:
        keys = list(self.world.redis.scan_iter(f"{PREFIX}*", count=5000))
        with self.world.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            return dict(zip(keys, pipe.execute(), strict=True))

    def _answers(self) -> dict[str, list[str]]:
        asked = self.expected().asked
        with self.world.redis.pipeline(transaction=False) as pipe:
            for uuid, one in asked.items():
                pipe.xrange(f"{{{one.key}}}{uuid}")
            replies = pipe.execute()
        return {uuid: [fields["status"] for _, fields in reply] for uuid, reply in zip(asked, replies, strict=True)}

    def _rejected(self) -> list[tuple[str, dict[str, str]]]:
        with redis.Redis(port=self.world.server.port, decode_responses=True, encoding_errors="replace") as client:
            return list(client.xrange(f"writebehind:{{{PIPELINE}}}:rejected", min=f"({self._last_rejected}"))

    # Captured since Redis started, and what the engine has counted since it started: they balance where neither has begun anew.

    def _counts(self) -> tuple[tuple[str, str, str], int, dict[str, int]]:
        client = self.world.redis
        run_id = str(client.info("server")["run_id"])
        [state] = [one for one in self._list() if one["name"] == PIPELINE]
        engine = self._engine()
        counted = {name: int(engine.get(name, 0)) for name in COUNTERS}
        turn = str(client.get(LEASE) or "").partition(" ")[0]  # another engine's, or another turn of the same, counts apart
        return (run_id, str(engine.get("started_ms", "")), turn), int(state["captured"]), counted

    def _engine(self) -> dict[str, Any]:
        return dict(self.world.redis.hgetall(ENGINE))

    def _list(self) -> list[dict[str, Any]]:
        reply = self.world.redis.execute_command("WB.LIST")
        return [one if isinstance(one, dict) else dict(zip(one[::2], one[1::2], strict=True)) for one in reply]

    def _difference(self) -> tuple[int, dict[str, int]]:
        who, captured, counted = self._counts()
        if who != self._before[0]:
            return captured - (self._before[1] if who[0] == self._before[0][0] else 0), {}
        return captured - self._before[1], {name: counted[name] - self._before[2][name] for name in COUNTERS}
