"""`writebehind demo` shows what it should, in time, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Cli


@pytest.fixture
def own_cli(tmp_path: Path) -> Cli:
    """Its temporary files are in a directory that nobody else uses."""
    cli = Cli()
    cli.environment["TMPDIR"] = str(tmp_path)
    return cli


def servers(err: str) -> list[str]:
    """Processes of redis-server on the port that the demo named."""
    (port,) = re.findall(r"a private Redis on port (\d+)", err)
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = path.read_bytes()
            if b"redis-server" in command and port.encode() in command:
                found.append(path.parent.name)
    return found


def test_the_demo(own_cli: Cli, tmp_path: Path) -> None:
    done = own_cli("demo", seconds=60)
    assert done.returncode == 0, done.stderr
    assert "writing 100,000 hashes" in done.stderr
    assert "0-0: status done" in done.stderr
    assert re.search(r"rate, from HSET to committed row: [0-9,]+ rows/s", done.stderr)
    assert "person_id" in done.stdout
    assert "persons: 100,001 rows" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert servers(done.stderr) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_ended_leaves_nothing_behind(own_cli: Cli, tmp_path: Path, number: int) -> None:
    process = own_cli.start("demo", "--rows", "10000000")
    assert process.stderr is not None
    first = process.stderr.readline()
    assert servers(first) != []
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 1
    assert servers(first) == []
    assert list(tmp_path.iterdir()) == []


def test_a_small_demo(cli: Cli) -> None:
    done = cli("demo", "--rows", "3")
    assert done.returncode == 0, done.stderr
    assert "persons: 4 rows" in done.stdout
