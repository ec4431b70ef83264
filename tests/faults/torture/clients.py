"""A client: commands of its own choice, one after the other, on keys that nobody else writes and on a few that all write.

Its choices are a function of the run's seed, its number and the round. A command whose reply is lost is looked for in Redis: it happened or
it did not, and then it is tried again, so that a client ends its round with the same hashes whatever went wrong meanwhile.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import redis

from .choices import Choices, Op
from .history import History
from .model import Asked, Effect, Fields, Model, Row
from tests.faults.stack import SENT_ONCE
from writebehind.testing import wait_until

OUTAGE_S = 120.0
"""Longer no fault keeps Redis away."""

EXPIRY_MS = 100
"""Redis deletes a key instead (an event `del`) where the time is over when it looks: no less than it can be kept from its work."""

SCRIPT = "for _, words in ipairs(cjson.decode(ARGV[1])) do redis.call(unpack(words)) end"

SHARED_SCRIPT = """
local seq = redis.call('INCR', KEYS[2])
if ARGV[1] == 'DEL' then redis.call('DEL', KEYS[1])
elseif ARGV[2] == '' then redis.call('HSET', KEYS[1], 'name', ARGV[1], 'seq', seq)
else redis.call('HSET', KEYS[1], 'name', ARGV[1], 'seq', seq, '#', ARGV[2]) end
return seq
"""
"""Redis itself numbers the changes of the keys that all clients write: their order is known."""

SHARED_SEQ = "torture:seq"
LOST = (redis.ConnectionError, redis.TimeoutError)


class WrongReply(AssertionError):
    """Redis has or says what it can't have or say."""


class Client:
    """Args:
    number: of the client, from 0.
    port: of Redis.
    row_of: what the table has of a key, or None for no row; raises where the database is away. None: it isn't asked.
    """

    def __init__(self, number: int, port: int, model: Model, history: History, row_of: Callable[[str], Row | None] | None) -> None:
        self.number, self.model, self.history, self._row_of = number, model, history, row_of
        self.who = f"client {number}"
        self.redis = redis.Redis(port=port, decode_responses=True, retry=SENT_ONCE)
        self.done = self.lost = self.looked = 0
        self.at_work = threading.Lock()
        """Held from a command to what the model makes of it."""
        self._choices = Choices(number, model)

    def play(self, seed: int, round_: int, ops: int, span_s: float) -> None:
        """`ops` commands over `span_s`; what an outage delays is caught up with."""
        self._choices.begin(random.Random(f"{seed}/{round_}/{self.number}"))
        started = time.monotonic()
        for number in range(ops):
            time.sleep(max(0.0, started + span_s * number / ops - time.monotonic()))
            with self.at_work:
                self.perform(self._choices.next())
            self.done += 1

    def perform(self, op: Op) -> None:
        while True:
            effects = self.model.effects(op.commands)
            try:
                self._send(op)
            except LOST as error:
                self.lost += 1
                time.sleep(0.02)
                if self._happened(op, effects, error):
                    break
                op = op.renamed(f"r{self.lost}")
                continue
            except redis.ResponseError as error:
                if not any(word in str(error) for word in ("LOADING", "OOM", "maxmemory")):  # nothing happened
                    raise WrongReply(f"{self.who}: {str(op)[:200]}: {str(error)[-200:]}") from error
                time.sleep(0.02)
                continue
            self.model.apply(effects)
            if op.commands:
                self.history.note(self.who, op.how, commands=op.commands)
            break
        if op.waits and self._row_of:
            self._look(op.waits, self._row_of)

    def _send(self, op: Op) -> None:
        if op.how == "shared":
            return self._send_shared(op)
        if op.how == "expire":
            return self._send_expire(op)
        if op.how == "lua":
            self.redis.eval(SCRIPT, 0, json.dumps(op.commands))
        elif op.how == "multi":
            with self.redis.pipeline(transaction=True) as pipe:
                for words in op.commands:
                    pipe.execute_command(*words)
                pipe.execute()
        else:
            self.redis.execute_command(*op.commands[0])
        return None

    def _send_shared(self, op: Op) -> None:
        key, name, asks = op.shared
        uuid = asks[1:]
        if uuid:
            self.model.asked[uuid] = Asked(key, frozenset(["done"]), maybe=True)
        seq = self.redis.eval(SHARED_SCRIPT, 2, key, SHARED_SEQ, name, asks)
        if uuid:
            self.model.asked[uuid] = Asked(key, frozenset(["done"]))
        self.history.note(self.who, "shared", key=key, name=name, asks=asks, seq=seq)

    def _send_expire(self, op: Op) -> None:
        """Asked for until the key is gone, so that a lost reply matters not."""
        key = op.commands[0][1]

        def gone() -> bool:
            with suppress(*LOST):
                return not self.redis.pexpire(key, EXPIRY_MS, nx=True) and not self.redis.exists(key)
            return False

        if self.model.fields(key) is None:
            return
        wait_until(gone, OUTAGE_S, f"the end of {key}")
        self.model.apply([Effect(key, None, self.model.expired_deletes)])

    def _happened(self, op: Op, effects: list[Effect], error: Exception) -> bool:
        """After a lost reply. Where the commands leave no trace in the hashes it is "maybe", and they are to be sent again."""
        if op.how == "shared":
            self.history.note(self.who, "lost", commands=op.shared, error=str(error))
            return False
        after = {one.key: one.fields for one in effects}
        before = {key: self.model.fields(key) for key in after}
        found = self._read(list(after))
        is_traceless = after == before
        happened = found == after
        self.history.note(self.who, "lost", commands=op.commands, happened="maybe" if is_traceless else happened, error=str(error))
        if not happened and found != before:
            raise WrongReply(f"{self.who}: after {str(op.commands)[:500]}, whose reply was lost, Redis has {found}: neither {before} nor {after}")
        if happened:
            self.model.apply(effects, maybe=is_traceless)
        return happened and not is_traceless

    def _read(self, keys: list[str]) -> dict[str, Fields | None]:
        found: dict[str, Fields | None] = {}

        def read() -> bool:
            with self.redis.pipeline(transaction=True) as pipe:
                for key in keys:
                    pipe.hgetall(key)
                found.update(zip(keys, (fields or None for fields in pipe.execute()), strict=True))
            return True

        if keys:
            wait_until(read, OUTAGE_S, "an answer of Redis")
        return found

    def _look(self, uuid: str, row_of: Callable[[str], Row | None]) -> None:
        """Waits a little for an answer: once it says `done`, the table has the row."""
        asked = self.model.asked[uuid]
        key = self.model.keys[asked.key]
        if asked.maybe or asked.statuses != {"done"}:
            return
        answer = []
        with suppress(*LOST):
            answer = self.redis.xread({f"{{{asked.key}}}{uuid}": "0-0"}, block=500)
        if not answer:
            return
        try:
            row = row_of(asked.key)
        except Exception:  # noqa: BLE001 - the database is away
            return
        self.looked += 1
        if row != key.row_now():
            raise WrongReply(f"{self.who}: {asked.key} was answered done, but the table has {row}, not {key.row_now()} ({uuid})")
