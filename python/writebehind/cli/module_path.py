"""`writebehind module-path`."""

from __future__ import annotations

import click


@click.command()
def module_path() -> None:
    """Prints the path of writebehind.so.

    \b
    Example, a line of redis.conf:
      loadmodule /usr/lib/python3/dist-packages/writebehind/writebehind.so
    """
    from writebehind.module import module_path as find

    click.echo(find())
