"""`writebehind completion`."""

from __future__ import annotations

import click


@click.command(epilog='\b\nExample, for ~/.bashrc:\n  eval "$(writebehind completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Prints the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from writebehind.cli.main import main

    kind = get_completion_class(shell)
    assert kind is not None, "click knows all three"
    click.echo(kind(main, {}, "writebehind", "_WRITEBEHIND_COMPLETE").source())
