"""`writebehind backfill`."""

from __future__ import annotations

from pathlib import Path

import click

from writebehind.cli.options import bytes_server, redis_option

EPILOG = """\b
Examples:
  writebehind backfill persons
  writebehind backfill recipe.py --rate 5000

\b
Ended early, it goes on where it was: the place is kept in Redis. After a restart of Redis, on another server, or under a new definition
of the pipeline it begins anew. A key that several pipelines capture goes to each of them.
"""


@click.command(epilog=EPILOG)
@click.argument("what", metavar="RECIPE.py|PIPELINE")
@redis_option
@click.option("--rate", type=click.FloatRange(min=0), default=0, show_default="no limit", help="Keys per second, at most.")
@click.option(
    "--max-waiting", type=click.IntRange(min=1), default=100_000, show_default=True, help="Wait while as many changes wait for the engine."
)
@click.option("--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait while nothing is written.")
@click.option("--restart", is_flag=True, help="Begin anew, also where another has ended early.")
def backfill(what: str, redis_url: str, rate: float, max_waiting: int, timeout: float, restart: bool) -> None:
    """Captures the keys that are there already, as if they had just changed, so that their rows are written.

    The pipeline must be registered (writebehind run), and an engine should run. Clients go on writing meanwhile.
    """
    from writebehind.backfill import backfill as run
    from writebehind.cli.meter import Meter

    names = _names(what)
    with bytes_server(redis_url) as client:
        for name in names:
            with Meter(name) as meter:
                done = run(client, name, rate=rate, max_waiting=max_waiting, restart=restart, timeout_s=timeout, tell=meter.tell)
            went_on = ", with those before it was ended" if done.resumed else f"; begun anew: {done.restarted}" if done.restarted else ""
            click.echo(f"{name}: {done.captured} keys captured{went_on}", err=True)


def _names(what: str) -> list[str]:
    if not what.endswith(".py"):
        return [what]
    from writebehind.cli.script import load_recipes
    from writebehind.log import Log

    return [pipeline.name for pipeline in load_recipes([Path(what)], Log(is_plain=True).warning)]
