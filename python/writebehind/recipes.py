"""The recipe classes: RGWriteBehind and its kin, thin over Pipeline.

Their names, parameters and defaults are those that recipes for RedisGears are written with, so that such a recipe runs as it is.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NoReturn, TypedDict, Unpack, get_overloads, overload

from writebehind.errors import NotBuiltError
from writebehind.gears import GearsBuilder, current_builder
from writebehind.key_columns import KeyItem
from writebehind.pipeline import Connector, Pipeline


class _Added(TypedDict, total=False):
    """The keywords behind rgsync's own; their defaults are those of Pipeline."""

    keys: Sequence[KeyItem] | None
    missing: Literal["null", "keep"]
    expired: Literal["keep", "delete"]
    writers: int
    max_batch: int
    max_pending: int
    when_full: Literal["warn", "reject"]
    constraint_grace: float
    error_handling: Literal["dlq", "ignore", "stop"]
    wait_replicas: int
    wait_aof: bool


class _Options(_Added, total=False):
    """All keywords behind `version`."""

    onFailedRetryInterval: float
    batch: int
    duration: int
    transform: Callable[[Any], Any] | None
    eventTypes: Sequence[str] | None


class RGWriteBehind:
    """Declares a write-behind pipeline: every change of the hashes `<keysPrefix>:*` goes to the connector's table.

    Args:
        GB: the builder that runs it; may be left out, then it is the current one.
        keysPrefix: of the keys; what follows `<keysPrefix>:` is the primary key.
        mappings: hash field to column; fields that begin with `_` are skipped.
        connector: the table.
        name: of the pipeline; where GB is left out its default is the prefix.
        version: ``x.y.z``; a higher one replaces a lower one, "99.99.99" any. None (the default): without.
        onFailedRetryInterval: the longest wait between two tries, in seconds. Default 5.
        batch: rows that end a busy writer's wait for more. Default 100.
        duration: the time that ends it, in milliseconds. Default 100.
        transform: a callable on each upsert before it is mapped; see `Pipeline`.
        eventTypes: names of the events to capture; None (the default): every event that changes a value.
        keys, missing, expired, writers, max_batch, max_pending, when_full, constraint_grace, error_handling, wait_replicas, wait_aof: as
            for `Pipeline`.

    Raises:
        ConfigError: a value is wrong; the message names it.
        NotBuiltError: an option that this version can't serve.
    """

    pipeline: Pipeline

    @overload
    def __init__(
        self,
        GB: Any,
        keysPrefix: str,
        mappings: Mapping[str, str],
        connector: Connector,
        name: str,
        version: str | None = None,
        onFailedRetryInterval: float = 5,
        batch: int = 100,
        duration: int = 100,
        transform: Callable[[Any], Any] | None = None,
        eventTypes: Sequence[str] | None = None,
        **added: Unpack[_Added],
    ) -> None: ...

    @overload
    def __init__(
        self,
        keysPrefix: str,
        mappings: Mapping[str, str],
        connector: Connector,
        name: str | None = None,
        version: str | None = None,
        **options: Unpack[_Options],
    ) -> None: ...

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        builder, given = _bind(args, kwargs)
        prefix = given.pop("keysPrefix")
        self.pipeline = Pipeline(
            name=given.pop("name", None) or prefix,
            prefix=prefix,
            mapping=given.pop("mappings"),
            source=_caller(),
            **{_PIPELINE_NAMES.get(option, option): value for option, value in given.items()},
        )
        self.name = self.pipeline.name
        self.connector = self.pipeline.connector
        self.mappings = self.pipeline.mapping
        builder.add(self.pipeline)


# What recipes call otherwise than Pipeline does.
_PIPELINE_NAMES = {"onFailedRetryInterval": "retry_interval_s", "duration": "duration_ms", "eventTypes": "events"}


class RGWriteThrough:
    """Declares write-through, which is not served by this version.

    In a script under `writebehind run` it is left out with a warning, so that the write-behind pipelines beside it run.

    Raises:
        NotBuiltError: anywhere else.
    """

    def __init__(self, GB: Any, keysPrefix: Any, mappings: Any, connector: Any, name: Any, version: str | None = None) -> None:
        error = NotBuiltError(
            f"pipeline '{name}': RGWriteThrough is not served by this version: what is written to keys '{keysPrefix}…' reaches no table",
            "RGWriteBehind is served; see the README",
        )
        _builder(GB).leave_out(error, _caller())


class RGJSONWriteBehind:
    """Declares write-behind of JSON documents; raises NotBuiltError: it is not served by this version."""

    def __init__(
        self,
        GB: Any,
        keysPrefix: Any,
        connector: Any,
        name: Any,
        version: str | None = None,
        onFailedRetryInterval: float = 5,
        batch: int = 100,
        duration: int = 100,
        eventTypes: Sequence[str] | None = None,
        dataKey: str = "redisgears",
    ) -> None:
        _refuse(self, name)


class RGJSONWriteThrough:
    """Declares write-through of JSON documents; raises NotBuiltError: it is not served by this version."""

    def __init__(
        self,
        GB: Any,
        keysPrefix: Any,
        connector: Any,
        name: Any,
        version: str | None = None,
        dataKey: str = "redisgears",
    ) -> None:
        _refuse(self, name)


def _refuse(recipe: object, name: object) -> NoReturn:
    raise NotBuiltError(f"pipeline '{name}': {type(recipe).__name__} is not served by this version; RGWriteBehind is", "see the README")


def _signature() -> inspect.Signature:
    # The overloads are the one place where the parameters stand; typing keeps them for us.
    _, *own, _ = inspect.signature(get_overloads(RGWriteBehind.__init__)[0]).parameters.values()
    options = inspect.signature(Pipeline).parameters
    return inspect.Signature([*own, *(options[name] for name in _Added.__annotations__)])


_SIGNATURE = _signature()
RGWriteBehind.__signature__ = _SIGNATURE  # type: ignore[attr-defined]


def _bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[GearsBuilder, dict[str, Any]]:
    """Finds out whether GB was given, and names all arguments."""
    if "GB" not in kwargs and (not args or isinstance(args[0], str)):
        args = (None, *args)
        kwargs = {"name": None, **kwargs} if len(args) < 5 else kwargs
    try:
        given = dict(_SIGNATURE.bind(*args, **kwargs).arguments)
    except TypeError as error:
        raise TypeError(f"RGWriteBehind: {error}") from None
    return _builder(given.pop("GB")), given


def _builder(given: object) -> GearsBuilder:
    return given if isinstance(given, GearsBuilder) else current_builder()


def _caller() -> str:
    # The frame of the recipe: the first outside this package.
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None and sys.argv else ""
