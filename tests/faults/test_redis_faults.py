"""Redis crashes, is full, slow, cut off in the middle of an answer, or loses keys of ours."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from .proxy import Loss
from .stack import SENT_ONCE, Stack, stack
from tests.conftest import Cli
from writebehind.overview import read_overview
from writebehind.testing import wait_until

AOF = ("--appendonly", "yes", "--appendfsync")
STREAM = "writebehind:{persons}:stream"


def warnings(run: Stack) -> str:
    return "\n".join(warning for one in read_overview(run.redis) for warning in one.warnings)


class Load:
    """A client that writes keys, each once, in pipelines, and goes on where Redis was away.

    Args:
        server: port of it.
    """

    def __init__(self, server: int) -> None:
        self.accepted: set[int] = set()
        """Redis said that it has them."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, args=(server,))

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def goes_on(self, more: int = 2000) -> None:
        before = len(self.accepted)
        wait_until(lambda: len(self.accepted) >= before + more, 60, f"{more} more changes")

    def _write(self, port: int) -> None:
        client = redis.Redis(port=port, retry=SENT_ONCE)
        seq = 0
        while not self._stop.is_set():
            part = range(seq, seq + 50)
            seq += 50
            pipe = client.pipeline(transaction=False)
            for number in part:
                pipe.hset(f"person:{number}", mapping={"first_name": f"name {number}", "seq": number})
            try:
                pipe.execute()
                self.accepted.update(part)
            except redis.RedisError:
                self._stop.wait(0.02)
        client.close()


@pytest.mark.parametrize(("fsync", "options"), [("always", ", wait_aof=True"), ("everysec", "")], ids=["always", "everysec"])
def test_redis_is_killed_under_load(fsync: str, options: str, module: Path, tmp_path: Path) -> None:
    """SIGKILL takes nothing from an AOF that the system has: what a loss of power takes is below."""
    with stack("sqlite", module, tmp_path, *AOF, fsync, options=options) as run:
        run.start()
        with Load(run.server.port) as load:
            for _ in range(3):
                load.goes_on()
                run.server.kill()
                run.server.start()
            load.goes_on()
        run.drain()
        run.assert_equal()
        assert load.accepted <= {seq for _, seq in run.target.rows().values()}
        assert run.written_twice() == []
        assert "came back as it was" not in warnings(run)


def test_the_end_of_an_aof_is_lost(module: Path, tmp_path: Path) -> None:
    """As with a loss of power, under `appendfsync everysec`: in the middle of a change, behind which some were committed."""
    with stack("sqlite", module, tmp_path, *AOF, "everysec") as run:
        run.start()
        run.hset(0, 10)
        run.drain()
        run.hset(100, 110)
        (file,) = (run.server.directory / "appendonlydir").glob("*.incr.aof")
        kept = file.stat().st_size - 10
        run.drain()
        run.hset(0, 20, first_name="lost")
        run.drain()
        run.server.kill()
        with open(file, "r+b") as aof:
            aof.truncate(kept)
        run.server.start()
        wait_until(lambda: "came back as it was" in warnings(run), 20, "the warning of `status`")
        run.hset(0, 20, first_name="after it")
        run.drain()
        assert run.target.rows()["19"] == ("after it", 19)
        wanted = run.hashes()
        assert {key: row for key, row in run.target.rows().items() if key in wanted} == wanted
        assert run.target.query("SELECT person_id FROM written WHERE seq < 20 GROUP BY person_id, seq HAVING count(*) > 3") == []


def test_shutdown_without_a_snapshot(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, *AOF, "everysec") as run:
        run.start()
        with Load(run.server.port) as load:
            load.goes_on()
            run.redis.shutdown(nosave=True)
            assert run.server.process
            run.server.process.wait(20)
            run.server.start()
            load.goes_on()
        run.drain()
        run.assert_equal()
        assert run.written_twice() == []


def test_the_engine_loses_its_connections_under_load(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, options=", writers=2") as run:
        run.start()
        for part in range(40):
            run.hset(part * 200, part * 200 + 200)
            assert run.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 0
        run.drain()
        run.assert_equal()
        assert run.written_twice() == []
        assert run.target.count() == 8000


def test_a_slow_line_and_a_redis_that_hangs(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, proxied=True) as run:
        assert run.link
        run.link.delay_s = 0.05
        run.start()
        for part in range(10):
            run.hset(part * 500, part * 500 + 500)
        run.drain()
        run.hset(0, 2000, first_name="before it")
        run.redis.execute_command("DEBUG", "SLEEP", 5)
        run.hset(1000, 3000, first_name="after it")
        run.drain()
        run.assert_equal()
        assert "trying again" not in run.engine.log


@pytest.mark.parametrize("command", [b"WB.READ", b"XREAD", b"WB.SETTLE", b"writebehind:registry", b"XRANGE"])
def test_half_of_an_answer(command: bytes, module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, proxied=True) as run:
        assert run.link
        run.start()
        run.hset(0, 100)
        run.drain()
        if command in (b"writebehind:registry", b"XRANGE"):  # what is asked where reading begins anew
            run.link.lose(command, Loss.HALF)
            run.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        else:
            run.link.lose(command, Loss.HALF)
        run.hset(50, 2000, first_name="after it")
        assert run.link.lost.wait(20)
        run.drain()
        run.assert_equal()
        assert len(run.written_twice()) == 50  # those that were written in both transactions


def test_redis_is_full(module: Path, tmp_path: Path) -> None:
    """What it took before is captured, and drained; then it takes more."""
    control = "writebehind:{persons}:control"
    with stack("sqlite", module, tmp_path) as run:
        run.start()
        run.redis.hset(control, "paused", "1")
        wait_until(lambda: run.status("state") == "paused", 20, "the pause")
        run.redis.config_set("maxmemory", run.redis.info("memory")["used_memory"] + 3_000_000)
        accepted = 0
        with suppress(redis.exceptions.OutOfMemoryError):
            while accepted < 10_000:
                run.redis.hset(f"person:{accepted}", mapping={"first_name": "x" * 1000, "seq": accepted})
                accepted += 1
        assert 500 < run.waiting == accepted < 10_000
        run.redis.hdel(control, "paused")
        run.drain()
        assert run.target.count() == accepted
        run.assert_equal()
        run.hset(0, 100, first_name="there is room")
        run.drain()
        run.assert_equal()


def test_streams_may_be_evicted(module: Path, tmp_path: Path) -> None:
    """`run`, `status` and `configure` warn; a stream that was evicted is said, and what comes is captured."""
    with stack("sqlite", module, tmp_path, "--maxmemory-policy", "allkeys-lru") as run:
        run.start()
        run.hset(0, 10)
        run.drain()
        run.engine.kill()
        run.hset(0, 20, first_name="evicted")
        run.redis.config_set("maxmemory", 1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            run.redis.set("evict", "all")
        run.redis.config_set("maxmemory", 0)
        wait_until(run.registered, 20, "the registration, which the module puts back")
        run.engine.start()
        run.hset(5, 15, first_name="after it")
        run.drain()
        rows = run.target.rows()
        assert (rows["5"], rows["14"], rows["0"]) == (("after it", 5), ("after it", 14), ("name 0", 0))
        may = "maxmemory-policy is allkeys-lru: Redis may evict the streams of changes that wait"
        assert may in run.engine.log
        cli = Cli(run.server.url)
        for verb in ("status", "configure"):
            assert may in cli(verb).stderr
        assert "the stream was evicted, deleted or overwritten 1 times" in cli("status").stderr


def test_the_clock_steps_back(module: Path, tmp_path: Path) -> None:
    """IDs of entries go on from where they were, an hour ahead of the clock."""
    with stack("sqlite", module, tmp_path, options=", writers=2") as run:
        run.start()
        run.hset(0, 100)
        run.drain()
        ahead = f"{int(run.redis.time()[0]) * 1000 + 3_600_000}-7"
        run.redis.execute_command("XSETID", STREAM, ahead)
        for part in range(3):
            run.hset(50, 150, first_name=f"part {part}")
            run.redis.hset("person:200", mapping={"first_name": "told", "seq": part, "#": f"=part-{part}"})
            assert run.answer("person:200", f"part-{part}") == [{"status": "done"}]
            if part == 1:
                run.engine.kill()
                run.hset(60, 160, first_name="killed")
                run.engine.start()
        run.drain()
        run.assert_equal()
        last = run.redis.xinfo_stream(STREAM)["last-generated-id"]
        assert last.startswith(ahead.partition("-")[0]) and int(last.partition("-")[2]) > 7
        assert "came back as it was" not in warnings(run)
