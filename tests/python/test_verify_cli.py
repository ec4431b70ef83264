"""`verify` and `backfill` on the command line: exit status, JSON, questions, and what they say of a wrong use."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import redis

from tests.conftest import Cli
from tests.python.running import recipe, rows
from writebehind.sweep import scanned
from writebehind.testing import RedisServer


def change(file: Path, *statements: str) -> None:
    with sqlite3.connect(file) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def test_verify_says_what_differs(redis_server: RedisServer, redis_client: redis.Redis, file: Path, tmp_path: Path) -> None:
    cli = Cli(redis_server.url)
    script = recipe(tmp_path, repr(str(file)))
    unregistered = cli("verify", script)
    assert (unregistered.returncode, unregistered.stdout) == (2, "") and "pipeline 'p' is not registered" in unregistered.stderr
    assert cli("backfill", "p").returncode == 2
    assert cli("run", script, "--once").returncode == 0
    for i in range(4):
        redis_client.hset(f"k:{i}", "a", i)
    redis_client.execute_command("HSET", "k:\x1b[31m", "a", "no number")
    assert cli("run", script, "--once").returncode == 0
    redis_client.delete("k:\x1b[31m")
    assert cli("run", script, "--once").returncode == 0
    equal = cli("verify", script)
    assert (equal.returncode, equal.stdout) == (0, "")
    assert equal.stderr == "p: 4 keys and 4 rows compared: 0 differ, 0 keys without row, 0 rows without key\n"

    change(file, "UPDATE t SET a = 7 WHERE id = '1'", "DELETE FROM t WHERE id = '2'", "INSERT INTO t VALUES ('x', 1)")
    redis_client.execute_command("HSET", "k:\x1b[31m", "a", "no number", "#", "+")
    found = cli("verify", script, "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout) == [
        {
            "pipeline": "p", "keys": 5, "rows": 4, "unsettled": [],
            "differs": [{"key": "k:1", "column": "a", "redis": "1", "table": "7"}],
            "refused": [{"key": "k:\\x1b[31m", "column": "a", "redis": "not an integer", "table": ""}],
            "missing": [{"key": "k:2"}],
            "extra": [{"key": "k:x"}],
        }
    ]  # fmt: skip
    asked = cli("verify", script, "--delete-extra")  # there is nobody to say yes
    assert asked.returncode == 1 and "1 rows have no key" in asked.stderr and "k:x" in asked.stderr
    assert redis_client.xlen("writebehind:{p}:stream") == 0 and ("x", 1) in rows(file)
    nobody = cli("verify", script, "--repair", "--timeout", "0.2")
    assert nobody.returncode == 1 and "1 changes wait, and for 0.2 s none was written" in nobody.stderr

    other = recipe(tmp_path, repr(str(file)), options="expired='delete'")
    differs = cli("verify", other)
    assert (differs.returncode, "another definition" in differs.stderr) == (2, True)


def test_verify_of_what_can_not_be_read(redis_server: RedisServer, redis_client: redis.Redis, file: Path, tmp_path: Path) -> None:
    cli = Cli(redis_server.url)
    script = tmp_path / "hash.py"
    script.write_text(
        "from writebehind import RGWriteBehind\nfrom writebehind.connectors import SimpleHashConnector\n"
        "RGWriteBehind(GB, 'k', {'a': 'a'}, SimpleHashConnector('copy'), 'p')\n"
    )
    assert cli("run", script, "--once").returncode == 0
    redis_client.hset("k:1", "a", "1")
    refused = cli("verify", script)
    assert refused.returncode == 2 and "can't be read back" in refused.stderr


@pytest.mark.parametrize(("cursor", "part"), [(0, 0), (1 << 63, 2**-64), (1, 0.5), (2, 0.25), (3, 0.75), (0b101, 0.625)])
def test_how_far_a_cursor_is(cursor: int, part: float) -> None:
    assert scanned(cursor) == part
