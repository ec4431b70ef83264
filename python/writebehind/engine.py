"""The engine: registers pipelines in Redis and runs their cores.

    with Engine("redis://127.0.0.1:6379") as engine:
        engine.add(Pipeline(name="persons", prefix="person", mapping={"age": "age"}, connector=connector))
        ...

The data path is in the C++ core, in threads of its own; this only starts and stops it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from writebehind import registry
from writebehind.errors import ConfigError, PipelineHalted, TargetUnavailable, WritebehindError
from writebehind.log import Log
from writebehind.redis_url import RedisAddress, address_of
from writebehind.server import redis_errors, require_aof, require_usable

if TYPE_CHECKING:
    from redis import Redis

    from writebehind._core import Pipeline as Core
    from writebehind.pipeline import Pipeline

LEASE_MS = 8000
"""How long another engine on a pipeline waits for one that is silent; the environment's WRITEBEHIND_LEASE_MS, for tests, says otherwise."""

STOP_S = 4.0
"""How long a stop waits for batches under way, in seconds."""


@dataclass
class _Running:
    pipeline: Pipeline
    core: Core
    registered: registry.Registered
    is_started: bool = False


class Engine:
    """Runs pipelines of one Redis server until it is stopped.

    Args:
        redis: URL of the server; None (the default): WRITEBEHIND_REDIS, or else redis://127.0.0.1:6379/0.
        pipelines: to add at once. Default none.
        once: end each pipeline when what waited at its start is written. Default False.
        log: where warnings go; None (the default): as text to stderr, from "warning" on.

    Raises:
        ConfigError: the URL is wrong.
    """

    def __init__(
        self,
        redis: str | RedisAddress | None = None,
        pipelines: Iterable[Pipeline] = (),
        *,
        once: bool = False,
        log: Log | None = None,
    ) -> None:
        self.address = address_of(redis)
        self.once = once
        self._log = log or Log("warning")
        self._given = list(pipelines)
        self._running: dict[str, _Running] = {}
        self._client: Redis | None = None
        self._is_started = False
        self._lock = threading.RLock()

    def connect(self) -> None:
        """Connects to Redis and checks that it can be used; a second call does nothing.

        Raises:
            ConfigError: a wrong password, a cluster, too old, or without the module.
            RedisUnavailable: not reachable.
        """
        with self._lock:
            if self._client is not None:
                return
            client = self.address.client()
            try:
                for warning in require_usable(client, self.address):
                    self._log.warning(warning)
            except BaseException:
                client.close()
                raise
            self._client = client

    def disconnect(self) -> None:
        """Gives up the control connection, so that `connect` makes a new one; the cores have their own."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def add(self, *pipelines: Pipeline) -> list[registry.Registered]:
        """Checks pipelines against their tables, registers them, and starts them if the engine runs.

        All are checked before the first is registered.

        Returns:
            For each, whether its definition was registered, replaced another, or was there already.

        Raises:
            ConfigError: a table, a column or a login is wrong; nothing was registered.
            VersionError: another definition is there that this one may not replace.
            RedisUnavailable: Redis can't be reached.
        """
        with self._lock:
            self.connect()
            assert self._client is not None
            cores = []
            for pipeline in pipelines:
                if pipeline.name in self._running:
                    raise ConfigError(f"pipeline '{pipeline.name}' is added twice", "give each its own name")
                if pipeline.wait_aof:
                    require_aof(self._client, self.address, pipeline.name)
                cores.append(self._checked(pipeline))
            with redis_errors(self.address):
                for pipeline in pipelines:
                    registry.check(self._client, pipeline)
                    registry.check_writers(self._client, pipeline)
                registered = [registry.register(self._client, pipeline) for pipeline in pipelines]
            for pipeline, core, one in zip(pipelines, cores, registered, strict=True):
                running = _Running(pipeline, core, one)
                self._running[pipeline.name] = running
                if self._is_started:
                    self._start_one(running)
            return registered

    def core(self, pipeline: Pipeline) -> Core:
        """The core of a pipeline, not started."""
        from writebehind import _core

        return _core.Pipeline(self.config(pipeline))

    def config(self, pipeline: Pipeline) -> dict[str, Any]:
        """The mapping that the core's classes take."""
        return {
            "name": pipeline.name,
            "definition": self.registration_text(pipeline),
            "redis": self.address.core(),
            "sink": self._sink_options(pipeline),
            "options": {**pipeline.core_options(once=self.once), "lease_ms": int(os.environ.get("WRITEBEHIND_LEASE_MS", LEASE_MS))},
            "credentials": pipeline.connector.credentials(),
            "transform": pipeline.transform,
        }

    def _sink_options(self, pipeline: Pipeline) -> dict[str, Any]:
        options = pipeline.connector.sink_options()
        return {**options, **self.address.sink()} if getattr(pipeline.connector, "is_same_server", False) else options

    @staticmethod
    def registration_text(pipeline: Pipeline) -> str:
        """What `WB.REGISTER` is given: the definition and the limit of what may wait."""
        from writebehind.definition import to_json

        return to_json({**pipeline.definition(), **pipeline.limit()})

    @staticmethod
    def definition_text(pipeline: Pipeline) -> str:
        """The canonical JSON text of a pipeline's definition."""
        from writebehind.definition import to_json

        return to_json(pipeline.definition())

    def start(self) -> Self:
        """Adds the pipelines given at construction, and starts all; returns at once."""
        with self._lock:
            self.connect()
            given, self._given = self._given, []
            self.add(*given)
            self._is_started = True
            for running in self._running.values():
                self._start_one(running)
        return self

    def wait(self, timeout_s: float) -> bool:
        """Waits until every pipeline has ended by itself: drained with `once`, halted, or unregistered.

        Args:
            timeout_s: the longest wait, in seconds; 0: only look.

        Returns:
            True: all have ended.
        """
        deadline = time.monotonic() + timeout_s
        for running in list(self._running.values()):
            left_ms = max(0, round((deadline - time.monotonic()) * 1000))
            if not running.core.wait(left_ms):
                return False
        return True

    def raise_if_halted(self) -> None:
        """Raises PipelineHalted if a pipeline ended at a change that its target refuses (error_handling: stop)."""
        for name, status in self.status().items():
            if status["state"] == "halted":
                raise PipelineHalted(
                    f"pipeline '{name}' halted: {status['message']}",
                    f"writebehind rejected list {name} shows the change",
                )

    def waiting(self) -> int:
        """How many changes of these pipelines wait in Redis."""
        assert self._client is not None, "not connected"
        with redis_errors(self.address):
            return sum(int(str(self._client.xlen(registry.key(name, "stream")))) for name in list(self._running))

    def drain(self, timeout_s: float = 30.0) -> bool:
        """Waits until no change of these pipelines waits in Redis; False: not within `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        pause = 0.001
        while self.waiting():
            if time.monotonic() >= deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return True

    def status(self) -> dict[str, dict[str, Any]]:
        """By pipeline: state, message and the counters since the start."""
        return {name: running.core.status() for name, running in list(self._running.items())}

    def cores(self) -> dict[str, Core]:
        """By pipeline: its core; good for its status, also after a stop."""
        return {name: running.core for name, running in list(self._running.items())}

    def registered(self) -> dict[str, registry.Registered]:
        """By pipeline: what became of its registration."""
        return {name: running.registered for name, running in list(self._running.items())}

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Ends all pipelines at the same time; what is not committed stays in Redis.

        Args:
            timeout_s: the longest wait for batches under way, in seconds. Default 4.

        Returns:
            False: a driver call still hangs.
        """
        with self._lock:
            self._is_started = False
            running = [one for one in self._running.values() if one.is_started]
            self._running = {}
        ended: list[bool] = []

        def end(core: Core) -> None:
            ended.append(core.stop(round(timeout_s * 1000)))

        # A thread each, so that one hanging driver does not use up the time of the others.
        threads = [threading.Thread(target=end, args=(one.core,), daemon=True) for one in running]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + timeout_s + 0.5
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.disconnect()
        return len(ended) == len(running) and all(ended)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _checked(self, pipeline: Pipeline) -> Core:
        core = None
        try:
            core = self.core(pipeline)
            for warning in core.check(self.definition_text(pipeline)):
                self._log.warning(warning, pipeline.name)
        except WritebehindError as error:
            if core is None or not isinstance(error, TargetUnavailable):
                raise located(pipeline, error) from None
            self._log.warning(f"{error}; changes wait in Redis until it is back", pipeline.name)
        return core

    def _start_one(self, running: _Running) -> None:
        if not running.is_started:
            running.core.start()
            running.is_started = True


def located(pipeline: Pipeline, error: WritebehindError) -> WritebehindError:
    """The error with the pipeline's name, and where it was declared, in front."""
    text = str(error)
    named = text if f"'{pipeline.name}'" in text else f"pipeline '{pipeline.name}': {text}"
    return type(error)(f"{pipeline.source}: {named}" if pipeline.source else named, error.hint)
