"""`writebehind demo` shows what it should, in time, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
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


SIGNALLED = """
import os, signal, subprocess, sys
from writebehind.cli.main import run_main
from writebehind.testing import Server

def signalled(run, first):
    def both(server, *values, **options):
        if not first:
            run(server, *values, **options)
        print("started", server.pid, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        if first:
            run(server, *values, **options)
    return both

{where}
sys.argv[1:] = ["demo", "--rows", "3"]
run_main()
"""


@pytest.mark.parametrize(
    "where",
    [
        "subprocess.Popen.__init__ = signalled(subprocess.Popen.__init__, first=False)",
        "Server.close = signalled(Server.close, first=True)",
    ],
    ids=["while the server is started", "while it is ended"],
)
def test_a_signal_while_the_server_comes_or_goes_leaves_nothing_behind(own_cli: Cli, tmp_path: Path, where: str) -> None:
    command = [sys.executable, "-c", SIGNALLED.format(where=where)]
    done = subprocess.run(command, env=own_cli.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    started = re.findall(r"started (\d+)", done.stdout)
    left = [pid for pid in started if Path(f"/proc/{pid}").exists()]
    for pid in left:
        os.kill(int(pid), signal.SIGKILL)
    assert started != [] and left == []
    assert list(tmp_path.iterdir()) == []


def test_a_small_demo(cli: Cli) -> None:
    done = cli("demo", "--rows", "3")
    assert done.returncode == 0, done.stderr
    assert "persons: 4 rows" in done.stdout
