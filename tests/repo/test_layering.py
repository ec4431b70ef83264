"""Who may include whom in the C++ tree, and how long a file may be."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCES = ROOT / "cpp" / "src"
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)

# Stages that meet all others; and what each other stage may include beside the contract (cpp/include) and itself.
MEETING = {"pipeline"}
SHARED = {"util", "codec/entry_format.h", "metrics"}
# The module is a program of its own: it packs entries, and knows nothing of the engine.
# The sink that writes to Redis has our own connection for its driver.
ALLOWED = {
    "capture": {"codec/entry_format.h", "codec/encoder.h"},
    "metrics": {"util"},
    "sink": SHARED | {"stream/connection.h"},
}

# A driver's header belongs to its own sink, or to the one stage that speaks to Redis.
DRIVERS = {
    "pqxx": "sink/postgres",
    "libpq-fe.h": "sink/postgres",
    "cppconn": "sink/mysql",
    "mysql": "sink/mysql",
    "sqlite3.h": "sink/sqlite",
    "hiredis": "stream/",
    "openssl": "stream/tls",
    "spdlog": "util/log",
}

LONGEST_FILE = 300


def sources() -> Iterator[Path]:
    yield from (path for path in sorted(SOURCES.rglob("*")) if path.suffix in {".h", ".cc"})


def includes(path: Path) -> list[tuple[str, str]]:
    return INCLUDE.findall(path.read_text())


def test_there_is_something_to_check() -> None:
    assert len(list(sources())) > 30


def test_sibling_stages_never_include_each_other() -> None:
    wrong = []
    stages = {path.name for path in SOURCES.iterdir() if path.is_dir()}
    for path in sources():
        stage = path.relative_to(SOURCES).parts[0]
        if stage in MEETING:
            continue
        allowed = ALLOWED.get(stage, SHARED)
        for _, header in includes(path):
            other = header.split("/")[0]
            if other in stages and other != stage and other not in allowed and header not in allowed:
                wrong.append(f"{path.relative_to(ROOT)} includes {header}")
    assert wrong == []


def test_a_drivers_header_appears_only_in_its_own_sink() -> None:
    wrong = []
    for path in sources():
        place = str(path.relative_to(SOURCES))
        for _, header in includes(path):
            owner = DRIVERS.get(header.split("/")[0])
            if owner is not None and not place.startswith(owner):
                wrong.append(f"{place} includes {header}")
    assert wrong == []


def test_the_contract_is_std_only() -> None:
    wrong = []
    for path in sorted((ROOT / "cpp" / "include").rglob("*.h")):
        for kind, header in includes(path):
            if not header.startswith("writebehind/") and (kind == '"' or "/" in header or header.endswith(".h")):
                wrong.append(f"{path.relative_to(ROOT)} includes {header}")
    assert wrong == []


def test_bindings_see_only_the_contract() -> None:
    wrong = []
    own = {path.name for path in (ROOT / "cpp" / "bindings").iterdir()}
    for path in sorted((ROOT / "cpp" / "bindings").glob("*.*")):
        if path.suffix not in {".h", ".cc"}:
            continue
        for kind, header in includes(path):
            if kind == '"' and not header.startswith("writebehind/") and header not in own:
                wrong.append(f"{path.relative_to(ROOT)} includes {header}")
    assert wrong == []


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked("*.py", "*.pyi", "*.cc", "*.h")
        if (count := len(path.read_text().splitlines())) > LONGEST_FILE and path.is_relative_to(ROOT / "tests") is False
    }
    assert long == {}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 250
