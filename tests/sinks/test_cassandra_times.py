"""Cassandra keeps of each cell what has the latest time: changes have that of their IDs, which only grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.sinks.cassandra_host import NEEDED, Keyspace, rows
from writebehind.sinks import Plan
from writebehind.sinks.cassandra import CassandraSink
from writebehind.sinks.cassandra_cql import TIMES, timestamp_of
from writebehind.testing import wait_until

pytest.importorskip("cassandra.cluster")
pytestmark = NEEDED


def test_the_later_change_wins_whenever_it_is_written(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    run().stop()  # registers
    for n in range(3):
        redis_client.hset("p:1", "n", n)
    (*_, (last, _)) = redis_client.xrange("writebehind:{sql}:stream")
    assert run().drain()
    (when,) = keyspace.run(f"SELECT writetime(n) FROM {table} WHERE id = '1'")[0]
    assert when == timestamp_of(last)
    # Another client: by the time it says.
    keyspace.run(f"UPDATE {table} USING TIMESTAMP {when - 1} SET n = 99 WHERE id = '1'")
    assert rows(keyspace, table)["1"][1] == 2
    keyspace.run(f"UPDATE {table} USING TIMESTAMP {when + 1} SET n = 100 WHERE id = '1'")
    assert rows(keyspace, table)["1"][1] == 100


def test_what_is_written_again_or_late_changes_nothing(keyspace: Keyspace, table: str) -> None:
    keyspace.run(f"ALTER TABLE {table} ADD tags set<text>")
    sink = CassandraSink(keyspace.connection())
    sink.open()
    sink.describe("", table)
    plan = Plan(1, "", table, (("id", "text", False),), (("n", "integer", False), ("tags", "json", False)), False)

    def write(id: str, n: str | None, replaces: bool = False) -> None:
        cells = ("1",) if n is None else ("1", n, f'["{n}"]')
        sink.write(plan, [(n is None, replaces, cells, None, id)], None)

    def row() -> Any:
        return rows(keyspace, table, "id, n, tags").get("1")

    try:
        for changes in (
            [("5-0", "1"), ("5-1", "2")],
            [("6-0", "3"), ("6-1", None)],
            [("7-0", "4"), ("7-1", None), ("7-2", "5")],
            # Redis's clock stepped back: its IDs counted on in one millisecond, more than a thousand.
            [("8-0", "6"), ("8-5000", "7"), ("9-0", "8")],
        ):
            for change in changes:
                write(*change)
            n = changes[-1][1]
            expected = None if n is None else (int(n), {n})
            assert row() == expected
            for change in changes[:-1]:
                write(*change)
                assert row() == expected, f"{change} came again"
        write("20-0", "9")
        write("20-1", "10", replaces=True)
        assert row() == (10, {"10"})
    finally:
        sink.close()


class Writers:
    """Sinks of one registration that write `n` of keys."""

    def __init__(self, keyspace: Keyspace, table: str, origin: str) -> None:
        self.keyspace, self.table, self.origin = keyspace, table, origin
        self.plan = Plan(1, "", table, (("id", "text", False),), (("n", "integer", False),), False)
        self.sinks: list[CassandraSink] = []

    def new(self, identity: str, **options: Any) -> CassandraSink:
        sink = CassandraSink(self.keyspace.connection(**options))
        self.sinks.append(sink)
        sink.open()
        sink.describe("", self.table)
        sink.stream(self.origin, identity)
        return sink

    def write(self, sink: CassandraSink, id: str, key: str, n: int | None) -> None:
        cells = (key,) if n is None else (key, str(n))
        sink.write(self.plan, [(n is None, False, cells, None, id)], None)

    def found(self) -> dict[Any, Any]:
        return {key: n for key, (n,) in rows(self.keyspace, self.table, "id, n").items()}


@pytest.fixture
def writers(keyspace: Keyspace, table: str, unique: str) -> Iterator[Writers]:
    made = Writers(keyspace, table, unique)
    yield made
    for sink in made.sinks:
        sink.close()


def test_a_stream_that_counts_from_a_clock_behind_wins_over_the_one_before(writers: Writers, keyspace: Keyspace, table: str) -> None:
    """Over flushes and promotions, restarts, and writers and engines at the same time."""
    writer, write, found = writers.new, writers.write, writers.found
    before = writer("1")
    for key in "abcd":
        write(before, "9000000-0", key, 1)
    first, second = writer("2"), writer("2")
    write(first, "5000000-0", "a", 2)
    write(second, "4000000-0", "b", 2)
    write(second, "5000001-0", "b", 3)
    write(first, "5000002-0", "c", None)
    assert found() == {"a": 2, "b": 3, "d": 1}
    # Another engine, or the same after a restart, is given some again; and one that was taken for dead writes late.
    again = writer("2")
    write(again, "5000000-0", "a", 2)
    write(again, "5000001-0", "b", 3)
    write(again, "5000003-0", "d", 4)
    write(before, "9000001-0", "d", 1)
    write(second, "5000002-0", "d", 1)
    assert found() == {"a": 2, "b": 3, "d": 4}
    # A third stream, of which writers of the second know nothing, by a clock still further behind.
    third = writer("3")
    write(third, "3000000-0", "d", 5)
    write(third, "3000001-0", "b", None)
    assert found() == {"a": 2, "d": 5}
    # And one whose clock is right again has no lead.
    last = writer("4")
    write(last, "90000000-0", "a", 6)
    assert keyspace.run(f"SELECT writetime(n) FROM {table} WHERE id = 'a'") == [(timestamp_of("90000000-0"),)]


@pytest.mark.parametrize("crashes", [False, True])
def test_a_writer_that_is_slow_with_the_stream_before_wins_with_the_next(writers: Writers, crashes: bool) -> None:
    slow, quick = writers.new("1"), writers.new("1")
    writers.write(slow, "1000-0", "a", 1)
    writers.write(quick, "1001-0", "b", 1)
    quick.stream(writers.origin, "2")
    writers.write(quick, "50000-0", "b", 2)
    writers.write(slow, "100000-0", "a", 2)
    if crashes:
        slow = writers.new("2")
    else:
        slow.stream(writers.origin, "2")
    writers.write(slow, "51000-0", "a", 3)
    writers.write(quick, "51001-0", "b", 3)
    assert writers.found() == {"a": 3, "b": 3}


def test_a_writer_that_began_before_the_first_and_connects_anew_goes_on(writers: Writers) -> None:
    writers.write(writers.new("1"), "9000-0", "a", 1)
    writers.write(writers.new("2"), "5000-0", "b", 1)
    earlier = writers.new("2")
    writers.write(earlier, "1000-0", "a", 2)
    writers.write(earlier, "1001-0", "a", 9)
    earlier = writers.new("2")
    writers.write(earlier, "1002-0", "a", 3)
    assert writers.found() == {"a": 3, "b": 1}


@pytest.mark.parametrize(("consistency", "place"), [("ONE", "LOCAL_"), ("LOCAL_QUORUM", "LOCAL_"), ("QUORUM", ""), ("ALL", "")])
def test_the_table_of_times_is_read_as_it_was_written(
    writers: Writers, monkeypatch: pytest.MonkeyPatch, consistency: str, place: str
) -> None:
    """Whatever the rows ask for; also what another writer's settled row is, if its answer got lost."""
    from cassandra import ConsistencyLevel

    sink = writers.new("1", consistency=consistency)
    run, asked = sink._session.execute, set()

    def execute(statement: Any, *values: Any) -> Any:
        text = getattr(statement, "query_string", statement)
        if "SELECT identity" in text or "INSERT" in text or "UPDATE" in text:
            levels = (statement.consistency_level, statement.serial_consistency_level)
            asked.add((text.split()[0], *(ConsistencyLevel.value_to_name[level] for level in levels)))
        return run(statement, *values)

    monkeypatch.setattr(sink._session, "execute", execute)
    writers.write(sink, "1000-0", "a", 1)
    serial, quorum = f"{place}SERIAL", f"{place}QUORUM"
    assert asked == {("SELECT", serial, serial), ("INSERT", quorum, serial), ("UPDATE", quorum, serial)}


def test_changes_after_a_flush_win_though_the_clock_is_behind(run: Any, keyspace: Keyspace, table: str, redis_client: redis.Redis) -> None:
    engine = run(writers=2)
    redis_client.hset("p:0", "n", 0)
    assert engine.drain()
    seconds, _ = redis_client.time()
    redis_client.execute_command("XSETID", "writebehind:{sql}:stream", f"{(seconds + 3600) * 1000}-0")  # as if its clock were an hour ahead
    for key in range(8):
        redis_client.hset(f"p:{key}", "n", 1)
    assert engine.drain()
    redis_client.flushall()
    wait_until(lambda: redis_client.exists("writebehind:registry"), 20, "the registration")
    for key in range(8):
        redis_client.hset(f"p:{key}", "n", 2)
    redis_client.delete("p:7")
    assert engine.drain()
    assert rows(keyspace, table, "id, n") == {str(key): (2,) for key in range(7)}


def test_a_user_who_may_make_no_table_is_told(keyspace: Keyspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from cassandra import Unauthorized

    sink = CassandraSink(keyspace.connection())
    sink.open()
    try:
        keyspace.run(f"DROP TABLE IF EXISTS {TIMES}")
        run = sink._session.execute
        refused = Unauthorized("User wb has no CREATE permission")
        monkeypatch.setattr(sink._session, "execute", lambda text, *values: raises(refused) if text.startswith("CREATE") else run(text, *values))
        (told,) = [warning for warning in sink.warnings() if TIMES in warning]
        assert "has no CREATE permission" in told and f'CREATE TABLE IF NOT EXISTS "{keyspace.name}"."{TIMES}"' in told
        monkeypatch.undo()
        assert not any(TIMES in warning for warning in sink.warnings())
        assert keyspace.run(f"SELECT * FROM {TIMES}") == []
    finally:
        sink.close()


def raises(error: Exception) -> None:
    raise error
