"""A backlog of large values is drained in bounded memory: what is read ahead is bounded by bytes, not by entries."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.stack import Stack, stack

MB = 1_000_000
VALUE = 10 * MB
ENTRIES = 40
MOST_MB = 300
BYTES = {"sqlite": "BLOB", "postgres": "BYTEA", "mariadb": "LONGBLOB"}


def peak_mb(process: subprocess.Popen[bytes]) -> float:
    """Waits for the end of a process; the most memory that it held, by the kernel's own mark.

    Not what wait4 says: that begins with the memory of the process that forked.
    """
    most = 0
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                most = int(line.split()[1])
        time.sleep(0.005)  # the mark never falls: only growth in the last moment is missed
    return most * 1024 / MB


def fill(run: Stack, entries: int) -> None:
    """Changes that wait; the hashes themselves are gone again, for the server to hold each value once."""
    value = os.urandom(VALUE)
    for seq in range(entries):
        run.redis.hset(f"person:{seq}", mapping={"first_name": value, "seq": seq})
        run.redis.hset(f"person:{seq}", "#", "-")
    assert run.waiting == entries


@pytest.mark.parametrize(("kind", "writers"), [("sqlite", 1), ("postgres", 4), ("mariadb", 4)])
def test_400_mb_are_drained_in_300(kind: str, writers: int, module: Path, tmp_path: Path) -> None:
    entries = int(os.environ.get("WB_LARGE_ENTRIES", ENTRIES))
    with stack(kind, module, tmp_path, options=f", writers={writers}") as run:
        run.target.query("DROP TABLE persons")
        run.target.query(f"CREATE TABLE persons (person_id VARCHAR(64) PRIMARY KEY, first {BYTES[kind]}, seq INTEGER)")
        run.start()
        assert run.engine.terminate() == 0
        fill(run, entries)
        run.engine.start("--once")
        assert run.engine.process
        peak = peak_mb(run.engine.process)
        print(f"{kind}, {writers} writers: {entries} x 10 MB in {peak:.0f} MB")
        assert run.engine.process.returncode == 0, run.engine.log[-4000:]
        assert run.waiting == 0
        assert run.target.query("SELECT count(*), min(length(first)), max(length(first)) FROM persons") == [(entries, VALUE, VALUE)]
        assert run.rejected() == []
        assert peak < MOST_MB
