"""More than one engine of a recipe: who works, who stands by, and who is frozen."""

from __future__ import annotations

import shutil
import signal
import socket

from .stack import Engine, Stack
from writebehind.overview import read_pipeline
from writebehind.testing import wait_until

ENGINE = "writebehind:{persons}:engine"


def another(run: Stack, name: str = "second") -> Engine:
    """One more engine of the same recipe, with a log of its own."""
    recipe = run.engine.recipe.with_name(f"{name}.py")
    shutil.copy(run.engine.recipe, recipe)
    return Engine(recipe, run.engine.redis_url)


def stand_by(run: Stack, engine: Engine) -> Engine:
    """Starts an engine that finds another at work, or waits until it does."""
    if engine.process is None or engine.process.poll() is not None:
        engine.start()
    told = engine.log.count("standing by")
    wait_until(
        lambda: engine.log.count("standing by") > told or name(engine) in read_pipeline(run.redis, "persons").standbys, 30, "the standby"
    )
    return engine


def name(engine: Engine) -> str:
    assert engine.process
    return f"{socket.gethostname()}:{engine.process.pid}"


def works(run: Stack, engine: Engine, seconds: float) -> None:
    assert engine.process
    try:
        wait_until(lambda: run.redis.hget(ENGINE, "pid") == str(engine.process.pid), seconds, "the takeover")  # type: ignore[union-attr]
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{engine.log[-3000:]}") from error


def freeze(engine: Engine) -> None:
    assert engine.process
    engine.process.send_signal(signal.SIGSTOP)


def wake(engine: Engine) -> None:
    assert engine.process
    engine.process.send_signal(signal.SIGCONT)
