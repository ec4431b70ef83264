"""`writebehind rejected`: the changes that a target refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from writebehind.cli.options import json_option, redis_option, usable_server

if TYPE_CHECKING:
    from writebehind.rejects import Reject


@click.group(epilog="\b\nExamples:\n  writebehind rejected list persons\n  writebehind rejected retry persons")
def rejected() -> None:
    """Lists, retries or drops changes that the target refused."""


@rejected.command("list")
@click.argument("pipeline")
@click.option("--count", type=click.IntRange(min=1), default=100, show_default=True, help="The most to show, oldest first.")
@json_option
@redis_option
def list_(pipeline: str, count: int, as_json: bool, redis_url: str) -> None:
    """Lists the rejected changes of PIPELINE: which key, which column, and why."""
    from writebehind import registry, rejects

    with usable_server(redis_url) as client:
        registry.find_pipeline(client, pipeline)
        found, total = rejects.read(client, pipeline, count), rejects.count(client, pipeline)
    if as_json:
        for reject in found:
            click.echo(json.dumps(reject.shown(), ensure_ascii=False))
        return
    if found:
        _table(found)
    more = f", the first {len(found)} shown" if len(found) < total else ""
    click.echo(f"{pipeline}: {total} rejected{more}", err=True)


@rejected.command()
@click.argument("pipeline")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--force", is_flag=True, help="Where the key is gone, write the values that were refused.")
@redis_option
def retry(pipeline: str, ids: tuple[str, ...], force: bool, redis_url: str) -> int:
    """Captures the keys of rejected changes as they are now, as if they had just changed.

    Without IDs: of all. A rejected delete is tried again only if its key is still absent; an upsert whose key is gone stays listed,
    unless --force writes the values that were refused.
    """
    from writebehind import registry, rejects

    with usable_server(redis_url) as client:
        registry.find_pipeline(client, pipeline)
        done = rejects.retry(client, pipeline, ids, force=force)
    for reject, reason in done.kept:
        click.echo(f"{reject.id}: {reject.shown_key()}: {reason}", err=True)
    click.echo(f"{pipeline}: {done.captured} captured again, {len(done.kept)} stay listed", err=True)
    return 1 if done.kept and ids else 0


@rejected.command()
@click.argument("pipeline")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "drop_all", is_flag=True, help="Drop all of the pipeline.")
@redis_option
def drop(pipeline: str, ids: tuple[str, ...], drop_all: bool, redis_url: str) -> None:
    """Drops rejected changes from the list; key and row stay as they are."""
    from writebehind import registry, rejects

    if bool(ids) == drop_all:
        raise click.UsageError("name the IDs to drop, or --all")
    with usable_server(redis_url) as client:
        registry.find_pipeline(client, pipeline)
        dropped = rejects.drop(client, pipeline, ids)
    click.echo(f"{pipeline}: {dropped} dropped", err=True)


def _table(found: list[Reject]) -> None:
    from rich.text import Text

    from writebehind.cli.tables import new_table, print_table

    table = new_table()
    columns = ("id", "key", "op", "column", "type", "value", "reason")
    for column in columns:
        table.add_column(column)
    for reject in found:
        shown = reject.shown()
        table.add_row(*(Text(shown.get(column, "")) for column in columns))
    print_table(table)
