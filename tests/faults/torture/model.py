"""What Redis, the table, the answers and the rejected stream must hold, of keys that one client alone writes.

A client's commands are applied here as they are in Redis; each captured change of a key is kept, in order, with what must become of it. The
row of a key is that of its last change that is neither refused nor dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

Fields = dict[str, str]
Row = tuple[str | None, int | None, int | None, int | None]
Words = tuple[str, ...]
At = Callable[[str], Fields | None]

COLUMNS = ("name", "n", "m", "seq")
PREFIX = "t:"
DROPPED = "drop"  # what begins so as a name is dropped by the recipe's function


class Verdict(Enum):
    WRITTEN = "written"
    CAST = "cast"
    """No value of its column: refused in any case."""
    CHECK = "check"
    """Refused by a constraint, unless a later change of the key takes its place before it is tried."""
    DROPPED = "dropped"

    @property
    def answers(self) -> frozenset[str]:
        return {
            Verdict.CAST: frozenset(["failed"]),
            Verdict.CHECK: frozenset(["done", "failed"]),
        }.get(self, frozenset(["done"]))


@dataclass(frozen=True)
class Change:
    """One captured change of a key. `maybe`: whether it was captured can't be known (the reply was lost, and it leaves no trace)."""

    verdict: Verdict
    row: Row | None
    bad: str | None = None
    maybe: bool = False


@dataclass(frozen=True)
class Asked:
    """An answer that somebody asked for, and which statuses it may have. `maybe`: the command may not have happened."""

    key: str
    statuses: frozenset[str]
    maybe: bool = False


@dataclass(frozen=True)
class Effect:
    """What one command does to one key: its fields afterwards, and whether that is captured."""

    key: str
    fields: Fields | None
    is_captured: bool
    uuid: str | None = None


@dataclass
class Key:
    fields: Fields | None = None
    row: Row | None = None
    """At the last quiet point."""
    changes: list[Change] = field(default_factory=list)
    """Since then."""
    flushed: int = 0
    """So many of these were captured before a FLUSHALL, which throws away what still waits: any of them may be the last that was written."""

    def row_now(self) -> Row | None:
        return next((one.row for one in reversed(self.changes) if one.verdict is Verdict.WRITTEN), self.row)

    def rows_now(self) -> list[Row | None]:
        """All that the row may be."""
        if any(one.verdict is Verdict.WRITTEN for one in self.changes[self.flushed :]):
            return [self.row_now()]
        return [self.row, *(one.row for one in self.changes if one.verdict is Verdict.WRITTEN)] if self.flushed else [self.row_now()]


def number(text: str | None) -> int | None:
    return None if text is None else int(text)


def judge(fields: Fields | None, *, drops: bool) -> Change:
    """What must become of a change after which the hash is this; None: there is none."""
    if fields is None:
        return Change(Verdict.WRITTEN, None)
    if drops and fields.get("name", "").startswith(DROPPED):
        return Change(Verdict.DROPPED, None)
    n, m = fields.get("n"), fields.get("m")
    if n is not None and not n.lstrip("-").isdigit():
        return Change(Verdict.CAST, None, n)
    if m is not None and m.startswith("-"):
        return Change(Verdict.CHECK, None, m)
    return Change(Verdict.WRITTEN, (fields.get("name"), number(n), number(m), number(fields.get("seq"))))


class Model:
    """Of one client's keys. Used by one thread at a time."""

    def __init__(self, *, drops: bool, expired_deletes: bool) -> None:
        self.drops, self.expired_deletes = drops, expired_deletes
        self.keys: dict[str, Key] = {}
        self.asked: dict[str, Asked] = {}

    def fields(self, key: str) -> Fields | None:
        return self.keys[key].fields if key in self.keys else None

    def effects(self, commands: Iterable[Words]) -> list[Effect]:
        """Of these commands one after the other; nothing is changed."""
        made: list[Effect] = []
        now: dict[str, Fields | None] = {}

        def at(key: str) -> Fields | None:
            return now[key] if key in now else self.fields(key)

        for words in commands:
            for one in _effects(words, at):
                now[one.key] = one.fields
                made.append(one)
        return made

    def apply(self, effects: Iterable[Effect], *, maybe: bool = False) -> None:
        for one in effects:
            key = self.keys.setdefault(one.key, Key())
            key.fields = one.fields
            change = judge(one.fields, drops=self.drops)
            if one.is_captured:
                key.changes.append(Change(change.verdict, change.row, change.bad, maybe))
            if one.uuid:
                statuses = change.verdict.answers if one.is_captured else frozenset(["done"])
                self.asked[one.uuid] = Asked(one.key, statuses, maybe)

    def flush(self) -> None:
        """Redis was emptied. Answers and rejections may have gone with it, or not have come yet."""
        self.asked.clear()
        for key in self.keys.values():
            key.fields = None
            key.changes = [replace(one, maybe=True) for one in key.changes]
            key.flushed = len(key.changes)

    def settle(self, rows: Mapping[str, Row]) -> None:
        """All is in the table, which has these, and answered: what was before is needed no more."""
        self.asked.clear()
        for name, key in self.keys.items():
            key.row = rows.get(name)
            key.changes.clear()
            key.flushed = 0


def _effects(words: Words, at: At) -> list[Effect]:
    command, key, *rest = words
    there = at(key)
    if command == "HSET":
        return [_hset(key, there, dict(zip(rest[::2], rest[1::2], strict=True)))]
    if command == "HINCRBY":
        fields = there or {}
        return [Effect(key, {**fields, rest[0]: str(int(fields.get(rest[0], "0")) + int(rest[1]))}, True)]
    if there is None or command == "PEXPIRE":
        return []
    if command == "DEL":
        return [Effect(key, None, True)]
    if command == "HDEL":
        left = {name: value for name, value in there.items() if name not in rest}
        return [Effect(key, left or None, True)] if left != there else []
    if command == "RENAME":
        return [Effect(key, None, True), Effect(rest[0], there, True)]
    assert command == "COPY", words
    return [Effect(rest[0], there, True)]


def _hset(key: str, there: Fields | None, given: Fields) -> Effect:
    operation = given.pop("#", "=")
    uuid = operation[1:] or None
    if operation[0] in "-~":
        return Effect(key, None, operation[0] == "~", uuid)
    return Effect(key, {**(there or {}), **given}, operation[0] == "=", uuid)
