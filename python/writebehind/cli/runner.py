"""Runs pipelines until a signal, the end of `--once`, or a halt.

The main thread only waits: signals reach it at once, whatever a driver call or a connect in the working thread is doing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from writebehind.cli.progress import Progress
from writebehind.engine import Engine
from writebehind.errors import RedisUnavailable, WritebehindError

if TYPE_CHECKING:
    from writebehind.log import Log
    from writebehind.pipeline import Pipeline
    from writebehind.redis_url import RedisAddress

STOP_S = 4.0
EXIT_S = 4.6  # from the signal to our end, also where a driver call hangs
EXIT_BEFORE_START_S = 0.5  # nothing is under way yet: only a connect or a check of the target
_COUNTERS = ("written", "coalesced", "filtered", "rejected", "skipped")


class Interrupted(BaseException):
    """A signal came while a script was running; no `except Exception` of the script may stop it."""


class Runner:
    """One run of the command line.

    Args:
        address: of Redis.
        log: for the lines on stderr.
        once: end when what waited at the start is written.
    """

    def __init__(self, address: RedisAddress, log: Log, *, once: bool) -> None:
        self.address = address
        self.log = log
        self.once = once
        self._stop = threading.Event()
        self._is_signalled = False  # no Event: its lock may be held by the very thread that the handler interrupts
        self._is_working = False
        self._is_clean = True  # no call of a driver hangs
        self._is_serving = False  # cores run, and may have batches under way
        self._error: Exception | None = None

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the run; before `run` they raise Interrupted."""

        def handle(number: int, frame: FrameType | None) -> None:
            if not self._is_working:
                raise Interrupted
            self._is_signalled = True

        before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self, pipelines: list[Pipeline]) -> int:
        """Runs the pipelines.

        Returns:
            The exit status.

        Raises:
            WritebehindError: what ended the run.
        """
        from writebehind import _core

        _core.set_logging(self.log.level, self.log.as_json)
        worker = threading.Thread(target=self._work, args=(pipelines,), name="run", daemon=True)
        self._is_working = True
        worker.start()
        while worker.is_alive() and not self._is_signalled:
            # Not for ever: a signal that comes just before the wait begins is heard when Python runs the next time, and nothing wakes it.
            worker.join(0.1)
        if worker.is_alive():
            self._stop.set()
            worker.join(EXIT_S if self._is_serving else EXIT_BEFORE_START_S)
            if worker.is_alive():
                if self._is_serving:
                    self.log.warning("a call of a driver still hangs: ending without it; what is not committed stays in Redis")
                _leave(0)
        if not self._is_clean:
            # A normal end would wait for the call once more.
            if self._error is not None:
                self.log.failure(self._error)
            _leave(0 if self._stop.is_set() or self._error is None else 1)
        if self._error is not None and not self._stop.is_set():
            raise self._error
        return 0

    def _work(self, pipelines: list[Pipeline]) -> None:
        try:
            self._serve(pipelines)
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            self._error = error
        except BaseException as error:  # noqa: BLE001 - such as sys.exit in a recipe's callable: a thread ends at it without a word
            self._error = WritebehindError(f"code of a recipe ended the run: {type(error).__name__}: {error}".rstrip(": "))

    def _serve(self, pipelines: list[Pipeline]) -> None:
        started = time.monotonic()
        engine = Engine(self.address, once=self.once, log=self.log)
        totals: dict[str, dict[str, Any]] = {}
        try:
            if not self._start(engine, pipelines):
                return
            with Progress(engine, is_shown=self.once and not self.log.as_json and sys.stderr.isatty()) as progress:
                while not self._stop.is_set() and not engine.wait(0.1):
                    progress.update()
                    engine.raise_if_halted()
            engine.raise_if_halted()
        finally:
            cores = engine.cores()
            self._is_clean = engine.stop(STOP_S)
            totals = {name: core.status() for name, core in cores.items()}
            if totals:
                self._summary(totals, time.monotonic() - started)

    def _start(self, engine: Engine, pipelines: list[Pipeline]) -> bool:
        """Adds and starts the pipelines, as often as Redis must be tried; False: a signal came before that."""
        pause, told = 0.25, 0.0
        while not self._stop.is_set():
            try:
                for pipeline, registered in zip(pipelines, engine.add(*pipelines), strict=True):
                    self._told(pipeline, registered.action)
                if self._stop.is_set():
                    return False
                self._is_serving = True
                engine.start()
                return True
            except RedisUnavailable as error:
                engine.disconnect()
                if time.monotonic() - told > 30 or not told:
                    self.log.warning(f"{error}; trying again until it is there")
                    told = time.monotonic()
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)
        return False

    def _told(self, pipeline: Pipeline, action: str) -> None:
        connector = pipeline.connector
        table = f"{connector.schema}.{connector.table}" if connector.schema else connector.table
        version = f", version {pipeline.version}" if pipeline.version else ""
        writers = f", {pipeline.writers} writers" if pipeline.writers > 1 else ""
        once = ", exactly once" if connector.exactlyOnceTableName else ""
        self.log.info(f"{pipeline.pattern} -> {connector.kind} table {table} ({action}{version}{writers}{once})", pipeline.name)

    def _summary(self, totals: dict[str, dict[str, Any]], seconds: float) -> None:
        for name, status in totals.items():
            counts = ", ".join(f"{status[counter]} {counter}" for counter in _COUNTERS if status[counter] or counter == "written")
            end = "ended" if status["state"] != "halted" else "halted"
            self.log.info(f"{end} after {seconds:.1f} s: {counts}, in {status['batches']} batches", name)
        if not self._is_clean:
            self.log.warning("a call of a driver still hangs; what is not committed stays in Redis")


def _leave(status: int) -> None:
    # Not sys.exit: it would wait for the thread that hangs.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
