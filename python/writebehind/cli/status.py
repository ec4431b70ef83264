"""`writebehind status`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from writebehind.cli.options import json_option, redis_option, usable_server

if TYPE_CHECKING:
    from writebehind.overview import PipelineOverview


@click.command(epilog="\b\nExamples:\n  writebehind status\n  writebehind status --json | jq '.[].waiting'")
@json_option
@redis_option
def status(as_json: bool, redis_url: str) -> None:
    """Shows the pipelines, what waits, and the engines; warns when no engine has been seen for 60 s."""
    from writebehind.overview import read_overview

    with usable_server(redis_url) as client:
        overviews = read_overview(client)
    if as_json:
        click.echo(json.dumps([overview.as_json() for overview in overviews], indent=2, ensure_ascii=False))
    elif overviews:
        _table(overviews)
    else:
        click.echo("no pipeline is registered: writebehind run RECIPE.py", err=True)
    for overview in overviews:
        for warning in overview.warnings:
            click.echo(f"warning: {overview.name}: {warning}", err=True)


def _table(overviews: list[PipelineOverview]) -> None:
    from rich.text import Text

    from writebehind.cli.tables import new_table, print_table

    table = new_table()
    table.add_column("pipeline", overflow="fold", min_width=8)
    table.add_column("state", no_wrap=True)
    for column in ("waiting", "written", "rows/s", "rejected", "lag"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("engine", overflow="fold", min_width=8)  # on a narrow terminal names break, numbers never
    for overview in overviews:
        engine = overview.engine
        works = f"{engine.get('host', '')}:{engine.get('pid', '')}" if engine else "-"
        table.add_row(
            Text(f"{overview.name} {overview.version}".rstrip()),
            overview.state,
            f"{overview.waiting:,}",
            f"{engine.get('written', 0):,}",
            f"{overview.per_second:,.0f}",
            f"{overview.rejected:,}",
            f"{overview.lag_ms / 1000:.1f} s",
            Text("\n".join([works, *(f"{one} (standby)" for one in overview.standbys)])),
        )
    print_table(table)
