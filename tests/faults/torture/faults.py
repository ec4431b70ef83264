"""The faults, and which of them happen when: a function of the seed.

A fault does its harm, waits its seconds where it lasts, and mends what it broke. Those of one lane come one after the other, those of
different lanes at the same time. A new one is a function beside its like and a line in FAULTS.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import database_faults as database
from . import engine_faults as engine
from . import redis_faults as redis
from .world import Options, World
from tests.faults.proxy import Loss
from writebehind.testing import wait_until

Function = Callable[[World, float], None]

SERVERS = ("postgres", "mariadb")
ALL = ("sqlite", *SERVERS)

FAULTS: dict[str, tuple[str, tuple[str, ...], Function]] = {
    name: (lane, kinds, function)
    for lane, rows in {
        "engine and database": (
            ("engine killed", ALL, engine.kill),
            ("engine stopped", ALL, engine.stop),
            ("engine frozen", ALL, engine.freeze),
            ("database killed", SERVERS, database.kill),
            ("database frozen", SERVERS, database.freeze),
            ("sessions ended", SERVERS, database.end_sessions),
            ("password changed", SERVERS, database.change_password),
            ("table locked", ALL, database.lock_table),
            ("rows locked", SERVERS, database.lock_rows),
            ("rows locked in another order", SERVERS, database.deadlock),
            ("writing forbidden", SERVERS, database.forbid_writing),
            ("column added", ALL, database.add_column),
            ("column dropped", SERVERS, database.drop_column),
            ("column of another type", SERVERS, database.change_type),
            ("rows lost before the database", SERVERS, database.lost(database.MARK, Loss.REQUEST)),
            ("answer to rows lost", SERVERS, database.lost(database.MARK, Loss.ANSWER)),
            ("half an answer to rows lost", SERVERS, database.lost(database.MARK, Loss.HALF)),
            ("COMMIT lost before the database", SERVERS, database.lost(b"COMMIT", Loss.REQUEST)),
            ("answer to COMMIT lost", SERVERS, database.lost(b"COMMIT", Loss.ANSWER)),
            ("answer lost and engine killed", ALL, database.lose_and_kill_engine),
            ("answer to rows lost and database killed", SERVERS, database.lose_and_kill),
            ("slow way to the database", SERVERS, database.slow_way),
            ("engines killed", ALL, engine.kill_all),
            ("engine frozen until replaced", ALL, engine.freeze_until_replaced),
        ),
        "Redis": (
            ("Redis killed", ALL, redis.kill),
            ("clients killed", ALL, redis.kill_clients),
            ("Redis asleep", ALL, redis.sleep),
            ("Redis full", ALL, redis.fill),
            ("clock set back", ALL, redis.set_clock_back),
            ("way to Redis cut", ALL, redis.cut),
            ("settling lost before Redis", ALL, redis.lost(b"WB.SETTLE", Loss.REQUEST)),
            ("answer to settling lost", ALL, redis.lost(b"WB.SETTLE", Loss.ANSWER)),
            ("half an answer to settling lost", ALL, redis.lost(b"WB.SETTLE", Loss.HALF)),
            ("answer to rejecting lost", ALL, redis.lost(b"WB.REJECT", Loss.ANSWER)),
            ("answer to reading lost", ALL, redis.lost(b"WB.READ", Loss.ANSWER)),
            ("half an answer to reading lost", ALL, redis.lost(b"WB.READ", Loss.HALF)),
            ("settling under way and Redis killed", ALL, redis.lose_and_kill),
            ("slow way to Redis", ALL, redis.slow_way),
            ("flush", ALL, redis.flush),
        ),
    }.items()
    for name, kinds, function in rows
}

OF_TWO_ENGINES = ("engines killed", "engine frozen until replaced")
OF_OUR_DATABASE = ("database killed", "database frozen", "answer to rows lost and database killed")
"""They want its process."""


@dataclass(frozen=True)
class Fault:
    at_s: float
    name: str
    seconds: float


def is_possible(name: str, options: Options) -> bool:
    if (name in OF_TWO_ENGINES and options.engines == 1) or (name in OF_OUR_DATABASE and options.database_url):
        return False
    return options.database in FAULTS[name][1] and (name != "flush" or options.flush)


def plan(options: Options, round_: int) -> list[list[Fault]]:
    """The faults of a round, by lane."""
    chance = random.Random(f"{options.seed}/{round_}/faults")
    lanes: list[list[Fault]] = []
    for lane in ("engine and database", "Redis"):
        names = [name for name, (where, _, _) in FAULTS.items() if where == lane and is_possible(name, options)]
        times = sorted(chance.uniform(0.05, 0.9) * options.span_s for _ in range(chance.choice([0, 1, 1, 2, 2, 3])))
        lanes.append([Fault(round(at, 3), chance.choice(names), round(chance.uniform(0.1, 1) * options.longest_s, 3)) for at in times])
    return lanes


def reads_again(name: str) -> bool:
    """The engine may lose its connection to Redis, and then reads the stream from its beginning."""
    return FAULTS[name][0] == "Redis" or "frozen" in name


def inject(world: World, fault: Fault) -> None:
    world.history.note(f"fault {fault.name}", "begins", seconds=fault.seconds)
    try:
        FAULTS[fault.name][2](world, fault.seconds)
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


def heal(world: World) -> None:
    """Whatever a lane that failed has left broken; a fault mends itself."""
    for one in world.engines:
        one.link.release()
    if world.target.server and not world.options.database_url:
        world.target.server.start()
    world.server.start()
    wait_until(lambda: world.redis.config_set("maxmemory", 0), 60, "an answer of Redis")
