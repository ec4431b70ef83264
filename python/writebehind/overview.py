"""What `status` shows: each pipeline with its engine, checkpoints and warnings, read from Redis."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from writebehind import registry
from writebehind.server import eviction_warnings

if TYPE_CHECKING:
    from redis import Redis

SILENT_AFTER_S = 60
STANDBY_MS = 5000  # a standby asks for its turn more often than that
_NUMBERS = ("written", "coalesced", "filtered", "rejected", "skipped", "batches", "retries", "bytes", "lag_ms", "started_ms", "seen_ms")


@dataclass(frozen=True)
class PipelineOverview:
    """One pipeline.

    Args:
        name: of it.
        version: of its definition; "": none.
        active: False: it captures no more.
        stream: key of its change stream.
        captured: changes, since Redis started.
        waiting: changes in the stream.
        rejected: changes that are listed as rejected now.
        flushed: changes that a flush of Redis discarded.
        replaced: how often the stream was evicted, deleted or overwritten.
        max_pending: the most changes that may wait; 0: no limit.
        when_full: "warn" or "reject", at that limit.
        refused: commands of clients that were refused for it, since Redis started.
        paused: by an operator.
        lag_ms: age of the oldest change that waits, in ms, as the engine last said.
        per_second: rows written per second since the engine started.
        seconds_since_seen: since an engine last gave a sign; None: never.
        engine: that of the one that works (docs/protocol.md), numbers as numbers.
        standbys: engines that would take over from it, `<host>:<pid>`, sorted.
        checkpoints: last stream ID committed, by `<output>/<identity>/<writer>of<writers>`.
        warnings: what needs a person, one sentence each.
    """

    name: str
    version: str
    active: bool
    stream: str
    captured: int
    waiting: int
    rejected: int
    flushed: int
    replaced: int
    max_pending: int
    when_full: str
    refused: int
    paused: bool
    lag_ms: int
    per_second: float
    seconds_since_seen: float | None
    engine: dict[str, Any] = field(default_factory=dict)
    standbys: list[str] = field(default_factory=list)
    checkpoints: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def state(self) -> str:
        """In a word: "unregistered", "paused", "no engine", or what the engine says of itself."""
        if not self.active:
            return "unregistered"
        if self.paused:
            return "paused"
        if self.seconds_since_seen is None or self.seconds_since_seen > SILENT_AFTER_S:
            return "no engine"
        return str(self.engine.get("state", "running"))


def read_overview(client: Redis) -> list[PipelineOverview]:
    """All pipelines of the server's database, sorted by name."""
    now_ms = _now_ms(client)
    overviews = [_overview(client, state, now_ms) for state in registry.list_pipelines(client)]
    if overviews:
        memory: dict[str, Any] = client.info("memory")
        for overview in overviews:
            overview.warnings.extend(eviction_warnings(str(memory.get("maxmemory_policy", ""))))
    return overviews


def read_pipeline(client: Redis, name: str) -> PipelineOverview:
    """That of one pipeline.

    Raises:
        ConfigError: no pipeline has this name.
    """
    return _overview(client, registry.find_pipeline(client, name), _now_ms(client))


def _now_ms(client: Redis) -> int:
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def _overview(client: Redis, state: registry.PipelineState, now_ms: int) -> PipelineOverview:
    with client.pipeline(transaction=False) as ask:
        ask.hgetall(registry.key(state.name, "engine"))
        ask.hgetall(registry.key(state.name, "checkpoint"))
        ask.hget(registry.key(state.name, "control"), "paused")
        ask.xlen(registry.key(state.name, "rejected"))
        ask.hgetall(registry.key(state.name, "standbys"))
        hash_, checkpoints, paused, rejected, standbys = ask.execute()
    engine: dict[str, Any] = {name: int(value) if name in _NUMBERS and value.isdecimal() else value for name, value in hash_.items()}
    seen_ms, started_ms = engine.get("seen_ms"), engine.get("started_ms")
    since = None if not isinstance(seen_ms, int) else max(0.0, (now_ms - seen_ms) / 1000)
    running_s = (seen_ms - started_ms) / 1000 if isinstance(seen_ms, int) and isinstance(started_ms, int) else 0.0
    overview = PipelineOverview(
        name=state.name,
        version=state.version,
        active=state.active,
        stream=state.stream,
        captured=state.captured,
        waiting=state.waiting,
        rejected=int(rejected),
        flushed=state.flushed,
        replaced=state.replaced,
        max_pending=state.max_pending,
        when_full=state.when_full,
        refused=state.refused,
        paused=paused == "1",
        lag_ms=int(engine.get("lag_ms") or 0),
        per_second=round(engine.get("written", 0) / running_s, 1) if running_s > 0 else 0.0,
        seconds_since_seen=since,
        engine=engine,
        standbys=sorted(name for name, asked_ms in standbys.items() if asked_ms.isdecimal() and now_ms - int(asked_ms) < STANDBY_MS),
        checkpoints=dict(checkpoints),
    )
    overview.warnings.extend(_warnings(overview))
    return overview


def _warnings(overview: PipelineOverview) -> list[str]:
    warnings = []
    since = overview.seconds_since_seen
    if since is None:
        warnings.append("no engine has run it yet: writebehind run RECIPE.py")
    elif since > SILENT_AFTER_S:
        warnings.append(f"no engine has been seen for {since:.0f} s")
    elif overview.engine.get("message"):
        warnings.append(f"{overview.engine.get('state', 'engine')}: {overview.engine['message']}")
    if since is not None and overview.engine.get("restored"):
        warnings.append(str(overview.engine["restored"]))
    if overview.paused:
        warnings.append(f"writing is paused; changes wait until: writebehind resume {overview.name}")
    if overview.max_pending and overview.waiting >= overview.max_pending:
        refuses = ": writes to its keys are refused until some are written" if overview.when_full == "reject" else ""
        warnings.append(f"{overview.waiting} changes wait, and max_pending is {overview.max_pending}{refuses}")
    if overview.rejected:
        warnings.append(f"{overview.rejected} changes were rejected: writebehind rejected list {overview.name}")
    if overview.flushed:
        warnings.append(f"{overview.flushed} changes that waited were discarded by a flush of Redis")
    if overview.replaced:
        warnings.append(
            f"the stream was evicted, deleted or overwritten {overview.replaced} times: what waited in it is lost to the target"
        )
    return warnings
