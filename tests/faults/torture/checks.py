"""What must hold when nothing is under way any more; each function returns sentences, one for each violation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from .model import Asked, Fields, Key, Row, Verdict

Line = tuple[str, str, Row | None]
"""Of the log: who wrote it (U or D), the key, and the row."""


@dataclass(frozen=True)
class Snapshot:
    """All that is in Redis and in the database, by Redis key where there is one."""

    waiting: int
    hashes: dict[str, Fields]
    rows: dict[str, Row]
    log: list[Line]
    answers: dict[str, list[str]]
    """By uuid: the status of each entry of its answer."""
    rejected: list[dict[str, str]]
    captured: int = 0
    """Since the last quiet point, as are the counters."""
    counted: dict[str, int] = field(default_factory=dict)
    """Of the engine; empty where it or Redis has begun anew since."""
    is_read_once: bool = True
    """Nothing has made the engine read the stream again, which counts changes again."""


@dataclass(frozen=True)
class Expected:
    """What the clients know. `shared`: the keys that all of them write."""

    keys: dict[str, Key]
    asked: dict[str, Asked]
    shared: frozenset[str]
    exactly_once: bool
    shared_seq: int = 0
    is_flushed: bool = False
    """Redis was emptied since the last quiet point."""


def violations(expected: Expected, found: Snapshot) -> list[str]:
    checks = (_stream, _redis, _table, _answers, _rejected, _log, _counters)
    return [sentence for check in checks for sentence in check(expected, found)]


def _stream(expected: Expected, found: Snapshot) -> Iterator[str]:
    if found.waiting:
        yield f"the stream still holds {found.waiting} entries"


def _redis(expected: Expected, found: Snapshot) -> Iterator[str]:
    for name, key in expected.keys.items():
        if found.hashes.get(name) != key.fields:
            yield f"Redis has {found.hashes.get(name)} for {name}, not {key.fields}"
    for name in found.hashes.keys() - expected.keys.keys() - expected.shared:
        yield f"Redis has {name}, which nobody wrote"


def _table(expected: Expected, found: Snapshot) -> Iterator[str]:
    wanted: dict[str, list[Row | None]] = {name: key.rows_now() for name, key in expected.keys.items()}
    for name in expected.shared:
        if fields := found.hashes.get(name):
            wanted[name] = [(fields.get("name"), None, None, int(fields["seq"]))]
        else:
            wanted[name] = [None, found.rows.get(name) if expected.is_flushed else None]
    for name in wanted.keys() | found.rows.keys():
        rows = wanted.get(name, [None])
        if found.rows.get(name) not in rows:
            yield f"the table has {found.rows.get(name)} for {name}, not {' or '.join(map(str, rows))}"


def _answers(expected: Expected, found: Snapshot) -> Iterator[str]:
    for uuid, asked in expected.asked.items():
        answer = found.answers.get(uuid, [])
        if not answer and asked.maybe:
            continue
        if len(answer) != 1:
            yield f"{uuid} of {asked.key} has {len(answer)} answers: {answer}"
        elif answer[0] not in asked.statuses:
            yield f"{uuid} of {asked.key} was answered {answer[0]}, not {' or '.join(asked.statuses)}"


def _rejected(expected: Expected, found: Snapshot) -> Iterator[str]:
    by_key: dict[str, list[dict[str, str]]] = defaultdict(list)
    ids = Counter((one["identity"], one["id"]) for one in found.rejected)
    for (identity, id_), times in ids.items():
        if times > 1:
            yield f"entry {id_} of {identity} is in the rejected stream {times} times"
    for one in found.rejected:
        by_key[one["key"]].append(one)
        if one["key"] not in expected.keys:
            yield f"{one['key']} was rejected, and nothing of it is wrong: {one.get('reason')}"
        uuid = one.get("uuid", "")
        if uuid in expected.asked and found.answers.get(uuid) != ["failed"]:
            yield f"{uuid} of {one['key']} was rejected and answered {found.answers.get(uuid)}"
    listed = {one.get("uuid") for one in found.rejected}
    for uuid in expected.asked:
        if found.answers.get(uuid) == ["failed"] and uuid not in listed:
            yield f"{uuid} of {expected.asked[uuid].key} was answered failed, and is not in the rejected stream"
    for name, key in expected.keys.items():
        yield from _rejected_of(name, key, by_key[name])


def _rejected_of(name: str, key: Key, entries: list[dict[str, str]]) -> Iterator[str]:
    casts = [one for one in key.changes if one.verdict is Verdict.CAST]
    checks = [one for one in key.changes if one.verdict is Verdict.CHECK]
    by_value = Counter(one.get("value") for one in entries if one.get("column") == "n")
    for value in {one.bad for one in casts} | by_value.keys():
        most = sum(one.bad == value for one in casts)
        least = sum(one.bad == value and not one.maybe for one in casts)
        if not least <= by_value[value] <= most:
            yield f"{value!r} of {name} was refused {least} times, and is in the rejected stream {by_value[value]} times"
    others = sum(one.get("column") != "n" for one in entries)
    is_last = len(key.changes) > key.flushed and key.changes[-1].verdict is Verdict.CHECK and not key.changes[-1].maybe
    if not int(is_last) <= others <= len(checks):
        yield f"the constraint refused {len(checks)} changes of {name}, and {others} are in the rejected stream"


def _log(expected: Expected, found: Snapshot) -> Iterator[str]:
    lines: dict[str, list[Row | None]] = defaultdict(list)
    for _, name, row in found.log:
        lines[name].append(row)
    for name, rows in lines.items():
        if name in expected.shared:
            yield from _log_of_shared(expected, name, rows)
        else:
            yield from _log_of(expected, name, rows)


def _log_of(expected: Expected, name: str, rows: list[Row | None]) -> Iterator[str]:
    """Exactly once: what was written is what was captured, in that order, with some left out. Else each was captured some time."""
    key = expected.keys.get(name, Key())
    good = [one.row for one in key.changes if one.verdict is Verdict.WRITTEN]
    at = 0
    for row in rows:
        if not expected.exactly_once:
            if row not in good and row != key.row:
                yield f"{row} of {name} was written, and never captured"
            continue
        try:
            at = good.index(row, at) + 1
        except ValueError:
            how = "twice, or out of order" if row in good or row == key.row else "and never captured"
            yield f"{row} of {name} was written {how}"


def _log_of_shared(expected: Expected, name: str, rows: list[Row | None]) -> Iterator[str]:
    last = 0
    for row in rows:
        seq = row[3] if row else None
        if seq is None:
            continue
        if seq > expected.shared_seq:
            yield f"change {seq} of {name} was written, and never made"
        if expected.exactly_once and seq <= last:
            yield f"change {seq} of {name} was written behind {last}"
        last = seq


def _counters(expected: Expected, found: Snapshot) -> Iterator[str]:
    if expected.is_flushed:
        return
    counted = sum(found.counted.values())
    if found.counted and (found.captured > counted or (found.captured < counted and found.is_read_once)):
        yield f"{found.captured} changes were captured, and {counted} counted: {found.counted}"
