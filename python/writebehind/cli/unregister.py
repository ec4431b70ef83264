"""`writebehind unregister`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from writebehind.cli.options import redis_option, usable_server
from writebehind.errors import WritebehindError

if TYPE_CHECKING:
    from redis import Redis


@click.command(epilog="\b\nExample:\n  writebehind unregister persons --drain")
@click.argument("pipeline")
@click.option("--drain", is_flag=True, help="Wait until a running engine has written what waits, then remove the streams.")
@click.option("--drop", is_flag=True, help="Remove the streams at once: what waits, and what was rejected, is lost.")
@click.option("--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Of --drain, in seconds.")
@redis_option
def unregister(pipeline: str, drain: bool, drop: bool, timeout: float, redis_url: str) -> None:
    """Ends the capture of PIPELINE; what waits stays in Redis, and a running engine still writes it."""
    from writebehind import registry

    if drain and drop:
        raise click.UsageError("--drain waits for what --drop throws away: choose one")
    with usable_server(redis_url) as client:
        state = registry.find_pipeline(client, pipeline)
        client.execute_command("WB.UNREGISTER", pipeline, *(["DROP"] if drop else []))
        if drop:
            click.echo(f"{pipeline}: unregistered; {state.waiting} waiting changes dropped", err=True)
        elif drain:
            _drain(client, pipeline, timeout)
        else:
            click.echo(f"{pipeline}: unregistered; {state.waiting} changes still wait", err=True)


def _drain(client: Redis, pipeline: str, timeout_s: float) -> None:
    from writebehind import registry, rejects

    stream = registry.key(pipeline, "stream")
    left = total = int(str(client.xlen(stream)))
    deadline = time.monotonic() + timeout_s
    with click.progressbar(length=max(total, 1), label=f"{pipeline}: draining", file=sys.stderr) as bar:
        while left and time.monotonic() < deadline:
            time.sleep(0.1)
            now = int(str(client.xlen(stream)))
            bar.update(max(0, left - now))
            left = now
    if left:
        raise WritebehindError(
            f"pipeline '{pipeline}': {left} changes still wait after {timeout_s:g} s; it captures no more, and keeps them",
            "is an engine running? writebehind status says so",
        )
    if rejects.count(client, pipeline):
        click.echo(f"{pipeline}: unregistered and drained; its rejected changes are kept: writebehind rejected list {pipeline}", err=True)
        return
    client.execute_command("WB.UNREGISTER", pipeline, "DROP")
    click.echo(f"{pipeline}: unregistered, {total} changes drained, streams removed", err=True)
