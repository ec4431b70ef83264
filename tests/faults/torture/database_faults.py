"""What happens to the database and its table, and on an engine's way there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import psycopg2
import pymysql

from . import engine_faults
from .ways import lose, slow
from .world import TABLE, World
from tests.faults.proxy import Loss

MARK = b"torture "
"""In what is sent with rows."""

REFUSED = (psycopg2.Error, pymysql.Error)


def kill(world: World, seconds: float) -> None:
    assert world.target.server
    world.target.server.kill()
    time.sleep(seconds)
    world.target.server.start()


def freeze(world: World, seconds: float) -> None:
    assert world.target.server
    os.killpg(world.target.server.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.killpg(world.target.server.pid, signal.SIGCONT)


def end_sessions(world: World, seconds: float) -> None:
    with closing(world.target.connect()) as link:
        _end_others(world, link.cursor())


PASSWORDS = {"Postgres": "ALTER ROLE wb PASSWORD '{}'", "MySql": "ALTER USER wb@'%' IDENTIFIED BY '{}'"}


def change_password(world: World, seconds: float) -> None:
    """Whoever connects meanwhile is refused."""
    with closing(world.target.connect()) as link:
        cursor: Any = link.cursor()
        try:
            cursor.execute(PASSWORDS[world.target.kind].format("another"))
            link.commit()
            _end_others(world, cursor)
            time.sleep(seconds)
        finally:
            cursor.execute(PASSWORDS[world.target.kind].format("wb"))
            link.commit()


def _end_others(world: World, cursor: Any) -> None:
    if world.target.kind == "Postgres":
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return
    cursor.execute("SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user = 'wb'")
    for (session,) in list(cursor.fetchall()):
        with suppress(pymysql.Error):  # it went by itself
            cursor.execute(f"KILL {session}")


LOCKS = {
    "SQLite": "BEGIN IMMEDIATE",
    "Postgres": f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE",
    "MySql": f"LOCK TABLES {TABLE} WRITE, log WRITE",
}


def lock_table(world: World, seconds: float) -> None:
    with closing(world.target.connect()) as link:
        link.cursor().execute(LOCKS[world.target.kind])
        time.sleep(seconds)


def lock_rows(world: World, seconds: float) -> None:
    """As another client's long transaction would; a deadlock may end this one."""
    with closing(world.target.connect()) as link:
        cursor: Any = link.cursor()
        with suppress(*REFUSED):
            cursor.execute(f"SELECT id FROM {TABLE} FOR UPDATE")
            cursor.fetchall()
        time.sleep(seconds)


def deadlock(world: World, seconds: float) -> None:
    """Locks rows one by one, as the engine does, but in another order: one of both is ended for it."""
    chance = random.Random(seconds)
    ids = [row[0] for row in world.target.query(f"SELECT id FROM {TABLE}")]
    until = time.monotonic() + seconds
    with closing(world.target.connect()) as link:
        cursor: Any = link.cursor()
        while time.monotonic() < until and ids:
            with suppress(*REFUSED):
                for one in chance.sample(ids, min(len(ids), 100)):
                    cursor.execute(f"SELECT seq FROM {TABLE} WHERE id = '{one}' FOR UPDATE")
            link.rollback()


def forbid_writing(world: World, seconds: float) -> None:
    """As where a server was demoted, or is being copied."""
    with closing(world.target.connect()) as link:
        cursor: Any = link.cursor()
        if world.target.kind == "Postgres":
            link.autocommit = True
            # This session is to undo it.
            before, after = ("SET default_transaction_read_only = off", *_read_only("on")), _read_only("off")
        else:
            before, after = ("FLUSH TABLES WITH READ LOCK",), ("UNLOCK TABLES",)
        try:
            for statement in before:
                cursor.execute(statement)
            time.sleep(seconds)
        finally:
            for statement in after:
                cursor.execute(statement)


def _read_only(setting: str) -> tuple[str, str]:
    return (f"ALTER SYSTEM SET default_transaction_read_only = {setting}", "SELECT pg_reload_conf()")


def add_column(world: World, seconds: float) -> None:
    name = f"more_{time.monotonic_ns()}"
    world.target.query(f"ALTER TABLE {TABLE} ADD COLUMN {name} INTEGER")
    world.columns.append(name)


def drop_column(world: World, seconds: float) -> None:
    if world.columns:
        world.target.query(f"ALTER TABLE {TABLE} DROP COLUMN {world.columns.pop()}")


TYPES = {"Postgres": f"ALTER TABLE {TABLE} ALTER COLUMN seq TYPE {{}}", "MySql": f"ALTER TABLE {TABLE} MODIFY seq {{}}"}


def change_type(world: World, seconds: float) -> None:
    world.target.query(TYPES[world.target.kind].format("DECIMAL(20)"))
    time.sleep(seconds)
    world.target.query(TYPES[world.target.kind].format("BIGINT"))


def lose_and_kill_engine(world: World, seconds: float) -> None:
    """What is committed is neither settled nor known to anybody."""
    if world.target.proxy:
        lose(world.target.proxy, MARK, Loss.ANSWER, seconds)
    else:
        lose(world.leader().link, b"WB.SETTLE", Loss.ANSWER, seconds)
    engine_faults.kill(world, seconds)


def lose_and_kill(world: World, seconds: float) -> None:
    """Whether it was committed is to be found out once the database is back."""
    assert world.target.proxy
    world.target.proxy.lose(MARK, Loss.ANSWER, hold=True)
    world.target.proxy.lost.wait(seconds)
    world.target.proxy.forget()
    kill(world, seconds)
    world.target.proxy.release()


def lost(mark: bytes, loss: Loss) -> Callable[[World, float], None]:
    return lambda world, seconds: lose(world.target.proxy, mark, loss, seconds)


def slow_way(world: World, seconds: float) -> None:
    slow(world.target.proxy, seconds)
