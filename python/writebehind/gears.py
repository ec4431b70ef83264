"""GearsBuilder, the `GB` of recipes: it collects pipelines, and runs them where it is started.

In a notebook or program::

    with GearsBuilder("redis://127.0.0.1:6379") as GB:
        RGWriteBehind(GB, "person", {"first_name": "first"}, connector, "persons")
        ...                                   # the engine runs in the background

In a script under `writebehind run` there is a `GB` already, and the run starts what it collected.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from writebehind.engine import Engine
    from writebehind.errors import NotBuiltError
    from writebehind.pipeline import Pipeline
    from writebehind.redis_url import RedisAddress


class GearsBuilder:
    """Collects the pipelines of recipes; started, it runs each as soon as it is declared.

    Args:
        redis: URL of the Redis server (rediss:// for TLS); None (the default): WRITEBEHIND_REDIS, or else redis://127.0.0.1:6379/0.
    """

    def __init__(self, redis: str | RedisAddress | None = None) -> None:
        self.redis = redis
        self.pipelines: list[Pipeline] = []
        self.engine: Engine | None = None
        self._lock = threading.Lock()

    def add(self, pipeline: Pipeline) -> None:
        """Takes a pipeline up; where the builder is started, registers and starts it.

        Raises:
            ConfigError: a pipeline of this name is there already, or the target refuses this one.
        """
        from writebehind.errors import ConfigError

        with self._lock:
            for other in self.pipelines:
                if other.name == pipeline.name:
                    where = f", at {other.source}" if other.source else ""
                    raise ConfigError(f"pipeline '{pipeline.name}' is declared twice{where}", "give each its own name")
            if self.engine is not None:
                self.engine.add(pipeline)
            self.pipelines.append(pipeline)

    def leave_out(self, error: NotBuiltError, source: str) -> None:
        """What becomes of a declaration, at `source`, that this version can't serve: it raises `error`."""
        raise error

    def start(self) -> Self:
        """Runs the engine in the background, with what was collected so far and what comes later."""
        from writebehind.engine import Engine

        with self._lock:
            if self.engine is None:
                engine = Engine(self.redis)
                try:
                    engine.add(*self.pipelines)
                    engine.start()
                except BaseException:
                    engine.stop()
                    raise
                self.engine = engine
                _current.append(self)
        return self

    def drain(self, timeout_s: float = 30.0) -> bool:
        """Waits until every change that was captured is settled; False: not within `timeout_s` seconds."""
        return self.engine is None or self.engine.drain(timeout_s)

    def stop(self) -> None:
        """Ends the engine; what is not committed stays in Redis, for the next to write."""
        with self._lock:
            engine, self.engine = self.engine, None
            if self in _current:
                _current.remove(self)
            if engine is not None:
                engine.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __call__(self, reader: str = "", *args: Any, **kwargs: Any) -> Any:
        """Raises NotBuiltError: readers of RedisGears itself are not served."""
        from writebehind.errors import NotBuiltError

        raise NotBuiltError(f"GB('{reader}') is not served by this version; declare pipelines with RGWriteBehind")


class _ScriptBuilder(GearsBuilder):
    """The `GB` that is there without a `with`: `writebehind run` starts what it collects."""

    is_running = False  # set by `run`

    def __init__(self) -> None:
        super().__init__()
        self.left_out: list[tuple[NotBuiltError, str]] = []  # and where they are declared

    def leave_out(self, error: NotBuiltError, source: str) -> None:
        """Under `run` kept for its warning: what stands beside it in the script can be served."""
        if not self.is_running:
            raise error
        self.left_out.append((error, source))

    def add(self, pipeline: Pipeline) -> None:
        if not self.pipelines and not self.is_running:
            atexit.register(self._remind, os.getpid())
        super().add(pipeline)

    def _remind(self, pid: int) -> None:
        if self.pipelines and self.engine is None and not self.is_running and os.getpid() == pid:
            names = ", ".join(f"'{pipeline.name}'" for pipeline in self.pipelines)
            print(f"writebehind: nothing ran {names}; start the script with: writebehind run", file=sys.stderr)


GB = _ScriptBuilder()
"""The builder of scripts."""

_current: list[GearsBuilder] = []  # those that run, the latest last


def current_builder() -> GearsBuilder:
    """The builder of a recipe that names none: the one started last, or else `GB`."""
    return _current[-1] if _current else GB
