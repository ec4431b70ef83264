"""How `writebehind run` waits for what is not there, and how it ends: by a signal, within 5 s, whatever hangs."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql
import pytest
import redis

from tests.conftest import Cli
from tests.python.running import end, recipe, rows, run_until_registered
from writebehind.cli import runner
from writebehind.cli.runner import Runner
from writebehind.errors import ConfigError
from writebehind.log import Log
from writebehind.pipeline import Pipeline
from writebehind.redis_url import parse_redis_url
from writebehind.testing import MariaDBServer, RedisServer, free_port, wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_writes_until_a_signal(tmp_path: Path, file: Path, redis_server: RedisServer, redis_client: redis.Redis, number: int) -> None:
    process = run_until_registered(Cli(redis_server.url), redis_client, recipe(tmp_path, repr(str(file)), options="version='1.0.0'"))
    redis_client.hset("k:1", "a", "7")
    wait_until(lambda: rows(file) == [("1", 7)], 10, "the row")
    err = end(process, number)
    assert "info p: k:* -> sqlite table t (registered, version 1.0.0)" in err
    assert "1 written, in 1 batches" in err
    assert redis_client.xlen("writebehind:{p}:stream") == 0


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


SIGNALLED = """
import os, signal, sys

def interrupt(frame, event, called):
    if event != "c_call" or called.__name__ not in ("allocate_lock", "acquire", "append", "get"):
        return
    names = []
    while frame is not None and not frame.f_code.co_filename.endswith("runner.py"):
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    waits = {"wait", "join", "_wait_for_tstate_lock"}
    if frame is not None and frame.f_code.co_name == "run" and set(names) <= waits:
        os.kill(os.getpid(), signal.SIGTERM)

sys.setprofile(interrupt)
"""


def test_a_signal_may_come_at_any_step_of_the_waiting(tmp_path: Path, file: Path, redis_server: RedisServer) -> None:
    script = recipe(tmp_path, repr(str(file)))
    script.write_text(script.read_text() + SIGNALLED)
    process = Cli(redis_server.url).start("run", script)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, ""), err


def test_an_error_is_told_though_its_thread_is_slow_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(status: int) -> None:
        raise AssertionError(f"left with {status}")

    class Slow(Runner):
        def _serve(self, pipelines: list[Pipeline]) -> None:
            raise ConfigError("wrong")

        def _work(self, pipelines: list[Pipeline]) -> None:
            super()._work(pipelines)
            released.wait(10)

    released = threading.Event()
    monkeypatch.setattr(runner, "_leave", leave)
    releaser = threading.Timer(0.2, released.set)
    releaser.start()
    with pytest.raises(ConfigError, match="wrong"):
        Slow(parse_redis_url("redis://127.0.0.1"), Log("error"), once=False).run([])
    releaser.join()


@contextmanager
def black_hole() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port that takes connections, which it tells, and never answers: a database that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], held
        listener.shutdown(socket.SHUT_RDWR)
        for link in held:
            link.close()


@pytest.mark.parametrize("kind", ["Postgres", "MySql"])
def test_a_signal_ends_it_while_a_database_hangs(tmp_path: Path, redis_server: RedisServer, kind: str) -> None:
    with black_hole() as (port, connections):
        process = Cli(redis_server.url).start("run", recipe(tmp_path, f"'u', 'p', '127.0.0.1:{port}/d'", kind))
        wait_until(lambda: connections or process.poll() is not None, 20, "the run's connection to the database")
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


@pytest.mark.parametrize(
    ("ends", "told"), [("sys.exit()", "SystemExit\n"), ("raise KeyboardInterrupt('no vault')", "KeyboardInterrupt: no vault\n")]
)
def test_a_callable_that_ends_the_run_is_1_and_told(tmp_path: Path, redis_server: RedisServer, ends: str, told: str) -> None:
    script = recipe(tmp_path, "user, 'p', '127.0.0.1:1/d'", "Postgres")
    script.write_text(f"import sys\ndef user():\n    {ends}\n{script.read_text()}")
    done = Cli(redis_server.url)("run", script)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"error: code of a recipe ended the run: {told}")
