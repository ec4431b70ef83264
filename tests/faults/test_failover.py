"""Another Redis becomes the master: by Sentinel, or by hand."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
import redis
from redis.sentinel import Sentinel

from .failover import SERVICE, follow, promote, replica_of, sentinel_url, sentinels_of, wait_for_replica
from .proxy import Proxy
from .stack import SENT_ONCE, Stack, stack
from writebehind.overview import read_overview
from writebehind.testing import free_port, wait_until

WRITERS = 4
STREAM = "writebehind:{persons}:stream"


def warned(run: Stack) -> bool:
    return any("came back as it was" in warning for one in read_overview(run.redis) for warning in one.warnings)


class Load:
    """Clients that find the master by Sentinel, write a key at a time, and wait for its acknowledgement."""

    def __init__(self, sentinel_port: int) -> None:
        self.done: set[int] = set()
        """Of these keys the writer was told that they are committed."""
        self._port = sentinel_port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self, more: int) -> None:
        """Waits until so many more are acknowledged."""
        before = len(self.done)
        wait_until(lambda: len(self.done) >= before + more, 60, f"{more} more acknowledgements")

    def _write(self, number: int) -> None:
        found = Sentinel([("127.0.0.1", self._port)], socket_timeout=2)
        client = found.master_for(SERVICE, decode_responses=True, retry=SENT_ONCE, socket_timeout=2)
        for seq in range(number, 1_000_000, WRITERS):
            if self._stop.is_set():
                break
            key = f"person:{seq}"
            try:
                client.hset(key, mapping={"first_name": f"name {seq}", "seq": seq, "#": f"={seq}"})
                if client.xread({f"{{{key}}}{seq}": "0-0"}, block=1000):
                    self.done.add(seq)
            except redis.RedisError:
                self._stop.wait(0.05)
        client.close()
        for sentinel in found.sentinels:
            sentinel.close()


def test_the_master_is_killed_under_load(module: Path, tmp_path: Path) -> None:
    """What was acknowledged is in the table, and nothing is written twice; the old master comes back as a replica."""
    least = ("--min-replicas-to-write", "1")
    with (
        stack("sqlite", module, tmp_path, *least, options=", wait_replicas=1, writers=2") as run,
        replica_of(run, module, *least) as one,
        replica_of(run, module, *least) as other,
        sentinels_of(run, replicas=2, count=3) as (first, second, third),
    ):
        old = run.server
        run.engine.redis_url = sentinel_url(free_port(), first.port, second.port, third.port)  # the first is not there
        run.start()
        with Load(third.port) as load:
            load.goes_on(200)
            old.kill()
            first.kill()
            wait_until(lambda: int(third.state()["port"]) != old.port, 30, "another master")
            load.goes_on(200)
            old.start()
            with redis.Redis(port=old.port, decode_responses=True) as client:
                wait_until(lambda: client.info("replication")["role"] == "slave", 30, "the old master as a replica")
            load.goes_on(50)
        follow(run, next(server for server in (one, other) if server.port == int(third.state()["port"])))
        run.drain()
        run.assert_equal()
        assert load.done <= {seq for _, seq in run.target.rows().values()}
        assert run.written_twice() == []
        assert not warned(run)
        assert run.engine.process and run.engine.process.poll() is None


@pytest.mark.parametrize("waits", [True, False], ids=["wait_replicas", "without"])
@pytest.mark.parametrize("is_running", [True, False], ids=["running", "restarted"])
def test_a_replica_that_lacks_the_last_changes_is_promoted(waits: bool, is_running: bool, module: Path, tmp_path: Path) -> None:
    options = ", wait_replicas=1" if waits else ""
    with stack("sqlite", module, tmp_path, options=options, proxied=True) as run, Proxy(run.server.port) as line:
        run.start()
        with replica_of(run, module, link=line) as replica:
            run.hset(0, 10)
            run.drain()
            wait_for_replica(run)
            line.is_mute = True  # the replica hears nothing any more, and nobody knows
            run.hset(5, 15, first_name="lost")
            if waits:
                wait_until(lambda: "nothing is committed before 1 replicas have it" in run.status("message"), 20, "the reason in `status`")
                assert run.status("state") == "retrying"
            else:
                run.drain()
                assert run.target.rows()["5"] == ("lost", 5)
            if not is_running:
                run.engine.kill()
            run.server.kill()
            promote(run, replica)
            if not is_running:
                run.engine.start()
            if waits:
                run.hset(20, 30, first_name="after it")
            else:
                wait_until(lambda: warned(run), 20, "the warning of `status`")
                assert run.engine.log.count("came back as it was") == 1
                run.hset(5, 15, first_name="after it")
            if waits:
                with replica_of(run, module):
                    run.drain()
                assert "lost" not in {first for first, _ in run.target.rows().values()}
                assert run.written_twice() == []
            run.drain()
            run.assert_equal()
            assert warned(run) is not waits
            # And that was that: the next start finds nothing wrong.
            assert run.engine.terminate() == 0
            said = run.engine.log.count("came back as it was")
            run.engine.start()
            run.hset(0, 1, first_name="at last")
            if waits:
                with replica_of(run, module):
                    run.drain()
            run.drain()
            run.assert_equal()
            assert run.engine.log.count("came back as it was") == said


def test_a_run_once_reads_again_what_its_master_took_along(module: Path, tmp_path: Path) -> None:
    with (
        stack("sqlite", module, tmp_path, options=", wait_replicas=1", proxied=True) as run,
        Proxy(run.server.port) as line,
        replica_of(run, module, link=line) as replica,
    ):
        run.start()
        assert run.engine.terminate() == 0
        run.hset(0, 10)
        with redis.Redis(port=replica.port) as client:
            wait_until(lambda: client.xlen(STREAM) == 10, 20, "the replica's data")
        line.is_mute = True
        run.hset(5, 15, first_name="lost")
        run.engine.start("--once")
        wait_until(lambda: "nothing is committed before 1 replicas have it" in run.status("message"), 20, "the reason in `status`")
        run.server.kill()
        promote(run, replica)
        with replica_of(run, module):
            assert (run.engine.wait(), run.waiting) == (0, 0)
        run.assert_equal()
        assert run.target.count() == 10


def test_a_master_that_becomes_a_replica_is_left(module: Path, tmp_path: Path) -> None:
    """Its connections stay open; where the engine connects anew is another server by then."""
    with stack("sqlite", module, tmp_path, proxied=True) as run, replica_of(run, module) as replica:
        run.start()
        run.hset(0, 100)
        run.drain()
        old = run.redis
        run.redis = redis.Redis(port=replica.port)
        wait_until(lambda: run.waiting == 0 and run.redis.hget("person:99", "seq"), 20, "the replica's data")
        promote(run, replica)
        old.execute_command("REPLICAOF", "127.0.0.1", replica.port)
        run.hset(50, 150, first_name="after it")
        run.drain()
        run.assert_equal()
        assert [count for *_, count in run.written_twice()] == [2] * 50  # once in each transaction
        assert not warned(run)


def test_a_replica_that_hangs_holds_commits_up(module: Path, tmp_path: Path) -> None:
    options = ", wait_replicas=1, retry_interval=0.2".replace("retry_interval", "onFailedRetryInterval")
    with stack("sqlite", module, tmp_path, options=options) as run, replica_of(run, module) as replica:
        run.start()
        run.hset(0, 10)
        run.drain()
        replica.signal(signal.SIGSTOP)
        try:
            run.hset(0, 10, first_name="held up")
            wait_until(lambda: "and within 1 s 0 had (wait_replicas; 1 connected)" in run.status("message"), 20, "the reason in `status`")
            assert (run.status("state"), run.target.rows()["0"]) == ("retrying", ("name 0", 0))
            run.redis.config_set("maxmemory", 1)  # the write that replicas are to confirm passes all the same
            retries = int(run.status("retries"))
            wait_until(lambda: int(run.status("retries")) > retries + 1, 20, "another attempt")
        finally:
            replica.signal(signal.SIGCONT)
        run.drain()
        run.redis.config_set("maxmemory", 0)
        run.assert_equal()
        wait_until(lambda: run.status("state") == "running", 20, "the end of the retries")
        replica.signal(signal.SIGSTOP)
        try:
            run.hset(0, 10, first_name="not yet")
            wait_until(lambda: run.status("state") == "retrying", 20, "a retry")
            assert run.engine.terminate(5) == 0
        finally:
            replica.signal(signal.SIGCONT)
        run.engine.start("--once")
        assert (run.engine.wait(), run.waiting) == (0, 0)
        run.assert_equal()
