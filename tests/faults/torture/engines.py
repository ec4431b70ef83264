"""The engines of a run: each restarted, as by systemd, where it ends by itself; that is a violation, unless it had just been started."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import redis

from .history import History
from tests.faults.proxy import Proxy
from tests.faults.stack import Engine

YOUNG_S = 10.0
"""An engine may end by itself so long after its start, if something was away then."""


class Kept:
    """An engine, with a way to Redis of its own: one may be cut off while another is not.

    Args:
        recipe: file of its own, beside which its log comes.
        link: its way to Redis; closed with it.
        ended: gets what it said where it ended by itself.
    """

    def __init__(self, recipe: Path, link: Proxy, history: History, ended: list[str]) -> None:
        self.link, self.history = link, history
        self._engine = Engine(recipe, f"redis://127.0.0.1:{link.port}/0")
        self._ended = ended
        self._lock = threading.RLock()
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._started = 0.0
        self._name = recipe.stem
        threading.Thread(target=self._supervise, daemon=True).start()

    @property
    def pid(self) -> int | None:
        """None: it does not run."""
        process = self._engine.process
        return process.pid if process and process.poll() is None else None

    @property
    def log(self) -> str:
        return self._engine.log

    def start(self) -> None:
        with self._lock:
            if self.pid is None:
                self._started = time.monotonic()
                self._engine.start()
                self._wanted.set()

    def kill(self) -> None:
        with self._lock:
            self._wanted.clear()
            self._engine.kill()

    def stop(self) -> None:
        with self._lock:
            self._wanted.clear()
            status = self._engine.terminate(15)
            is_young = time.monotonic() - self._started < YOUNG_S
            if status and not (is_young and status == -signal.SIGTERM):  # Python's own start knows of no handler yet
                self._ended.append(f"{self._name} was told to stop and ended with status {status}: {self.log[-1000:]}")

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        self._closing.set()
        self.kill()
        self.link.close()

    def _signal(self, number: int) -> None:
        with self._lock:
            if self.pid is not None and self._engine.process:
                self._engine.process.send_signal(number)

    def _supervise(self) -> None:
        while not self._closing.wait(0.1):
            with self._lock:
                if not self._wanted.is_set() or self._closing.is_set() or self.pid is not None or self._engine.process is None:
                    continue
                status = self._engine.process.poll()
                self.history.note(self._name, "ended by itself", status=status)
                if time.monotonic() - self._started > YOUNG_S:
                    self._ended.append(f"{self._name} ended by itself with status {status}: {self.log[-1000:]}")
                self.start()


def leader(engines: list[Kept], client: redis.Redis, key: str) -> Kept | None:
    """The one that works, by what it says of itself in `key`; None: none of them.

    Raises:
        redis.RedisError: Redis is away.
    """
    pid = client.hget(key, "pid")
    return next((one for one in engines if one.pid is not None and str(one.pid) == pid), None)
