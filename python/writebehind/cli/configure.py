"""`writebehind configure`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from writebehind.cli.options import redis_option
from writebehind.errors import ConfigError

if TYPE_CHECKING:
    from redis import Redis

    from writebehind.server import ServerFacts


@click.command(epilog="\b\nExample:\n  writebehind configure --redis redis://127.0.0.1:6379")
@click.option(
    "--prefix", "prefixes", multiple=True, default=["person"], show_default=True, help="Of the keys, in the ACL lines; may be repeated."
)
@redis_option
def configure(prefixes: tuple[str, ...], redis_url: str) -> int:
    """Loads the module into Redis where that is allowed, or prints the line to add to redis.conf.

    Checks version, persistence, eviction and cluster mode, and prints ACL lines for an application and for the engine.
    Exit status 1: the module is not loaded.
    """
    from writebehind.redis_url import parse_redis_url
    from writebehind.server import OLDEST, inspect, persistence_warnings, redis_errors

    address = parse_redis_url(redis_url)
    client = address.client()
    with redis_errors(address):
        facts = inspect(client)
        click.echo(f"{facts.name} {facts.version} at {address}", err=True)
        if facts.is_cluster:
            raise ConfigError(f"Redis at {address} is a cluster, which this version does not serve", "use a standalone server")
        if facts.compatible < OLDEST:
            raise ConfigError(f"{facts.name} at {address} is {facts.version}; 7.0 is the oldest that is served")
        is_loaded = facts.has_module or _load(client)
    _report(facts, is_loaded)
    for warning in persistence_warnings(facts):
        click.echo(f"warning: {warning}", err=True)
    if facts.is_replica:
        click.echo("note: this is a replica: load the module into its master too; only there is anything captured", err=True)
    if is_loaded:
        _print_acl(facts, prefixes)
    return 0 if is_loaded else 1


def _load(client: Redis) -> bool:
    """MODULE LOAD; False where the server doesn't allow it, or can't read the file."""
    from redis.exceptions import ResponseError

    from writebehind.module import module_path

    try:
        client.execute_command("MODULE", "LOAD", str(module_path()))
    except ResponseError as error:
        click.echo(f"MODULE LOAD: {error}", err=True)
        return False
    return True


def _report(facts: ServerFacts, is_loaded: bool) -> None:
    from writebehind.module import loadmodule_line

    if facts.has_module:
        click.echo("the module is loaded", err=True)
    elif is_loaded:
        click.echo("the module is loaded now; for the next start of the server, add this line to its configuration:", err=True)
        click.echo(loadmodule_line())
    else:
        click.echo("the module could not be loaded: add this line to the server's configuration and restart it:", err=True)
        click.echo(loadmodule_line())


def _print_acl(facts: ServerFacts, prefixes: tuple[str, ...]) -> None:
    click.echo("ACL lines, for redis-cli (for the ACL file: without 'ACL SETUSER', with 'user'):", err=True)
    for line in acl_lines(prefixes, has_categories=facts.has_module_categories):
        click.echo(line)
    if not facts.has_module_categories:
        click.echo(
            f"note: {facts.name} {facts.version} puts no module's command into a category, so that -@admin and -@dangerous leave ours "
            f"allowed: every user that has +@all, the default user too, needs behind it: {ENGINE_ONLY}",
            err=True,
        )


ENGINE_ONLY = "-wb.register -wb.unregister -wb.read -wb.settle -wb.reject -wb.strays -wb.lease -wb.leased -wb.requeue"
"""What no user but the engine's should have: these commands show and settle changes of all keys."""


def acl_lines(prefixes: Sequence[str], *, has_categories: bool = True) -> list[str]:
    """ACL SETUSER lines: for an application that writes the keys and reads its acknowledgements, and for the engine.

    Args:
        prefixes: of the keys.
        has_categories: the server knows our commands as @admin and @dangerous (Redis 7.2 and later, Valkey).
    """
    keys = " ".join(f"~{prefix}:* ~{{{prefix}:*}}*" for prefix in prefixes)
    application = "+@read +@write +@connection +wb.hset +wb.hmset +wb.unlessfull +wb.copy -@dangerous" + (
        "" if has_categories else f" {ENGINE_ONLY}"
    )
    # The keys of the application too: what was rejected is captured again from them.
    engine = "+@connection +@read +@write +@transaction -@dangerous +xread +xdel +info +time +config|get +eval"
    commands = "+wb.list +wb.read +wb.settle +wb.reject +wb.strays +wb.lease +wb.leased +wb.requeue +wb.register +wb.unregister +wb.capture"
    return [
        f"ACL SETUSER application on '>PASSWORD' {keys} {application}",
        f"ACL SETUSER writebehind on '>PASSWORD' ~writebehind:* {keys} {engine} {commands}",
    ]
