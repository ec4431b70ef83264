"""The faults, and which of them happen when: a function of the seed.

A fault does its harm, waits its seconds where it lasts, and mends what it broke. Those of one lane come one after the other, those of
different lanes at the same time. A new one is a function here and a line in FAULTS; one that needs further servers or engines finds them in
World.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import psycopg2
import pymysql
import redis

from .world import TABLE, Options, World
from tests.faults.proxy import Loss, Proxy
from writebehind.testing import wait_until

SERVERS = ("postgres", "mariadb")
ALL = ("sqlite", *SERVERS)
MARK = b"torture "
"""In what is sent with rows."""


@dataclass(frozen=True)
class Fault:
    at_s: float
    name: str
    seconds: float


def plan(options: Options, round_: int) -> list[list[Fault]]:
    """The faults of a round, by lane."""
    chance = random.Random(f"{options.seed}/{round_}/faults")
    lanes: list[list[Fault]] = []
    for lane in ("engine and database", "Redis"):
        names = [name for name, (where, kinds, _) in FAULTS.items() if where == lane and options.database in kinds]
        if options.flush and lane == "Redis":
            names.append("flush")
        times = sorted(chance.uniform(0.05, 0.9) * options.span_s for _ in range(chance.choice([0, 1, 1, 2, 2, 3])))
        lanes.append([Fault(round(at, 3), chance.choice(names), round(chance.uniform(0.1, 1) * options.longest_s, 3)) for at in times])
    return lanes


def reads_again(name: str) -> bool:
    """The engine may lose its connection to Redis, and then reads the stream from its beginning."""
    return name in ("flush", "engine frozen") or FAULTS[name][0] == "Redis"


def inject(world: World, fault: Fault) -> None:
    function = _flush if fault.name == "flush" else FAULTS[fault.name][2]
    world.history.note(f"fault {fault.name}", "begins", seconds=fault.seconds)
    try:
        function(world, fault.seconds)
    finally:
        world.history.note(f"fault {fault.name}", "ends")


def run_lane(world: World, faults: list[Fault], failed: list[BaseException]) -> None:
    started = time.monotonic()
    try:
        for fault in faults:
            time.sleep(max(0.0, started + fault.at_s - time.monotonic()))
            inject(world, fault)
    except BaseException as error:  # noqa: BLE001 - told by the main thread
        failed.append(error)


def start_lanes(world: World, lanes: list[list[Fault]], failed: list[BaseException]) -> list[threading.Thread]:
    threads = [threading.Thread(target=run_lane, args=(world, lane, failed), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    return threads


# The engine.


def _kill_engine(world: World, seconds: float) -> None:
    world.kill_engine()
    time.sleep(seconds / 4)
    world.start_engine()


def _stop_engine(world: World, seconds: float) -> None:
    world.stop_engine()
    time.sleep(seconds / 4)
    world.start_engine()


def _freeze_engine(world: World, seconds: float) -> None:
    process = world.engine.process
    assert process
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


# The database.


def _kill_database(world: World, seconds: float) -> None:
    assert world.target.server
    world.target.server.kill()
    time.sleep(seconds)
    world.target.server.start()


def _freeze_database(world: World, seconds: float) -> None:
    assert world.target.server
    os.killpg(world.target.server.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.killpg(world.target.server.pid, signal.SIGCONT)


def _end_sessions(world: World, seconds: float) -> None:
    if world.target.kind == "Postgres":
        world.target.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return
    for (session,) in world.target.query("SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user = 'wb'"):
        with suppress(Exception):  # it went by itself
            world.target.query(f"KILL {session}")


LOCKS = {
    "SQLite": "BEGIN IMMEDIATE",
    "Postgres": f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE",
    "MySql": f"LOCK TABLES {TABLE} WRITE, log WRITE",
}


def _lock_table(world: World, seconds: float) -> None:
    with closing(world.target.connect()) as link:
        link.cursor().execute(LOCKS[world.target.kind])
        time.sleep(seconds)


def _lock_rows(world: World, seconds: float) -> None:
    """As another client's long transaction would; a deadlock may end this one."""
    with closing(world.target.connect()) as link:
        cursor: Any = link.cursor()
        with suppress(psycopg2.OperationalError, pymysql.OperationalError):
            cursor.execute(f"SELECT id FROM {TABLE} FOR UPDATE")
            cursor.fetchall()
        time.sleep(seconds)


def _add_column(world: World, seconds: float) -> None:
    world.target.query(f"ALTER TABLE {TABLE} ADD COLUMN more_{time.monotonic_ns()} INTEGER")


def _lose(world: World, proxy: Proxy | None, mark: bytes, loss: Loss, seconds: float) -> None:
    assert proxy
    proxy.lose(mark, loss)
    proxy.lost.wait(seconds)
    proxy.forget()


def _lose_and_kill_engine(world: World, seconds: float) -> None:
    """What is committed is neither settled nor known to anybody."""
    _lose(world, world.target.proxy or world.link, MARK if world.target.proxy else b"WB.SETTLE", Loss.ANSWER, seconds)
    _kill_engine(world, seconds)


def _lose_and_kill_database(world: World, seconds: float) -> None:
    """Whether it was committed is to be found out once the database is back."""
    assert world.target.proxy
    world.target.proxy.lose(MARK, Loss.ANSWER, hold=True)
    world.target.proxy.lost.wait(seconds)
    world.target.proxy.forget()
    _kill_database(world, seconds)
    world.target.proxy.release()


def _lose_from_database(mark: bytes, loss: Loss) -> Callable[[World, float], None]:
    return lambda world, seconds: _lose(world, world.target.proxy, mark, loss, seconds)


def _slow_database(world: World, seconds: float) -> None:
    assert world.target.proxy
    _slow(world.target.proxy, seconds)


def _slow(proxy: Proxy, seconds: float) -> None:
    proxy.delay_s = 0.02
    time.sleep(seconds)
    proxy.delay_s = 0.0


# Redis, and the way to it.


def _kill_redis(world: World, seconds: float) -> None:
    world.server.kill()
    time.sleep(seconds / 4)
    world.server.start()


def _kill_clients(world: World, seconds: float) -> None:
    with suppress(redis.ConnectionError):
        world.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def _sleep_redis(world: World, seconds: float) -> None:
    with suppress(redis.ConnectionError):
        world.redis.execute_command("DEBUG", "SLEEP", str(round(seconds / 2, 2)))


def _cut_redis(world: World, seconds: float) -> None:
    world.link.hold()
    world.link.cut()
    time.sleep(seconds)
    world.link.release()


def _lose_from_redis(mark: bytes, loss: Loss) -> Callable[[World, float], None]:
    return lambda world, seconds: _lose(world, world.link, mark, loss, seconds)


def _lose_and_kill_redis(world: World, seconds: float) -> None:
    _lose(world, world.link, b"WB.SETTLE", Loss.SILENCE, seconds)
    _kill_redis(world, seconds)


def _slow_redis(world: World, seconds: float) -> None:
    _slow(world.link, seconds)


def _flush(world: World, seconds: float) -> None:
    world.flush()


Function = Callable[[World, float], None]

FAULTS: dict[str, tuple[str, tuple[str, ...], Function]] = {
    name: (lane, kinds, function)
    for lane, rows in {
        "engine and database": (
            ("engine killed", ALL, _kill_engine),
            ("engine stopped", ALL, _stop_engine),
            ("engine frozen", ALL, _freeze_engine),
            ("database killed", SERVERS, _kill_database),
            ("database frozen", SERVERS, _freeze_database),
            ("sessions ended", SERVERS, _end_sessions),
            ("table locked", ALL, _lock_table),
            ("rows locked", SERVERS, _lock_rows),
            ("column added", ALL, _add_column),
            ("rows lost before the database", SERVERS, _lose_from_database(MARK, Loss.REQUEST)),
            ("answer to rows lost", SERVERS, _lose_from_database(MARK, Loss.ANSWER)),
            ("COMMIT lost before the database", SERVERS, _lose_from_database(b"COMMIT", Loss.REQUEST)),
            ("answer to COMMIT lost", SERVERS, _lose_from_database(b"COMMIT", Loss.ANSWER)),
            ("answer lost and engine killed", ALL, _lose_and_kill_engine),
            ("answer to rows lost and database killed", SERVERS, _lose_and_kill_database),
            ("slow way to the database", SERVERS, _slow_database),
        ),
        "Redis": (
            ("Redis killed", ALL, _kill_redis),
            ("clients killed", ALL, _kill_clients),
            ("Redis asleep", ALL, _sleep_redis),
            ("way to Redis cut", ALL, _cut_redis),
            ("settling lost before Redis", ALL, _lose_from_redis(b"WB.SETTLE", Loss.REQUEST)),
            ("answer to settling lost", ALL, _lose_from_redis(b"WB.SETTLE", Loss.ANSWER)),
            ("answer to rejecting lost", ALL, _lose_from_redis(b"WB.REJECT", Loss.ANSWER)),
            ("answer to reading lost", ALL, _lose_from_redis(b"WB.READ", Loss.ANSWER)),
            ("settling under way and Redis killed", ALL, _lose_and_kill_redis),
            ("slow way to Redis", ALL, _slow_redis),
        ),
    }.items()
    for name, kinds, function in rows
}


def heal(world: World) -> None:
    """Whatever a lane that failed has left broken; a fault mends itself."""
    world.link.release()
    if world.target.server:
        world.target.server.start()
    world.server.start()
    wait_until(world.redis.ping, 60, "an answer of Redis")
