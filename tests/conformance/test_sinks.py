"""Runs the conformance suite of the sinks on private servers.

The program is built with the rest (target ``sink_conformance``); ``WB_BUILD_DIR`` names its build directory where it
is not the newest one under ``build/``. Servers that ``WB_TEST_POSTGRES`` and ``WB_TEST_MYSQL`` name are used as they are.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from writebehind.testing import MariaDBServer, PostgresServer

ROOT = Path(__file__).resolve().parents[2]


def find_program() -> Path:
    chosen = os.environ.get("WB_BUILD_DIR")
    places = [Path(chosen)] if chosen else [path.parent for path in (ROOT / "build").glob("*/CMakeCache.txt")] + [ROOT / "build"]
    found = [path for place in places for path in place.glob("**/sink_conformance") if path.is_file()]
    if not found:
        pytest.fail("the target sink_conformance is not built")
    return max(found, key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with ExitStack() as servers:
        made = dict(os.environ)
        if "WB_TEST_POSTGRES" not in made:
            made["WB_TEST_POSTGRES"] = servers.enter_context(PostgresServer()).url
        if "WB_TEST_MYSQL" not in made:
            made["WB_TEST_MYSQL"] = servers.enter_context(MariaDBServer()).url
        yield made


def check(suite: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [str(find_program()), f"--gtest_filter={suite}", "--gtest_brief=1"],
        env=environment, capture_output=True, text=True, errors="replace", timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert re.search(r"PASSED +\] [1-9]", done.stdout), done.stdout


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mysql", "null"])
def test_sink(kind: str, environment: dict[str, str]) -> None:
    check("NullSink.*" if kind == "null" else f"*/{kind}", environment)


def test_a_server_that_speaks_another_language(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    with PostgresServer("-c", "lc_messages=C.UTF-8") as server:
        done = subprocess.run(["psql", server.url.replace("wb:wb@", "wb:wrong@"), "-c", "SELECT 1"], capture_output=True, text=True)
        if "authentication failed" in done.stderr:
            pytest.skip("this machine has no translation of PostgreSQL")
        check("*Opening.*/postgres:*Refusing.*/postgres", {**environment, "WB_TEST_POSTGRES": server.url})
