"""`writebehind run` on real servers: what it says, how it ends, and with which exit status."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql
import pytest
import redis

from tests.conftest import Cli
from writebehind.testing import MariaDBServer, RedisServer, free_port, wait_until

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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A SQLite file with table t(id, a)."""
    path = tmp_path / "t.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (id TEXT PRIMARY KEY, a INTEGER)")
    database.close()
    return path


def rows(file: Path) -> list[tuple[object, ...]]:
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_writes_until_a_signal(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis, number: int) -> None:
    process = run_until_registered(Cli(redis_server.url), redis_client, recipe(tmp_path, repr(str(file)), options="version='1.0.0'"))
    redis_client.hset("k:1", "a", "7")
    wait_until(lambda: rows(file) == [("1", 7)], 10, "the row")
    err = end(process, number)
    assert "info p: k:* -> sqlite table t (registered, version 1.0.0)" in err
    assert "1 written, in 1 batches" in err
    assert redis_client.xlen("writebehind:{p}:stream") == 0


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
    with RedisServer("--cluster-enabled", "yes", "--cluster-port", str(free_port()), module=module) as server:
        done = Cli(server.url)("run", recipe(tmp_path, repr(str(file))))
    assert done.returncode == 2
    assert "is a cluster, which this version does not serve" in done.stderr


def test_redis_that_is_not_there_yet_is_waited_for(tmp_path: Path, file: Path, module: Path) -> None:
    server = RedisServer(module=module)
    try:
        process = Cli(server.url).start("run", recipe(tmp_path, repr(str(file))))
        assert process.stderr is not None
        assert "can't be reached" in process.stderr.readline()
        with server.start():
            client = redis.Redis(port=server.port, decode_responses=True)
            wait_until(lambda: client.exists("writebehind:registry"), 20, "the registration")
            client.hset("k:1", "a", "1")
            wait_until(lambda: rows(file) == [("1", 1)], 20, "the row")
            end(process)
    finally:
        server.close()


def test_a_signal_ends_it_also_while_redis_is_not_there(tmp_path: Path, file: Path) -> None:
    process = Cli(f"redis://127.0.0.1:{free_port()}").start("run", recipe(tmp_path, repr(str(file))))
    assert process.stderr is not None
    process.stderr.readline()
    end(process)


def test_a_signal_ends_it_while_a_script_runs(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys, time\nprint('here', file=sys.stderr, flush=True)\ntry:\n    time.sleep(60)\nexcept Exception:\n    pass\n"
    )
    process = Cli().start("run", script)
    assert process.stderr is not None
    assert process.stderr.readline() == "here\n"
    end(process)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes connections and never answers: a database that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for link in held:
            link.close()


@pytest.mark.parametrize("kind", ["Postgres", "MySql"])
def test_a_signal_ends_it_while_a_database_hangs(tmp_path: Path, redis_server: RedisServer, redis_client: redis.Redis, kind: str) -> None:
    with black_hole() as port:
        process = Cli(redis_server.url).start("run", recipe(tmp_path, f"'u', 'p', '127.0.0.1:{port}/d'", kind))
        wait_until(lambda: client_count(redis_client) > 1 or process.poll() is not None, 20, "the run's connection to Redis")
        end(process)


def test_a_signal_ends_it_while_a_statement_hangs(tmp_path: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    with MariaDBServer() as database:
        with pymysql.connect(host="127.0.0.1", port=database.port, user="wb", password="wb", database="wb") as link:
            link.cursor().execute("CREATE TABLE t (id VARCHAR(100) PRIMARY KEY, a INT)")
        script = recipe(tmp_path, f"'wb', 'wb', '127.0.0.1:{database.port}/wb'", "MySql")
        process = run_until_registered(Cli(redis_server.url), redis_client, script)
        redis_client.hset("k:1", "a", "1")
        wait_until(lambda: not redis_client.xlen("writebehind:{p}:stream"), 20, "the first row")
        database.signal(signal.SIGSTOP)
        try:
            redis_client.hset("k:2", "a", "2")
            # Long enough for the engine to be in the middle of its statement.
            wait_until(lambda: int(redis_client.hget("writebehind:{p}:engine", "lag_ms") or 0) > 0, 20, "the waiting change")
            end(process)
        finally:
            database.signal(signal.SIGCONT)
        assert redis_client.xlen("writebehind:{p}:stream") == 1


def client_count(client: redis.Redis) -> int:
    return int(client.info("clients")["connected_clients"])


@pytest.mark.parametrize("kind", ["Postgres", "MySql"])
def test_a_database_that_is_down_is_waited_for(tmp_path: Path, redis_server: RedisServer, redis_client: redis.Redis, kind: str) -> None:
    script = recipe(tmp_path, f"'u', 'hidden', '127.0.0.1:{free_port()}/d'", kind)
    process = run_until_registered(Cli(redis_server.url), redis_client, script)
    redis_client.hset("k:1", "a", "1")
    wait_until(lambda: redis_client.hget("writebehind:{p}:engine", "message"), 20, "the engine's message")
    err = end(process)
    assert "changes wait in Redis until it is back" in err
    assert "hidden" not in err
    assert redis_client.xlen("writebehind:{p}:stream") == 1


def test_a_halted_pipeline_is_1(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    process = run_until_registered(Cli(redis_server.url), redis_client, recipe(tmp_path, repr(str(file)), options="error_handling='stop'"))
    redis_client.hset("k:1", "a", "not a number")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1, err
    assert "pipeline 'p' halted: " in err
    assert out == ""


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
