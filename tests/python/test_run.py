"""`writebehind run` on real servers: what it says and writes, and with which exit status it refuses."""

from __future__ import annotations

import json
import subprocess
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.conftest import Cli
from tests.python.running import end, recipe, rows, run_until_registered
from writebehind.testing import RedisServer, wait_until


def test_log_lines_as_json(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    script = recipe(tmp_path, repr(str(file)))
    err = end(run_until_registered(Cli(redis_server.url), redis_client, script, "--log-format", "json"))
    lines = [json.loads(line) for line in err.splitlines()]
    assert all(set(line) == {"time", "level", "pipeline", "message"} for line in lines)
    assert "k:* -> sqlite table t (registered)" in [line["message"] for line in lines if line["pipeline"] == "p"]


def test_errors_are_json_too(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    done = Cli(redis_server.url)("run", recipe(tmp_path, repr(str(file)), table="nowhere"), "--log-format", "json")
    assert done.returncode == 2
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert line["level"] == "error"
    assert "nowhere" in line["message"]


def test_log_level(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    err = end(run_until_registered(Cli(redis_server.url), redis_client, recipe(tmp_path, repr(str(file))), "--log-level", "error"))
    assert err == ""


def test_once_writes_what_waits_and_ends(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    cli, script = Cli(redis_server.url), recipe(tmp_path, repr(str(file)))
    assert cli("run", script, "--once").returncode == 0
    assert rows(file) == []
    for number in range(1000):
        redis_client.hset(f"k:{number:04}", "a", number)
    done = cli("run", script, "--once")
    assert done.returncode == 0, done.stderr
    assert "(attached)" in done.stderr
    assert "1000 written" in done.stderr
    assert rows(file) == [(f"{number:04}", number) for number in range(1000)]
    assert redis_client.xlen("writebehind:{p}:stream") == 0


def test_dry_run_prints_sql_and_changes_nothing(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    done = Cli(redis_server.url)("run", recipe(tmp_path, repr(str(file))), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("-- p: k:* -> sqlite t\n")
    assert '"t"' in done.stdout
    assert "INSERT" in done.stdout
    assert "DELETE" in done.stdout
    assert redis_client.keys("*") == []


def test_versions_decide_who_replaces_whom(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    cli = Cli(redis_server.url)

    def once(version: str, field: str) -> subprocess.CompletedProcess[str]:
        script = recipe(tmp_path, repr(str(file)), options=f"version={version!r}")
        script.write_text(script.read_text().replace("{'a': 'a'}", f"{{{field!r}: 'a'}}"))
        return cli("run", script, "--once")

    assert "(registered, version 1.0.0)" in once("1.0.0", "a").stderr
    assert "(attached, version 1.0.0)" in once("1.0.0", "a").stderr
    refused = once("1.0.0", "b")
    assert refused.returncode == 2
    assert "pipeline 'p': Redis has version 1.0.0, which differs" in refused.stderr
    assert "(replaced, version 1.0.1)" in once("1.0.1", "b").stderr
    assert "(replaced, version 99.99.99)" in once("99.99.99", "c").stderr
    assert "(replaced, version 99.99.99)" in once("99.99.99", "d").stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [({"table": "nowhere"}, "nowhere"), ({"options": "missing='keep', keys=['id']", "table": "t2"}, "t2")],
    ids=["table", "other table"],
)
def test_a_wrong_table_is_2_and_registers_nothing(
    tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis, options: dict[str, str], text: str
) -> None:
    good = recipe(tmp_path, repr(str(file)), name="good")
    bad = recipe(tmp_path, repr(str(file)), name="bad", **options)
    done = Cli(redis_server.url)("run", good, bad)
    assert done.returncode == 2
    assert f"{bad}:5: pipeline 'bad': " in done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert redis_client.keys("*") == []


def test_a_wrong_column_is_named(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    script = recipe(tmp_path, repr(str(file)))
    script.write_text(script.read_text().replace("{'a': 'a'}", "{'a': 'no_such_column'}"))
    done = Cli(redis_server.url)("run", script)
    assert done.returncode == 2
    assert "no_such_column" in done.stderr
    assert redis_client.keys("*") == []


def test_a_server_without_the_module_is_2_and_says_what_to_do(tmp_path: Path, file: Path) -> None:
    with RedisServer() as server:
        done = Cli(server.url)("run", recipe(tmp_path, repr(str(file))))
    assert done.returncode == 2
    assert "runs without the writebehind module" in done.stderr
    assert "writebehind configure --redis" in done.stderr
    assert "loadmodule /" in done.stderr


def test_a_wrong_password_is_2_and_not_shown(tmp_path: Path, file: Path, module: Path) -> None:
    with RedisServer("--requirepass", "right", module=module) as server:
        for url in (f"redis://:wrong-one@127.0.0.1:{server.port}", f"redis://127.0.0.1:{server.port}"):
            done = Cli(url)("run", recipe(tmp_path, repr(str(file))))
            assert done.returncode == 2
            assert "refuses the login" in done.stderr
            assert "wrong-one" not in done.stderr


def test_a_cluster_is_refused(tmp_path: Path, file: Path, module: Path) -> None:
    with RedisServer("--cluster-enabled", "yes", module=module) as server:
        done = Cli(server.url)("run", recipe(tmp_path, repr(str(file))))
    assert done.returncode == 2
    assert "is a cluster, which this version does not serve" in done.stderr


def test_several_recipes_at_once(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    first = recipe(tmp_path, repr(str(file)), name="first")
    second = recipe(tmp_path, repr(str(file)), name="second")
    second.write_text(second.read_text().replace("'k'", "'other'"))
    process = run_until_registered(Cli(redis_server.url), redis_client, first, second)
    wait_until(lambda: redis_client.hlen("writebehind:registry") == 2, 10, "both registrations")
    redis_client.hset("k:1", "a", "1")
    redis_client.hset("other:2", "a", "2")
    wait_until(lambda: rows(file) == [("1", 1), ("2", 2)], 10, "both rows")
    end(process)


def test_what_is_odd_about_a_table_is_said_once(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE folded (id TEXT COLLATE NOCASE PRIMARY KEY, a INTEGER)")
    script = recipe(tmp_path, repr(str(file)), table="folded", options="writers=2")
    process = run_until_registered(Cli(redis_server.url), redis_client, script)
    for number in range(20):  # work for both writers
        redis_client.hset(f"k:{number}", "a", "1")
    wait_until(lambda: not redis_client.xlen("writebehind:{p}:stream"), 20, "the rows")
    assert end(process).count("compares without case") == 1
