"""The database fails in each way that it can, under a running engine that writes exactly once: nothing is rejected, lost or written twice.

What somebody does to the table's columns and rights is in tests/schema.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from .databases import FaultyTable, fill, small_disk
from .proxy import Loss
from tests.schema.running import Running
from writebehind.testing import MariaDBServer, PostgresServer, RedisServer, Server, wait_until

SERVERS = ("postgres", "mariadb")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server | None]]:
    """Of this file alone: they are killed, and told to write nothing."""
    with PostgresServer() as postgres, MariaDBServer() as mariadb:
        yield {"postgres": postgres, "mariadb": mariadb, "sqlite": None}


@pytest.fixture(params=SERVERS)
def table(request: pytest.FixtureRequest, servers: dict[str, Server | None], tmp_path: Path, unique: str) -> Iterator[FaultyTable]:
    with FaultyTable(request.param, servers[request.param], tmp_path, unique) as made:
        yield made


@contextmanager
def running(table: FaultyTable, server: RedisServer, client: redis.Redis, **options: Any) -> Iterator[Running]:
    with Running(table, server, client, **options) as run:
        run.hset(1, 2, a=-1, b="one")
        run.drain()
        yield run


@pytest.fixture
def run(table: FaultyTable, redis_server: RedisServer, redis_client: redis.Redis) -> Iterator[Running]:
    """Rows 1 and 2 are written."""
    with running(table, redis_server, redis_client) as made:
        yield made


def assert_once(run: Running, table: FaultyTable, rows: dict[str, tuple[Any, ...]]) -> None:
    run.drain()
    assert table.rows() == rows
    assert table.written_twice() == []
    assert run.rejected() == []
    assert run.message == ""


def test_killed_and_restarted_under_load(run: Running, table: FaultyTable) -> None:
    assert table.server
    enough = threading.Event()
    last = 0

    def load() -> None:
        nonlocal last
        while not enough.is_set():
            with run.redis.pipeline(transaction=False) as pipe:
                for number in range(last, last + 200):
                    pipe.hset(f"p:{number % 1000}", mapping={"a": number, "b": "b", "#": f"=u{number}"})
                pipe.execute()
            last += 200
            wait_until(lambda: run.waiting < 3000, 60, "room in the stream")

    loader = threading.Thread(target=load)
    loader.start()
    try:
        for _ in range(2):
            written = run.status["written"]
            wait_until(lambda written=written: run.status["written"] > written, 30, "progress")
            table.server.kill()
            run.says("onnect")
            table.server.start()
    finally:
        enough.set()
        loader.join()
    run.drain()
    assert {int(key): row[0] for key, row in table.rows().items()} == {number % 1000: number for number in range(last)}
    assert table.written_twice() == []
    assert run.rejected() == []
    with run.redis.pipeline(transaction=False) as pipe:
        for number in range(last):
            pipe.xrange(f"{{p:{number % 1000}}}u{number}")
        assert all([fields for _, fields in entries] == [{"status": "done"}] for entries in pipe.execute())


READ_ONLY = {
    "postgres": ("ALTER SYSTEM SET default_transaction_read_only = {}", "SELECT pg_reload_conf()"),
    "mariadb": ("SET GLOBAL read_only = {}", "SELECT 1"),
}


@pytest.mark.parametrize("once", [True, False], ids=["exactly-once", "at-least-once"])
def test_read_only(table: FaultyTable, redis_server: RedisServer, redis_client: redis.Redis, once: bool) -> None:
    """As a server that was demoted, or whose operator stopped all writing."""
    assert isinstance(table.server, PostgresServer | MariaDBServer)
    settings = [statement.format(value) for value in ("on", "off") for statement in READ_ONLY[table.kind]]
    with running(table, redis_server, redis_client, once=once) as run, closing(table.open()) as other:
        cursor = other.cursor()
        if table.kind == "postgres":
            other.autocommit = True
            cursor.execute("SET default_transaction_read_only = off")  # of this session, which is to undo it
        try:
            for setting in settings[:2]:
                cursor.execute(setting)
            last = 1

            def refused() -> bool:  # a session of PostgreSQL learns of it some time later
                nonlocal last
                last += 1
                run.hset(1, 2, a=last, b="two")
                return "read-only" in run.message

            wait_until(refused, 20, "a message of it")
            wait_until(lambda: run.status["retries"] >= 3, 20, "further tries")
            assert run.waiting >= 2
        finally:
            for setting in settings[2:]:
                cursor.execute(setting)
        assert_once(run, table, {"1": (last, "two"), "2": (last, "two")})


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_the_disk_is_full(
    kind: str, servers: dict[str, Server | None], redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path, unique: str
) -> None:
    with (
        small_disk(unique, 32) as disk,
        FaultyTable(kind, servers[kind], disk, unique, on=disk) as table,
        running(table, redis_server, redis_client, mapping={"a": "a", "b": "b", "c": "c"}) as run,
    ):
        filler = fill(disk)
        with run.redis.pipeline() as pipe:
            for number in range(2000):
                pipe.hset(f"p:{number}", mapping={"a": number, "b": "full", "c": os.urandom(1500).hex()})
            pipe.execute()
        run.says("No space left" if kind == "postgres" else "full")
        wait_until(lambda: run.status["retries"] >= 2, 20, "a second try")
        assert run.waiting == 2000
        filler.unlink()
        assert_once(run, table, {str(number): (number, "full") for number in range(2000)})


HELD = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgres": "LOCK TABLE {t} IN SHARE ROW EXCLUSIVE MODE",
    "mariadb": "SELECT id FROM {t} FOR UPDATE",
}


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_lock_is_held_for_longer_than_a_statement_may_take(
    kind: str, servers: dict[str, Server | None], redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path, unique: str
) -> None:
    with FaultyTable(kind, servers[kind], tmp_path, unique) as table:
        table.timeout_ms = 1000
        with running(table, redis_server, redis_client) as run, closing(table.open()) as other:
            cursor = other.cursor()
            cursor.execute("SELECT 1" if kind == "sqlite" else "BEGIN")
            cursor.execute(HELD[kind].format(**table.names))
            run.hset(1, 2, a=2, b="two")
            run.says({"sqlite": "locked", "postgres": "statement timeout", "mariadb": "Lock wait timeout"}[kind])
            wait_until(lambda: run.status["retries"] >= 2, 20, "a second try")
            assert run.waiting == 2
            other.rollback()
            assert_once(run, table, {"1": (2, "two"), "2": (2, "two")})


def test_the_session_is_ended_while_its_statement_waits(run: Running, table: FaultyTable) -> None:
    with closing(table.open()) as other:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT id FROM {t} WHERE id = '2' FOR UPDATE".format(**table.names))
        run.hset(1, 2, a=2, b="two")
        for _ in range(2):
            wait_until(table.blocked, 20, "a statement that waits")
            retries = run.status["retries"]
            table.end_sessions()
            wait_until(lambda retries=retries: run.status["retries"] > retries, 20, "another try")
        assert run.waiting == 2
        other.rollback()
    assert_once(run, table, {"1": (2, "two"), "2": (2, "two")})


def test_a_deadlock(run: Running, table: FaultyTable) -> None:
    """The engine has row 1 and wants 2; the other client has 2 and wants 1, and has written more, so that the engine is the one to give way."""
    with closing(table.open()) as other:
        cursor = other.cursor()
        cursor.execute("SET deadlock_timeout = '1h'" if table.kind == "postgres" else "SELECT 1")
        cursor.execute("BEGIN")
        for number in range(50):
            cursor.execute(f"INSERT INTO {table.name} (id, a) VALUES ('other {number}', {number})")
        cursor.execute(f"UPDATE {table.name} SET a = 100 WHERE id = '2'")
        run.hset(1, 2, a=2, b="two")
        wait_until(table.blocked, 20, "a statement that waits for row 2")
        cursor.execute(f"UPDATE {table.name} SET a = 101 WHERE id = '1'")
        run.says("eadlock")
        assert run.waiting == 2
        other.commit()
    run.drain()
    rows = table.rows()
    assert (len(rows), rows["1"], rows["2"]) == (52, (2, "two"), (2, "two"))
    assert table.written_twice() == []
    assert run.rejected() == []


SERIALIZABLE = {
    "postgres": ("ALTER ROLE {t} SET default_transaction_isolation = 'serializable'", "SELECT 1"),
    "mariadb": ("SET GLOBAL tx_isolation = 'SERIALIZABLE'", "SET GLOBAL tx_isolation = 'REPEATABLE-READ'"),
}


def test_others_write_the_same_rows_where_the_default_is_serializable(run: Running, table: FaultyTable) -> None:
    make, undo = SERIALIZABLE[table.kind]
    try:
        table.run(make)
        table.end_sessions()
        for number in range(2, 5):
            with closing(table.open()) as other:
                cursor = other.cursor()
                cursor.execute("BEGIN")
                cursor.execute(f"UPDATE {table.name} SET b = 'other', a = {number * 100} WHERE id = '2'")
                run.hset(1, 2, a=number, b="engine")
                wait_until(table.blocked, 20, "a statement that waits")
                other.commit()
            assert_once(run, table, {"1": (number, "engine"), "2": (number, "engine")})
    finally:
        table.run(undo)


# A batch of one kind of rows is one statement in PostgreSQL, its own transaction; one with a delete too ends with a COMMIT everywhere.
@pytest.mark.parametrize("mark", [b"the mark", b"COMMIT"], ids=["rows", "commit"])
def test_the_connection_is_cut_before_and_behind(run: Running, table: FaultyTable, mark: bytes) -> None:
    assert table.proxy
    for number, loss in enumerate((Loss.REQUEST, Loss.ANSWER, Loss.REQUEST, Loss.ANSWER), 2):
        run.hset(3, a=-number)
        run.drain()
        table.proxy.lose(mark, loss)
        with run.redis.pipeline() as pipe:
            pipe.hset("p:1", mapping={"a": number, "b": "the mark", "#": f"=u{number}"})
            pipe.hset("p:2", mapping={"a": number, "b": "x"})
            if mark == b"COMMIT":
                pipe.delete("p:3")
            pipe.execute()
        assert table.proxy.lost.wait(20)
        assert run.answer("p:1", f"u{number}") == [{"status": "done"}]
        rows = {"1": (number, "the mark"), "2": (number, "x"), "3": (-number, None)}
        assert_once(run, table, {key: row for key, row in rows.items() if key != "3" or mark != b"COMMIT"})


def test_another_password_that_a_callable_knows(table: FaultyTable, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    passwords = ["secret-one"]
    table.password = lambda: passwords[-1]
    with running(table, redis_server, redis_client) as run:
        passwords.append("secret-two")
        table.run(f"ALTER {'ROLE {user} PASSWORD' if table.kind == 'postgres' else 'USER {user} IDENTIFIED BY'} 'secret-two'")
        table.end_sessions()
        run.hset(1, 2, a=2, b="two")
        assert_once(run, table, {"1": (2, "two"), "2": (2, "two")})
        passwords.append("wrong")  # and one that does not know it yet
        table.end_sessions()
        run.hset(1, 2, a=3, b="three")
        message = run.says("check the connection's user, password")
        assert "secret" not in message and "wrong" not in message
        passwords.append("secret-two")
        assert_once(run, table, {"1": (3, "three"), "2": (3, "three")})
