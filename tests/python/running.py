"""Recipes on a SQLite file, runs of them by the command line, and a look into the table."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import redis

from tests.conftest import Cli
from writebehind.testing import wait_until

RECIPE = """
from writebehind import RGWriteBehind
from writebehind.connectors import {kind}Connection, {kind}Connector
connector = {kind}Connector({kind}Connection({connection}), {table!r}, 'id'{exactly_once})
RGWriteBehind(GB, 'k', {{'a': 'a'}}, connector, {name!r}{options})
"""


def recipe(
    directory: Path, connection: str, kind: str = "SQLite", table: str = "t", name: str = "p", options: str = "", exactly_once: str = ""
) -> Path:
    path = directory / f"{name}.py"
    path.write_text(
        RECIPE.format(
            kind=kind,
            connection=connection,
            table=table,
            name=name,
            options=f", {options}" if options else "",
            exactly_once=f", {exactly_once!r}" if exactly_once else "",
        )
    )
    return path


def rows(file: str | Path) -> list[tuple[object, ...]]:
    database = sqlite3.connect(file, timeout=30)
    try:
        return database.execute("SELECT * FROM t ORDER BY id").fetchall()
    finally:
        database.close()


def run_until_registered(cli: Cli, client: redis.Redis, *arguments: str | Path) -> subprocess.Popen[str]:
    process = cli.start("run", *arguments)
    wait_until(lambda: process.poll() is not None or client.exists("writebehind:registry"), 30, "the registration")
    assert process.poll() is None, process.communicate()
    return process


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    """Ends a run by a signal, checks that it ends well and in time, and returns its stderr."""
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - started < 5
    assert (process.returncode, out) == (0, ""), err
    return err
