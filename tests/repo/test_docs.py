"""docs/cli.md names every verb and option that there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from tests.conftest import ROOT
from writebehind.cli.main import VERBS, main
from writebehind.cli.reference import reference

ANEW = "write it anew: python -m writebehind.cli.reference > docs/cli.md"


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(main)
    for verb in VERBS:
        command = main.get_command(context, verb)
        assert command is not None
        yield verb, command
        if isinstance(command, click.Group):
            yield from command.commands.items()


def sections(page: str) -> dict[str, set[str]]:
    """By heading: the options that stand below it."""
    parts = re.split(r"^#{2,} (.+)$", page, flags=re.MULTILINE)
    return {
        name: set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE)) for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_the_page_has_every_verb_and_option() -> None:
    found = sections((ROOT / "docs" / "cli.md").read_text())
    expected = {
        name: {"--help"} | {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
        for name, command in commands()
    }
    assert found == expected, ANEW


def test_the_page_is_what_the_verbs_say() -> None:
    # Their own words only: how help is laid out is click's business, and changes with it.
    page = " ".join((ROOT / "docs" / "cli.md").read_text().split())
    for name, command in commands():
        first = (command.help or "").split("\n\n")[0]
        assert " ".join(first.split()) in page, f"{name}: {ANEW}"
    assert sections(reference()).keys() == sections((ROOT / "docs" / "cli.md").read_text()).keys()
