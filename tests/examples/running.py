"""Running a recipe as a user does: `writebehind run`, commands to Redis, then a look into the table."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.conftest import Cli
from writebehind.registry import list_pipelines
from writebehind.testing import wait_until

Query = Callable[[str], Sequence[Sequence[Any]]]


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of a language in a Markdown file."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


@contextmanager
def running(
    cli: Cli, client: redis.Redis, *arguments: str | Path, cwd: Path | None = None, pipelines: int = 1
) -> Iterator[subprocess.Popen[str]]:
    """A `writebehind run` whose `pipelines` are all registered; ended by SIGTERM, and well."""
    before = {state.name for state in list_pipelines(client)}
    process = cli.start("run", *arguments, cwd=cwd)
    try:

        def registered() -> bool:
            return process.poll() is not None or len({state.name for state in list_pipelines(client)} - before) >= pipelines

        wait_until(registered, 30, "the registration")
        assert process.poll() is None, f"run ended: {process.communicate()[1]}"
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        out, err = process.communicate(timeout=10)
        print(out, err)
    assert process.returncode == 0, err
    assert out == ""


def issue(client: redis.Redis, commands: str) -> None:
    """Sends commands written as for redis-cli, one a line."""
    for line in commands.strip().splitlines():
        client.execute_command(*shlex.split(line))


def text(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as expected.txt has them."""
    return "".join("|".join("NULL" if value is None else str(value) for value in row) + "\n" for row in rows)


def drained(client: redis.Redis) -> bool:
    return not any(client.xlen(state.stream) for state in list_pipelines(client))


def wait_for_rows(query: Query, statements: Sequence[str], expected: str) -> None:
    """Waits until the statements answer as expected."""

    def matches() -> bool:
        found = "".join(text(query(statement)) for statement in statements)
        assert found == expected, f"found:\n{found}"
        return True

    wait_until(matches, 30, "the expected rows")
