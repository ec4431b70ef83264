"""`writebehind verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from writebehind.cli.options import bytes_server, json_option, redis_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from writebehind.pipeline import Pipeline
    from writebehind.verify import Difference, Report, Verifier

SHOWN = 20  # of each list, for people

EPILOG = """\b
Examples:
  writebehind verify recipe.py
  writebehind verify recipe.py --json | jq '.[].differs'
  writebehind verify recipe.py --repair --repair-missing

\b
Exit status 0: equal. 1: differences stand, or keys could not be judged because they changed all the time.
A row without a key may be meant: of a key that expired or was evicted, the row stays; changes with `# -` and `# +` reach no table.
Nothing is locked. It reads SQLite, PostgreSQL, MySQL and MariaDB.
"""


@click.command(epilog=EPILOG)
@click.argument("recipes", metavar="RECIPE.py...", nargs=-1, required=True, type=click.Path(path_type=Path))
@redis_option
@json_option
@click.option("--repair", "repairs_differing", is_flag=True, help="Capture the keys whose row differs again.")
@click.option("--repair-missing", "repairs_missing", is_flag=True, help="Capture the keys that have no row.")
@click.option(
    "--delete-extra", "deletes_extra", is_flag=True, help="Delete the rows that have no key, those of expired keys too; asks first."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--rate", type=click.FloatRange(min=0), default=0, show_default="no limit", help="Keys and rows per second, at most.")
@click.option("--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait while nothing is written.")
def verify(
    recipes: tuple[Path, ...],
    redis_url: str,
    as_json: bool,
    repairs_differing: bool,
    repairs_missing: bool,
    deletes_extra: bool,
    yes: bool,
    rate: float,
    timeout: float,
) -> int:
    """Compares Redis and the tables of recipes, both ways; writers and the engine may go on.

    A difference counts once every change that was captured before is written, and nobody has touched the key meanwhile. Repairs go the way
    of all changes: they are captured, and written by the engine.
    """
    from writebehind.cli.meter import Meter
    from writebehind.cli.script import load_recipes
    from writebehind.log import Log

    reports: dict[str, Report] = {}
    with bytes_server(redis_url) as client:
        for pipeline in load_recipes(recipes, Log(is_plain=True).warning):
            with Meter(pipeline.name) as meter:
                verifier = _verifier(client, pipeline, redis_url, rate, timeout, meter.tell)
                report = reports[pipeline.name] = verifier.compare()
            wanted = [*report.of("differs")] * repairs_differing + [*report.of("missing")] * repairs_missing
            if deletes_extra and _may_delete(pipeline.name, report.of("extra"), yes):
                wanted += report.of("extra")
            if wanted:
                captured = verifier.repair(wanted)
                click.echo(f"{pipeline.name}: {captured} captured again; what differs still:", err=True)
            if not as_json:
                _show(pipeline.name, report)
    if as_json:
        click.echo(json.dumps([_as_json(name, report) for name, report in reports.items()], indent=2, ensure_ascii=False))
    return 1 if any(report.differences or report.unsettled for report in reports.values()) else 0


def _verifier(client: Any, pipeline: Pipeline, redis_url: str, rate: float, timeout: float, tell: Any) -> Verifier:
    from writebehind import _core
    from writebehind.engine import Engine
    from writebehind.verify import Verifier, check_registered

    check_registered(client, pipeline)
    table = _core.TableCheck(Engine(redis_url).config(pipeline))
    table.open()
    return Verifier(client, pipeline, table, rate=rate, timeout_s=timeout, tell=tell)


def _may_delete(name: str, extra: Sequence[Difference], yes: bool) -> bool:
    if not extra:
        return False
    click.echo(f"{name}: {len(extra)} rows have no key, also those of keys that expired or were evicted:", err=True)
    for one in extra[:SHOWN]:
        click.echo(f"  {one.shown_key}", err=True)
    return yes or click.confirm(f"Delete these {len(extra)} rows, unless their keys are back by then?", err=True)


def _show(name: str, report: Report) -> None:
    for kind, text in (
        ("differs", "{key}: {column} is {redis} by Redis, {table} in the table"),
        ("refused", "{key}: would be rejected: {column}: {redis}"),
        ("missing", "{key}: has no row"),
        ("extra", "{key}: has a row, but is no hash in Redis"),
    ):
        found = report.of(kind)  # type: ignore[arg-type]
        for one in found[:SHOWN]:
            click.echo(f"{name}: " + text.format(key=one.shown_key, column=one.column, redis=one.redis, table=one.table))
        if len(found) > SHOWN:
            click.echo(f"{name}: … {len(found) - SHOWN:,} more; --json lists all")
    counts = f"{len(report.of('differs', 'refused'))} differ, {len(report.of('missing'))} keys without row"
    rows = (
        f"{len(report.of('extra'))} rows without key"
        if report.looks_for_rows
        else "rows without key were not looked for: fields name the rows"
    )
    unsettled = f"; {len(report.unsettled)} keys changed all the time and could not be judged" if report.unsettled else ""
    click.echo(f"{name}: {report.keys:,} keys and {report.rows:,} rows compared: {counts}, {rows}{unsettled}", err=True)


def _as_json(name: str, report: Report) -> dict[str, Any]:
    def of(*kinds: Any) -> list[dict[str, str]]:
        return [
            {"key": one.shown_key} | ({"column": one.column, "redis": one.redis, "table": one.table} if one.column else {})
            for one in report.of(*kinds)
        ]

    return {
        "pipeline": name,
        "keys": report.keys,
        "rows": report.rows,
        "differs": of("differs"),
        "refused": of("refused"),
        "missing": of("missing"),
        "extra": of("extra") if report.looks_for_rows else None,
        "unsettled": [key.decode("utf-8", "backslashreplace") for key in report.unsettled],
    }
