"""`writebehind run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from writebehind.cli.options import exit_status, log_options, redis_option
from writebehind.errors import WritebehindError

if TYPE_CHECKING:
    from writebehind.log import Level
    from writebehind.pipeline import Pipeline

EPILOG = """\b
Examples:
  writebehind run recipe.py
  WRITEBEHIND_REDIS=redis://:secret@10.0.0.5:6379 writebehind run persons.py cars.py --log-format json
  WRITEBEHIND_REDIS='rediss://engine:secret@db.example:6380?ssl_ca_certs=ca.crt' writebehind run persons.py
  writebehind run recipe.py --dry-run

\b
SIGTERM and Ctrl-C end it within 5 s, exit status 0: what is not committed by then stays in Redis.
Exit status 1: a pipeline halted. 2: a recipe, the server or a table is wrong.
"""


@click.command(epilog=EPILOG)
@click.argument("recipes", metavar="RECIPE.py...", nargs=-1, required=True, type=click.Path(path_type=Path))
@redis_option
@click.option("--once", is_flag=True, help="Write what waits now, then end.")
@click.option("--dry-run", is_flag=True, help="Print the SQL that would run; register and write nothing.")
@log_options
def run(recipes: tuple[Path, ...], redis_url: str, once: bool, dry_run: bool, log_format: str, log_level: Level) -> int:
    """Runs recipes in the foreground: registers their pipelines and writes their changes until it is ended.

    In a recipe, GB is there without an import, and names import from writebehind, WriteBehind and rgsync alike.
    """
    from writebehind.cli.runner import Interrupted, Runner
    from writebehind.cli.script import load_recipes
    from writebehind.log import Log
    from writebehind.redis_url import parse_redis_url

    log = Log(log_level, as_json=log_format == "json")
    try:
        runner = Runner(parse_redis_url(redis_url), log, once=once)
        with runner.signals():
            pipelines = load_recipes(recipes, log.warning)
            if not dry_run:
                return runner.run(pipelines)
            _explain(pipelines)
    except Interrupted:
        pass
    except WritebehindError as error:
        if not log.as_json:
            raise
        log.failure(error)
        return exit_status(error)
    return 0


def _explain(pipelines: list[Pipeline]) -> None:
    from writebehind import _core
    from writebehind.definition import to_json

    for pipeline in pipelines:
        connector = pipeline.connector
        click.echo(f"-- {pipeline.name}: {pipeline.pattern} -> {connector.kind} {connector.table}")
        for statement in _core.explain(connector.sink_options(), to_json(pipeline.definition())):
            click.echo(statement if statement.rstrip().endswith(";") else f"{statement};")
