"""`writebehind pause` and `writebehind resume`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from writebehind.cli.options import redis_option, usable_server
from writebehind.errors import WritebehindError

if TYPE_CHECKING:
    from redis import Redis


ALIVE_S = 5  # an engine that gave a sign since then will see the pause


@click.command()
@click.argument("pipeline")
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, help="For the batch under way, in seconds.")
@redis_option
def pause(pipeline: str, timeout: float, redis_url: str) -> None:
    """Pauses writing of PIPELINE; changes go on being captured, and wait in Redis.

    Returns when the engine writes no more: what it had begun is committed.
    """
    from writebehind import registry
    from writebehind.server import write_though_full

    with usable_server(redis_url) as client:
        registry.find_pipeline(client, pipeline)
        write_though_full(client, "HSET", registry.key(pipeline, "control"), "paused", "1")
        _wait(client, pipeline, timeout, is_paused=True)
    click.echo(f"{pipeline}: paused; changes wait until: writebehind resume {pipeline}", err=True)


def _wait(client: Redis, pipeline: str, timeout_s: float, *, is_paused: bool) -> None:
    """Waits for the engine's word, if one runs."""
    from writebehind.overview import read_pipeline

    deadline = time.monotonic() + timeout_s
    while True:
        overview = read_pipeline(client, pipeline)
        state = overview.engine.get("state")
        if (state == "paused") is is_paused or state in ("stopped", "halted"):
            return
        if overview.seconds_since_seen is None or overview.seconds_since_seen > ALIVE_S:
            return
        if time.monotonic() > deadline:
            wrong = "still writes; it pauses once its batch is written or given up" if is_paused else "has not resumed"
            raise WritebehindError(f"pipeline '{pipeline}': after {timeout_s:g} s the engine {wrong}", "writebehind status says when")
        time.sleep(0.05)


@click.command()
@click.argument("pipeline")
@redis_option
def resume(pipeline: str, redis_url: str) -> None:
    """Ends a pause of PIPELINE."""
    from writebehind import registry

    with usable_server(redis_url) as client:
        state = registry.find_pipeline(client, pipeline)
        was_paused = client.hdel(registry.key(pipeline, "control"), "paused")
        if was_paused:
            # Else a pause that follows at once could take the word of this one for its own.
            _wait(client, pipeline, 30, is_paused=False)
    click.echo(f"{pipeline}: {'resumed' if was_paused else 'was not paused'}; {state.waiting} changes wait", err=True)
