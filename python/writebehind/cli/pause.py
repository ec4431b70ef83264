"""`writebehind pause` and `writebehind resume`."""

from __future__ import annotations

import click

from writebehind.cli.options import redis_option, usable_server


@click.command()
@click.argument("pipeline")
@redis_option
def pause(pipeline: str, redis_url: str) -> None:
    """Pauses writing of PIPELINE; changes go on being captured, and wait in Redis."""
    from writebehind import registry

    with usable_server(redis_url) as client:
        registry.find_pipeline(client, pipeline)
        client.hset(registry.key(pipeline, "control"), "paused", "1")
    click.echo(f"{pipeline}: paused; changes wait until: writebehind resume {pipeline}", err=True)


@click.command()
@click.argument("pipeline")
@redis_option
def resume(pipeline: str, redis_url: str) -> None:
    """Ends a pause of PIPELINE."""
    from writebehind import registry

    with usable_server(redis_url) as client:
        state = registry.find_pipeline(client, pipeline)
        was_paused = client.hdel(registry.key(pipeline, "control"), "paused")
    click.echo(f"{pipeline}: {'resumed' if was_paused else 'was not paused'}; {state.waiting} changes wait", err=True)
