"""Compares Redis and a table both ways, while writers write and the engine runs; neither is locked.

What looks different is looked at again: the key is watched (WATCH), its hash read, everything captured until then waited for, its row
compared, and only if nobody has touched the key in all that time does the difference count.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from writebehind.errors import ConfigError, NotBuiltError
from writebehind.sweep import Backlog, Pace, Tell, capture, scanned

if TYPE_CHECKING:
    from redis import Redis

    from writebehind._core import TableCheck
    from writebehind.pipeline import Pipeline

CHUNK = 500
_SUSPECTS = 100  # looked at again together
_MOST_TRIES = 20  # of a key that others keep changing
_CAPTURED_LATER_S = 0.005  # of fields that expire

Kind = Literal["differs", "missing", "extra", "refused"]
State = list[tuple[bytes, bytes]] | None
"""The fields of a hash; None: there is no hash."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference that stands.

    Args:
        key: of Redis.
        kind: "differs"; "missing": the key has no row; "extra": the row has no key; "refused": the engine would reject the hash.
        column: the first that differs, or that refuses the value.
        redis: the value by Redis; of "refused" the reason.
        table: the value in the table.
    """

    key: bytes
    kind: Kind
    column: str = ""
    redis: str = ""
    table: str = ""

    @property
    def shown_key(self) -> str:
        text = self.key.decode("utf-8", "backslashreplace")
        return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


@dataclass
class Report:
    """What a comparison found.

    Args:
        keys: of Redis that were compared.
        rows: of the table.
        looks_for_rows: rows without a key were looked for.
        differences: those that stand, by key.
        unsettled: keys that others changed all the time: nothing can be said of them.
    """

    keys: int = 0
    rows: int = 0
    looks_for_rows: bool = True
    differences: dict[bytes, Difference] = field(default_factory=dict)
    unsettled: list[bytes] = field(default_factory=list)

    def of(self, *kinds: Kind) -> list[Difference]:
        return [one for one in self.differences.values() if one.kind in kinds]


class Verifier:
    """Compares one pipeline.

    Args:
        client: of Redis, whose replies are bytes.
        pipeline: whose definition is the one that is registered.
        table: opened.
        rate: keys and rows per second at most; 0: no limit.
        timeout_s: how long to wait while the engine writes nothing, in seconds.
        tell: hears how far it is.

    Raises:
        NotBuiltError: several keys of this pipeline may name one row.
    """

    def __init__(
        self,
        client: Redis,
        pipeline: Pipeline,
        table: TableCheck,
        *,
        rate: float = 0,
        timeout_s: float = 60,
        tell: Tell = lambda done, words: None,
    ) -> None:
        definition = pipeline.definition()
        if definition.get("shared_rows"):
            raise NotBuiltError(f"pipeline '{pipeline.name}': several keys may name one row, which verify can't tell apart in this version")
        self._client = client
        self._table = table
        self._pattern = pipeline.pattern
        self._fields: list[str] | None = definition.get("fields")
        self._backlog = Backlog(client, pipeline.name, timeout_s)
        self._pace = Pace(rate)
        self._tell = tell
        self.report = Report(looks_for_rows="key_fields" not in definition)

    def compare(self) -> Report:
        """Goes through all keys, then through all rows.

        Raises:
            TargetUnavailable: the database can't be reached.
            WritebehindError: the engine doesn't write what waits.
        """
        self._judge_again(self._suspicious_keys())
        if self.report.looks_for_rows:
            self._judge_again(self._suspicious_rows())
        self._tell(1, "done")
        return self.report

    def repair(self, differences: Iterable[Difference]) -> int:
        """Captures the keys of differences anew, and compares them again once that is written; returns how many were captured.

        Rows without a key are deleted where the key is still absent then; where it is there again, it is captured as it is.
        """
        done = 0
        by_absence: dict[bool, list[bytes]] = {False: [], True: []}
        for one in differences:
            by_absence[one.kind == "extra"].append(one.key)
        for absent, keys in by_absence.items():
            for start in range(0, len(keys), CHUNK):
                part = keys[start : start + CHUNK]
                done += capture(self._client, part, absent=absent)
                self._pace.did(len(part))
                self._backlog.settle()
                for key in part:
                    self.report.differences.pop(key, None)
                self._judge_again([part])
        return done

    def _suspicious_keys(self) -> Iterator[list[bytes]]:
        cursor = -1
        while cursor:
            reply: Any = self._client.scan(max(cursor, 0), match=self._pattern.encode("utf-8", "surrogateescape"), count=CHUNK)
            cursor, keys = int(reply[0]), list(reply[1])
            self.report.keys += len(keys)
            found = self._look(keys)
            self._pace.did(len(keys))
            yield [one.key for one in found]
            self._tell((scanned(cursor) if cursor else 1) * self._share, f"{self.report.keys:,} keys")

    def _suspicious_rows(self) -> Iterator[list[bytes]]:
        while keys := self._table.next_page(CHUNK):
            self.report.rows += len(keys)
            with self._client.pipeline(transaction=False) as ask:
                for key in keys:
                    ask.exists(key)
                there = ask.execute()
            self._pace.did(len(keys))
            yield [key for key, is_there in zip(keys, there, strict=True) if not is_there]
            done = min(1.0, self.report.rows / max(1, self.report.keys))
            self._tell(self._share + done * (1 - self._share), f"{self.report.keys:,} keys, {self.report.rows:,} rows")

    @property
    def _share(self) -> float:
        return 0.8 if self.report.looks_for_rows else 1.0

    def _judge_again(self, pages: Iterable[list[bytes]]) -> None:
        suspects: list[bytes] = []
        for page in pages:
            suspects += page
            while len(suspects) >= _SUSPECTS:
                self._judge(suspects[:_SUSPECTS])
                suspects = suspects[_SUSPECTS:]
        self._judge(suspects)

    def _judge(self, keys: list[bytes]) -> None:
        tries: dict[bytes, int] = {}
        groups = [keys] if keys else []
        while groups:
            group = groups.pop()
            found, is_certain = self._look_closely(group)
            if is_certain:
                self.report.differences.update({one.key: one for one in found})
                continue
            left = [one.key for one in found]
            for key in left:
                tries[key] = tries.get(key, 0) + 1
            self.report.unsettled += [key for key in left if tries[key] >= _MOST_TRIES]
            left = [key for key in left if tries[key] < _MOST_TRIES]
            # One of them was changed meanwhile: apart, the others can be judged.
            half = (len(left) + 1) // 2
            groups += [part for part in (left[:half], left[half:]) if part]

    def _look_closely(self, keys: list[bytes]) -> tuple[list[Difference], bool]:
        """The differences of these keys, and whether none of the keys was touched while they were looked at."""
        from redis.exceptions import WatchError

        with self._client.pipeline() as watch:
            watch.watch(*keys)
            states = self._read(keys)
            time.sleep(_CAPTURED_LATER_S)
            self._backlog.settle()
            found = self._compare(keys, states)
            if not found:
                return [], True
            watch.multi()
            watch.exists(keys[0])
            try:
                watch.execute()
            except WatchError:
                return found, False
            return found, True

    def _look(self, keys: list[bytes]) -> list[Difference]:
        return self._compare(keys, self._read(keys))

    def _read(self, keys: list[bytes]) -> list[State]:
        """The hashes of these keys, as they are now."""
        with self._client.pipeline(transaction=False) as ask:
            for key in keys:
                if self._fields is None:
                    ask.hgetall(key)
                else:
                    ask.hlen(key)
                    ask.hmget(key, self._fields or ["-"])
            replies: list[Any] = ask.execute(raise_on_error=False)
        if self._fields is None:
            return [list(reply.items()) if isinstance(reply, dict) and reply else None for reply in map(_unless_error, replies)]
        states: list[State] = []
        names = [name.encode("utf-8", "surrogateescape") for name in self._fields]
        for length, values in zip(replies[::2], replies[1::2], strict=True):
            if _unless_error(length):
                states.append([(name, value) for name, value in zip(names, values, strict=False) if value is not None])
            else:
                states.append(None)
        return states

    def _compare(self, keys: list[bytes], states: list[State]) -> list[Difference]:
        findings = self._table.compare(list(zip(keys, states, strict=True))) if keys else []
        return [
            Difference(key, kind, column, redis, table)  # type: ignore[arg-type]
            for key, (kind, column, redis, table) in zip(keys, findings, strict=True)
            if kind not in ("equal", "dropped")
        ]


def _unless_error(reply: Any) -> Any:
    """None for a key that holds no hash; other errors are raised."""
    from redis.exceptions import ResponseError

    if isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE"):
        return None
    if isinstance(reply, Exception):
        raise reply
    return reply


def check_registered(client: Redis, pipeline: Pipeline) -> None:
    """Raises ConfigError unless Redis has this pipeline's definition."""
    from writebehind.definition import is_equal
    from writebehind.registry import REGISTRY, read_registration

    text: Any = client.hget(REGISTRY, pipeline.name)
    registration = read_registration(text.decode() if text is not None else None)
    if registration is None:
        raise ConfigError(f"pipeline '{pipeline.name}' is not registered", "start it first: writebehind run RECIPE.py")
    if not is_equal(registration.definition, pipeline.definition()):
        raise ConfigError(f"pipeline '{pipeline.name}': Redis has another definition than the recipe", "run the recipe first")
