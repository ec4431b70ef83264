"""Without a cluster: times of a key's changes grow, however many writers come to a stream, in whatever order, crash, and begin again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from writebehind.sinks.cassandra_cql import TimesTable
from writebehind.sinks.cassandra_times import Stamps, Times

TABLE = TimesTable("k")


class Row(list[Any]):
    def one(self) -> Any:
        return self[0]


class Cluster:
    """What its rows do with the statements of a TimesTable, by the rules of Cassandra."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Any]] = {}
        self.cells: dict[str, tuple[int, int]] = {}

    def run(self, statement: str, values: tuple[Any, ...]) -> Row:
        if statement == TABLE.streams():
            return Row([(identity, *row) for identity, row in self.streams.items()])
        if statement == TABLE.raise_reached():
            _, reached, _, identity = values
            self.streams[identity][2] = max(self.streams[identity][2] or 0, reached)
            return Row()
        if statement == TABLE.add():
            _, identity, born, lead = values
            applied = identity not in self.streams
            self.streams.setdefault(identity, [born, lead, None])
        else:
            assert statement == TABLE.raise_lead()
            lead, _, identity, old = values
            applied = self.streams[identity][1] == old
            if applied:
                self.streams[identity][1] = lead
        return Row([(applied,)])

    def write(self, key: str, time: int, n: int) -> None:
        self.cells[key] = max(self.cells.get(key, (0, 0)), (time, n))


Change = tuple[str, str, str, int]  # identity, ID, key, value


class Writer:
    """Writes its share of the changes, in order."""

    def __init__(self, cluster: Cluster, changes: Sequence[Change]) -> None:
        self.cluster, self.changes = cluster, changes
        self.at = self.furthest = self.checkpoint = 0
        self.known: list[str] = []
        self.session: tuple[str, Times, Stamps] | None = None

    def step(self, how_many: int) -> None:
        identity = self.changes[self.at][0]
        batch = [change for change in self.changes[self.at : self.at + how_many] if change[0] == identity]
        ids = [id for _, id, _, _ in batch]
        if self.session is None or self.session[0] != identity:
            if identity not in self.known:
                self.known.append(identity)
            times = Times(self.cluster.run, TABLE, "o", identity, self.known[: self.known.index(identity)])
            self.session = identity, times, Stamps(times.lead(ids[0]))
        _, times, stamps = self.session
        times.reach(max(map(stamps.of, ids)))
        for _, id, key, n in batch:
            self.cluster.write(key, stamps.of(id), n)
        stamps.written(ids)
        self.at += len(batch)
        if self.at > self.furthest:
            self.furthest = self.at
            latest = {key: n for _, _, key, n in self.changes[: self.at]}
            assert {key: self.cluster.cells[key][1] for key in latest} == latest


@pytest.mark.parametrize("crashes", [False, True])
def test_the_later_change_wins_over_streams_writers_and_crashes(crashes: bool) -> None:
    for seed in range(300):
        of = random.Random(seed)
        cluster, count = Cluster(), of.randint(1, 3)
        changes: list[list[Change]] = [[] for _ in range(count)]
        for identity in "ABC":
            clock = of.randint(0, 100_000)
            for number in range(count * 8):
                writer = number % count
                clock += of.choice([0, 1, 1000, 20_000])
                key = f"{writer}.{of.randint(0, 1)}"
                changes[writer].append((identity, f"{clock}-{number}", key, of.randint(0, 1000)))
        writers = [Writer(cluster, its) for its in changes]
        while left := [writer for writer in writers if writer.at < len(writer.changes)]:
            writer = of.choice(left)
            writer.step(of.randint(1, 3))
            if of.random() < 0.3:
                writer.checkpoint = writer.at
            if crashes and of.random() < 0.2:
                writer.session, writer.at = None, writer.checkpoint
                if of.random() < 0.5:
                    writer.known = []  # another process
        assert {key: n for key, (_, n) in cluster.cells.items()} == {key: n for its in changes for _, _, key, n in its}, seed


def test_a_writer_that_was_slow_with_its_first_change_of_a_stream_is_followed() -> None:
    """Nobody had written that stream when others began the next."""
    cluster = Cluster()
    Writer(cluster, [("B", "50000-0", "x", 1)]).step(1)
    slow = Writer(cluster, [("A", "100000-0", "y", 1), ("B", "51000-0", "y", 2)])
    slow.step(1)
    slow.step(1)


def test_an_old_stream_gets_no_lead_over_the_ones_after_it() -> None:
    """Who was taken for dead and connects anew writes what is old."""
    cluster = Cluster()
    Writer(cluster, [("A", "100000-0", "x", 1)]).step(1)
    Writer(cluster, [("B", "200000-0", "x", 3)]).step(1)
    times = Times(cluster.run, TABLE, "o", "A")
    cluster.write("x", Stamps(times.lead("100001-0")).of("100001-0"), 2)
    assert cluster.cells["x"][1] == 3


def test_a_lead_that_others_change_meanwhile_is_asked_for_again() -> None:
    cluster = Cluster()
    Writer(cluster, [("A", "100000-0", "x", 1)]).step(1)
    others = [("B", "60000-0", "y", 1)], [("B", "40000-0", "z", 1)]

    def run(statement: str, values: tuple[Any, ...]) -> Row:
        meanwhile = statement in (TABLE.add(), TABLE.raise_lead()) and len(pending) > 0
        if meanwhile:
            Writer(cluster, pending.pop(0)).step(1)
        return cluster.run(statement, values)

    pending = list(others)
    slow = Writer(cluster, [("B", "50000-0", "x", 2), ("B", "50001-0", "x", 3)])
    lead = Times(run, TABLE, "o", "B").lead("50000-0")
    assert not pending and cluster.streams["B"][1] == lead
    slow.step(1)
    slow.step(1)
    assert slow.session is not None and slow.session[2].of("50002-0") == 50_002_000 + lead
