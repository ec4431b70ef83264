"""A run: rounds of clients and faults, each with a quiet point behind it where everything is compared."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from . import faults
from .checks import violations
from .choices import CLIENTS
from .clients import Client
from .history import History, read_options
from .look import Look
from .model import Model
from .world import Options, World

DRAIN_S = 180.0


class Torture:
    """Within `with World(…)`. `play` is one round, `check` what is wrong behind it; `settle` begins anew from there."""

    def __init__(self, world: World) -> None:
        self.world, self.options = world, world.options
        models = [Model(drops=self.options.drops, expired_deletes=self.options.expired_deletes) for _ in range(self.options.clients)]
        asks = world.row_of if self.options.exactly_once else None
        self.clients = [Client(number, world.server.port, model, world.history, asks) for number, model in enumerate(models)]
        self.look = Look(world, self.clients)
        world.flush = self.look.flush
        self.faults: dict[str, int] = {}

    def play(self, round_: int) -> list[str]:
        """Returns what went wrong meanwhile."""
        lanes = faults.plan(self.options, round_) if self.options.faults else []
        self.look.is_read_once = not any(faults.reads_again(one.name) for lane in lanes for one in lane)
        self.world.history.note("run", "round", number=round_, faults=[[(one.at_s, one.name) for one in lane] for lane in lanes])
        failed: list[BaseException] = []
        threads = [threading.Thread(target=self._client, args=(one, round_, failed), daemon=True) for one in self.clients]
        for thread in threads:
            thread.start()
        for thread in (*faults.start_lanes(self.world, lanes, failed), *threads):
            thread.join()
        for lane in lanes:
            for fault in lane:
                self.faults[fault.name] = self.faults.get(fault.name, 0) + 1
        faults.heal(self.world)
        return [f"{type(error).__name__}: {error}" for error in failed]

    def _client(self, client: Client, round_: int, failed: list[BaseException]) -> None:
        try:
            client.play(self.options.seed, round_, self.options.ops, self.options.span_s)
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failed.append(error)

    def check(self) -> list[str]:
        """Waits until the stream is empty; returns a sentence for each violation."""
        self.look.wait(DRAIN_S)
        self.world.history.flush()
        if waiting := self.world.waiting():  # all else follows from it
            return [*self.world.ended, f"the stream still holds {waiting} entries; the engine has said: {self.world.log}"]
        return [*self.world.ended, *violations(self.look.expected(), self.look.snapshot())]

    def settle(self) -> None:
        self.look.settle()

    def close(self) -> None:
        for client in self.clients:
            client.redis.close()

    def counts(self) -> str:
        done, lost, looked = (sum(getattr(one, name) for one in self.clients) for name in ("done", "lost", "looked"))
        total = self.look
        return (
            f"counters balanced in {total.balanced} rounds, {done} commands, {lost} lost replies, {total.captured} changes captured, {total.answered} answers, {total.rejected} rejected, "
            f"{looked} rows read behind their answer; faults: {', '.join(f'{name} {times}' for name, times in sorted(self.faults.items()))}"
        )


def seeded(options: Options) -> Options:
    """With the choices of a run that its seed makes."""
    chance = random.Random(f"{options.seed}/{options.database}")
    made = {
        "writers": chance.choice([1, 2, 3]) if options.database != "sqlite" else 1,
        "max_batch": chance.choice([100, 500, 5000]),
        "drops": chance.random() < 0.5,
        "expired_deletes": chance.random() < 0.5,
        "engines": chance.choice([1, 2]),
    }
    return Options(**{**options.as_dict(), **made})


def torture(options: Options, directory: Path, say: Callable[[str], None] = lambda line: None) -> list[str]:
    """Plays the rounds; stops at the first that shows violations, and returns them with what the history has of them."""
    history = History(directory / "history.jsonl", options.as_dict())
    say(f"seed {options.seed}, {options.database}, {options}\nhistory in {history.path}")
    started = time.monotonic()
    wrong: list[str] = []
    try:
        with World(options, directory, history) as world:
            run = Torture(world)
            try:
                round_ = 0
                while not wrong and (round_ < options.rounds or time.monotonic() - started < options.minutes * 60):
                    wrong = run.play(round_) + run.check()
                    history.note("run", "quiet", round=round_, violations=wrong)
                    if not wrong:
                        run.settle()
                    say(f"round {round_}, {time.monotonic() - started:.0f} s: {len(wrong)} violations; {run.counts()}")
                    round_ += 1
            finally:
                run.close()
    finally:
        history.close()
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long; a round that has begun is finished (default 1)")
    parser.add_argument("--seed", type=int, default=None, help="of the clients' choices and the faults (default: by chance)")
    parser.add_argument("--database", choices=faults.ALL, default="postgres")
    parser.add_argument("--redis-server", default=None, help="a program, as valkey-server; default redis-server")
    parser.add_argument(
        "--database-url", default=None, help="of a running MySQL or MariaDB: with --database mariadb; its tables are dropped"
    )
    parser.add_argument("--exactly-once", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--at-least-once", dest="exactly_once", action="store_false", help="the same as --no-exactly-once")
    parser.add_argument("--flush", action="store_true", help="FLUSHALL is a fault too")
    parser.add_argument(
        "--replay", type=Path, default=None, metavar="FILE", help="the history of a run: the same choices, faults and length"
    )
    parser.add_argument("--directory", type=Path, default=None, help="an empty one, for the history, the engine's log and SQLite's file")
    arguments = parser.parse_args()
    if arguments.replay:
        options = Options(**read_options(arguments.replay))
    else:
        seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 30)
        options = seeded(Options.from_arguments(arguments, seed=seed))
    assert options.clients <= CLIENTS
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="writebehind-torture-"))
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        parser.error(f"{directory} is not empty")
    wrong = torture(options, directory, lambda line: print(line, flush=True))
    for sentence in wrong:
        print(f"VIOLATION: {sentence}")
    print(f"seed {options.seed}: {len(wrong)} violations; {directory / 'history.jsonl'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
