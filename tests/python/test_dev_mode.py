"""Python's development mode (`-X dev`), which tells of files and connections left open and of wrong memory, has nothing to say."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from tests.conftest import Cli
from tests.python.running import end, recipe, run_until_registered
from writebehind.testing import RedisServer, wait_until


@pytest.fixture
def dev(redis_server: RedisServer) -> Cli:
    cli = Cli(redis_server.url)
    # Every warning ends the run, but one that a destructor raises is printed: both are looked for.
    cli.environment.update(PYTHONDEVMODE="1", PYTHONWARNINGS="error")
    return cli


def is_quiet(stderr: str) -> bool:
    return not any(word in stderr for word in ("Warning", "Traceback", "Exception ignored", "Fatal"))


def test_verbs_and_a_run(dev: Cli, tmp_path: Path, file: Path, redis_client: redis.Redis) -> None:
    script = recipe(tmp_path, repr(str(file)), options="transform=lambda change: change")
    process = run_until_registered(dev, redis_client, script)
    redis_client.hset("k:1", "a", "1")
    redis_client.hset("k:2", "a", "no number")
    wait_until(lambda: redis_client.xlen("writebehind:{p}:rejected"), 20, "the rejected change")
    for verb in (["status"], ["rejected", "list", "p"], ["rejected", "retry", "p"], ["schema", script], ["configure"], ["pause", "p"]):
        done = dev(*verb)
        assert (done.returncode, is_quiet(done.stderr)) == (0, True), done.stderr
    assert is_quiet(end(process))


def test_the_demo(dev: Cli) -> None:
    done = dev("demo", "--rows", "1000")
    assert (done.returncode, is_quiet(done.stderr)) == (0, True), done.stderr
