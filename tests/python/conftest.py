"""What tests of the package share."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A SQLite file with table t(id, a)."""
    path = tmp_path / "t.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (id TEXT PRIMARY KEY, a INTEGER)")
    database.close()
    return path
