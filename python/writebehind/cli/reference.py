"""docs/cli.md, made from the verbs themselves: `python -m writebehind.cli.reference > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from writebehind.cli.main import VERBS, main

HEAD = """# Command line

`writebehind <verb>`, or `python -m writebehind <verb>`. Results go to stdout, messages to stderr. Exit status 0: good, 1: failed, 2: wrong
usage or configuration. This page is made from `--help`.
"""


def reference() -> str:
    """The page."""
    parts = [HEAD]
    context = click.Context(main, info_name="writebehind")
    for verb in VERBS:
        command = main.get_command(context, verb)
        assert command is not None
        parts.extend(_section(command, context, verb, 2))
    return "\n".join(parts)


def _section(command: click.Command, parent: click.Context, name: str, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
    yield f"{'#' * level} {name}\n"
    yield f"```text\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _section(found, context, inner, level + 1)


if __name__ == "__main__":
    print(reference(), end="")
