"""docs/operating.md: each of its commands is run, and prints what the page says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import ROOT
from tests.examples.conftest import Database
from tests.examples.running import blocks
from writebehind.testing import RedisServer, wait_until

PAGE = ROOT / "docs" / "operating.md"
CHANGES_NOTHING = ("writebehind status", "writebehind rejected list", "psql -c 'SELECT", "psql -Atc 'SELECT")
# What differs from run to run: IDs, times, rates and ages, and whose engine it is.
DIFFERS = [
    (r"\b\d{13}-\d+\b", "ID"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "TIME"),
    (r"\d+(\.\d+)? +(\d+) +\d+\.\d s +\S+:\d+", r"RATE \2 AGE ENGINE"),
    (r"─+", "LINE"),
    (r"[ \t]+", " "),
]


def normal(text: str) -> list[str]:
    for pattern, name in DIFFERS:
        text = re.sub(pattern, name, text)
    return [line.strip() for line in text.strip().splitlines()]


def commands() -> Iterator[tuple[str, str]]:
    for block in blocks(PAGE, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


class Shell:
    """Runs the page's commands where a user would."""

    def __init__(self, directory: Path, server: RedisServer, database: Database) -> None:
        host, _, name = database.address.partition("/")
        programs = directory / "bin"
        programs.mkdir()
        for program, line in (
            ("writebehind", f'exec {sys.executable} -m writebehind "$@"'),
            ("redis-cli", f'exec /usr/bin/env PATH="$SYSTEM_PATH" redis-cli -p {server.port} "$@"'),
        ):
            (programs / program).write_text(f"#!/bin/sh\n{line}\n")
            (programs / program).chmod(0o755)
        self.directory = directory
        self.background: subprocess.Popen[str] | None = None
        self.environment = {
            **os.environ,
            "SYSTEM_PATH": os.environ["PATH"],
            "PATH": f"{programs}:{os.environ['PATH']}",
            "WRITEBEHIND_REDIS": server.url,
            "PGHOST": "127.0.0.1",
            "PGPORT": host.partition(":")[2],
            "PGUSER": "wb",
            "PGPASSWORD": "wb",
            "PGDATABASE": name,
            "COLUMNS": "250",
        }

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.directory, env=self.environment, text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.stdout

    def start(self, command: str) -> str:
        """Leaves the command running; returns its first line, but for what is said of the tests' own server."""
        self.background = subprocess.Popen(
            ["sh", "-c", f"exec {command}"], cwd=self.directory, env=self.environment, text=True, stderr=subprocess.PIPE
        )
        assert self.background.stderr is not None
        return next(line for line in self.background.stderr if "fsync is off" not in line)

    def close(self) -> None:
        if self.background is not None:
            self.background.send_signal(signal.SIGTERM)
            self.background.communicate(timeout=20)


@pytest.fixture
def shell(tmp_path: Path, redis_server: RedisServer, redis_client: redis.Redis, postgres: Database) -> Iterator[Shell]:
    recipe = blocks(ROOT / "README.md", "python")[0].replace("127.0.0.1:5432/wb", postgres.address)
    (tmp_path / "recipe.py").write_text(recipe)
    made = Shell(tmp_path, redis_server, postgres)
    yield made
    made.close()


def test_every_command_prints_what_the_page_says(shell: Shell) -> None:
    for command, output in commands():
        expected = normal(output)

        def matches(command: str = command, expected: list[str] = expected) -> bool:
            found = shell.run(command)
            assert normal(found) == expected, f"$ {command}\n{found}"
            return True

        if command.endswith("&"):
            assert normal(shell.start(command.rstrip("& "))) == expected
        elif command.startswith(CHANGES_NOTHING):
            wait_until(matches, 20, command)
        else:
            matches()
