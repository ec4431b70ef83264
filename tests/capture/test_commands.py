"""Every command of every server: what it captures, and that master, replica and AOF replay are equal after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
import redis

from tests.capture.command_table import Row
from tests.capture.commands import ROWS, Wire, captured, expected, name, wire
from tests.capture.other_types_table import CLUSTER_ONLY, ELSEWHERE, OTHER_TYPES, TOUCH_NO_KEY
from tests.capture.support import assert_equal_everywhere, changes, dataset, drain, register, saved
from writebehind.testing import RedisServer, wait_until

Pair = tuple[RedisServer, RedisServer]


@pytest.fixture
def master(pair: Pair) -> Iterator[redis.Redis]:
    """A client of the shared master, which holds person:1 and pipeline p, and nothing that waits."""
    with closing(redis.Redis(port=pair[0].port, protocol=2)) as client:
        client.flushall()
        client.execute_command("FUNCTION", "FLUSH")
        register(client)
        client.hset("person:1", mapping={"a": "1", "b": "2"})
        yield client


@pytest.fixture
def line(pair: Pair, master: redis.Redis) -> Iterator[Wire]:
    with wire(pair[0].port) as found:
        found.dump = master.dump("person:1") or b""
        yield found


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_command(pair: Pair, master: redis.Redis, line: Wire, row: Row) -> None:
    if not line.knows(row.command):
        pytest.skip(f"this server has no {row.command}")
    line.run(row.given)
    drain(master)
    line.run(row.when)
    with suppress(TimeoutError):  # an expired field is captured a moment later
        wait_until(lambda: captured(master) in expected(row), 5)
    assert captured(master) in expected(row)
    assert line.database() == 0
    saved(master)
    assert_equal_everywhere(*pair)
    assert captured(master) in expected(row)  # nothing came later


def test_commands_of_other_types_fail_over_a_hash(master: redis.Redis, line: Wire) -> None:
    tried = 0
    for row in OTHER_TYPES:
        if not line.knows(row.command):
            continue
        line.run(row.given)
        drain(master)
        with pytest.raises(redis.ResponseError, match="WRONGTYPE|wrong (kind|type)"):
            line.run(row.when.replace("person:9", "person:1"))
        assert changes(master) == [], row
        assert master.hgetall("person:1") == {b"a": b"1", b"b": b"2"}
        master.delete("person:9", "{s}1")
        tried += 1
    assert tried > 50


def _writing(line: Wire) -> set[str]:
    """All commands that the server holds for writing, ours apart."""

    def walk(commands: list[Any]) -> Iterator[tuple[str, list[bytes], list[bytes]]]:
        for found in commands:
            yield found[0].decode().lower(), found[2], found[6]
            yield from walk(found[9])

    by_flag = {command for command, flags, categories in walk(line.call("COMMAND")) if b"write" in flags or b"@write" in categories}
    by_category = {command.decode().lower() for command in line.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", "write")}
    return {command for command in by_flag | by_category if not command.startswith("wb.")}


def test_every_command_that_writes_has_a_row(line: Wire) -> None:
    writing = _writing(line)
    assert len(writing) > 100
    assert writing - {row.command for row in ROWS} - TOUCH_NO_KEY - ELSEWHERE - CLUSTER_ONLY == set()


def test_migrate(pair: Pair, master: redis.Redis, line: Wire, start: Callable[..., RedisServer], connect: Any) -> None:
    other = connect(start())
    register(other)
    drain(master)
    line.call("MIGRATE", "127.0.0.1", other.connection_pool.connection_kwargs["port"], "person:1", 0, 5000)
    assert captured(master) == "d 1"
    assert captured(other) == "c 1 1 2"
    assert_equal_everywhere(*pair)


def test_a_copy_into_another_database_is_captured_there(pair: Pair, master: redis.Redis, line: Wire, connect: Any) -> None:
    other = connect(pair[0], db=3)
    register(other)
    drain(master)
    line.run("COPY person:1 person:2 DB 3; HSET person:1 a 5; COPY person:1 person:2 DB 3 REPLACE; DEL person:1")
    assert captured(master) == "u 1 5 2, d 1"
    assert captured(other) == "c 2 1 2, c 2 5 2"
    assert_equal_everywhere(*pair)


def test_commands_behind_a_copy_or_move_stay_in_their_database(start: Callable[..., RedisServer], connect: Any) -> None:
    """Also after the server has loaded its AOF, in which transactions are run as they were."""
    server = start()
    register(connect(server))
    register(connect(server, db=3))
    script = "redis.call('COPY', KEYS[1], KEYS[2], 'DB', '3') redis.call('SET', 'in:0', 'c')"
    with wire(server.port) as line:
        line.run("HSET person:1 a 1; PEXPIRE person:1 100000000; RPUSH list x y; SET string z; SELECT 3; HSET person:0 a 1; SELECT 0")
        for command in ("COPY person:1 person:2 DB 3", "COPY list list DB 3", "COPY string s REPLACE DB 3", "MOVE string 3"):
            line.run(f"MULTI; SET in:0 a; {command}; SET in:0 b; EXEC; APPEND in:0 b")
        line.run(
            f'EVAL "{script}" 2 person:1 person:4; APPEND in:0 d; MULTI; SELECT 3; COPY person:0 person:5 DB 0; SET in:3 a; EXEC; SET in:3 b'
        )
        assert line.database() == 3
    expected = dataset(server)
    assert [sorted(key for at, key in expected if at == index and not key.startswith(b"writebehind")) for index in (0, 3)] == [
        [b"in:0", b"list", b"person:1", b"person:5"],
        [b"in:3", b"list", b"person:0", b"person:2", b"person:4", b"s", b"string"],
    ]
    server.kill()
    server.start()
    assert dataset(server) == expected
