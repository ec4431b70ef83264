"""Loading, replication and promotion: registrations survive, and capture goes on with the first command."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.capture.support import (
    REGISTRY,
    aof_text,
    assert_equal_everywhere,
    changes,
    dataset,
    entries,
    hset,
    identity,
    listed,
    register,
    registration,
    stream_of,
    wait_for_replica,
)
from writebehind.testing import RedisServer, wait_until

Start = Callable[..., RedisServer]


@pytest.mark.parametrize("crash", [True, False], ids=["crash", "shutdown"])
def test_aof_restart(client: redis.Redis, server: RedisServer, connect: Any, crash: bool) -> None:
    hset(client, "person:1", "=u1", a="1")
    before, registered = identity(client), registration(client)
    expected = dataset(server)
    server.kill() if crash else server.stop()
    server.start()
    again = connect(server)
    assert dataset(server) == expected
    assert registration(again) == registered
    again.hset("person:2", "a", "2")
    assert [(e.key, e.identity) for e in entries(again)] == [(b"person:1", before), (b"person:2", before)]


def test_rdb_restart(start: Start, connect: Any) -> None:
    server = start("--appendonly", "no")
    client = connect(server)
    register(client)
    register(connect(server, db=9), "q", "car:*")
    client.hset("person:1", "a", "1")
    client.save()
    server.kill()
    server.start()
    again = connect(server)
    again.hset("person:2", "a", "2")
    connect(server, db=9).hset("car:1", "a", "2")
    assert [change[1] for change in changes(again)] == ["person:1", "person:2"]
    assert [change[1] for change in changes(connect(server, db=9), "q")] == ["car:1"]


def test_rewritten_aof(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    hset(client, "person:1", "=u1", a="1")
    client.bgrewriteaof()
    wait_until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, 20)
    hset(client, "person:2", "+u2", a="1")
    expected = dataset(server)
    server.kill()
    server.start()
    assert dataset(server) == expected


def test_loading_captures_nothing(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    for i in range(100):
        client.hset(f"person:{i}", "a", "1")
    client.execute_command("DEBUG", "LOADAOF")
    client.execute_command("DEBUG", "RELOAD")
    assert client.xlen(stream_of()) == 100
    client.hset("person:x", "a", "1")
    assert client.xlen(stream_of()) == 101


def test_data_load_without_the_module(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    hset(client, "person:1", "=u1", a="1")
    server.stop()
    module, server.module = server.module, None
    server.start()
    plain = connect(server)
    assert plain.hgetall("person:1") == {b"a": b"1"}
    assert plain.exists(REGISTRY)
    plain.execute_command("MODULE", "LOAD", str(module))
    plain.hset("person:2", "a", "1")
    assert [change[1] for change in changes(plain)] == ["person:1", "person:2"]


def test_load_and_unload_at_run_time(client: redis.Redis, server: RedisServer) -> None:
    before = identity(client)
    client.hset("person:1", "a", "1")
    for _ in range(3):
        client.execute_command("MODULE", "UNLOAD", "writebehind")
        client.hset("person:nobody", "a", "1")
        client.execute_command("MODULE", "LOAD", str(server.module))
        assert identity(client) == before
    client.execute_command("MODULE", "UNLOAD", "writebehind")
    client.delete(stream_of())
    client.execute_command("MODULE", "LOAD", str(server.module))
    assert identity(client) != before
    client.hset("person:2", "a", "1")
    assert [change[1] for change in changes(client)] == ["person:2"]


def test_a_replica_only_follows(client: redis.Redis, server: RedisServer, replica: RedisServer, connect: Any) -> None:
    hset(client, "person:1", "=u1", a="1")
    hset(client, "car:1", "=", a="1")  # `#` is an ordinary field there, also where the filter meets it again
    told = connect(replica)
    wait_for_replica(client, told)
    assert told.hget("car:1", "#") == b"="
    assert told.xlen(stream_of()) == 1
    assert identity(told) == identity(client)
    for command in (
        ["HSET", "person:1", "a", "1", "#", "-"],
        ["WB.HSET", "person:1", "#", "-"],
        ["WB.UNREGISTER", "p"],
        ["WB.CAPTURE", "person:1"],
        ["WB.READ", "p", "0-0", 10, 1000],  # so that an engine learns that its master is none any more
    ):
        with pytest.raises(redis.exceptions.ReadOnlyError):
            told.execute_command(*command)


def test_a_replica_follows_registrations(client: redis.Redis, replica: RedisServer, connect: Any) -> None:
    told = connect(replica)
    register(client, "q", "car:*")
    client.execute_command("WB.UNREGISTER", "p", "DROP")
    wait_for_replica(client, told)
    assert [listed(told, "q")["identity"]] == [identity(client, "q")]
    with pytest.raises(LookupError):
        listed(told)
    client.execute_command("WB.UNREGISTER", "q", "DROP")
    wait_for_replica(client, told)
    assert told.execute_command("WB.LIST") == []


@pytest.mark.parametrize("diskless", ["disabled", "swapdb", "on-empty-db"])
def test_promotion(client: redis.Redis, server: RedisServer, start: Start, connect: Any, diskless: str) -> None:
    hset(client, "person:1", "=u1", a="1")
    follower = start("--replicaof", f"127.0.0.1 {server.port}", "--repl-diskless-load", diskless)
    told = connect(follower)
    wait_until(lambda: told.info("replication")["master_link_status"] == "up", 20)
    before = identity(client)
    told.execute_command("REPLICAOF", "NO", "ONE")
    told.execute_command("HSET", "person:2", "a", "2", "#", "=u2")
    first, second = entries(told)
    assert (first.identity, second.identity) == (before, identity(told))
    assert second.identity != before
    wait_until(lambda: registration(told)["identities"] == [before, second.identity], 5)
    # The old master becomes a replica of the new one: it stops capturing and holds the same.
    client.execute_command("REPLICAOF", "127.0.0.1", follower.port)
    wait_until(lambda: client.info("replication")["master_link_status"] == "up", 20)
    told.hset("person:3", "a", "3")
    assert_equal_everywhere(follower, server)
    assert len(entries(client)) == 3


def test_promotion_right_after_a_flush_keeps_the_registration(client: redis.Redis, replica: RedisServer, connect: Any) -> None:
    told = connect(replica)
    client.hset("person:1", "a", "1")
    before = identity(client)
    with client.pipeline() as transaction:  # the transaction keeps the put-back away until the link is cut
        transaction.flushall().execute()
    wait_for_replica(client, told)
    told.execute_command("REPLICAOF", "NO", "ONE")
    told.hset("person:2", "a", "1")
    assert before not in registration(told)["identities"]
    assert [change[1] for change in changes(told)] == ["person:2"]


def test_put_back_waits_for_paused_clients(client: redis.Redis, server: RedisServer, replica: RedisServer, connect: Any) -> None:
    other = connect(server)
    with client.pipeline() as transaction:
        transaction.execute_command("FLUSHALL")
        transaction.execute_command("CLIENT", "PAUSE", "400", "WRITE")
        transaction.execute()
    until = time.monotonic() + 0.2
    while time.monotonic() < until:
        assert not other.exists(REGISTRY)
    wait_until(lambda: other.exists(REGISTRY) == 1, 5, "the registry after the pause")
    assert_equal_everywhere(server, replica)


def test_the_aof_holds_effects_alone(client: redis.Redis, server: RedisServer) -> None:
    hset(client, "person:1", "=u1", a="1")
    hset(client, "person:1", "+u2", a="2")
    hset(client, "person:1", "~u3")
    text = aof_text(server).upper()
    assert b"WB.HSET" not in text
    assert b"$1\r\n#\r\n" not in text


def test_gears_argument(start: Start, connect: Any, module: Any) -> None:
    off = start("--loadmodule", str(module), "gears", "no", module=None)
    register(connect(off))
    on = start("--loadmodule", str(module), "gears", "yes", module=None)
    assert "not served yet" in on.log
    with pytest.raises(ChildProcessError, match="unknown argument 'nonsense'"):
        start("--loadmodule", str(module), "nonsense", module=None)


def test_cluster_is_refused_clearly(start: Start, connect: Any) -> None:
    client = connect(start("--cluster-enabled", "yes"))
    with pytest.raises(redis.ResponseError, match="Cluster"):
        register(client)


@pytest.mark.parametrize("commands", [["FLUSHALL"], ["FLUSHDB", "BGSAVE"], [f"DEL {REGISTRY}", "BGSAVE"]], ids="+".join)
def test_a_snapshot_right_behind_holds_the_registrations(start: Start, connect: Any, commands: list[str]) -> None:
    """FLUSHALL saves at once, where there are save points; the registry key is put back later than that."""
    server = start("--appendonly", "no", "--save", "3600 100000")
    client = connect(server)
    register(client)
    client.hset("person:1", "a", "1")
    with client.pipeline(transaction=False) as together:  # what arrives at once is run before any timer
        for command in commands:
            together.execute_command(*command.split())
        together.execute()
    wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0, 20, "the snapshot")
    assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
    server.kill()
    server.start()
    again = connect(server)
    again.hset("person:2", "a", "1")
    assert entries(again)[-1].key == b"person:2"
    assert entries(again)[-1].identity == identity(again)


@pytest.mark.parametrize(
    "words",
    [
        ["WB.REGISTER", "q", '{"pattern": "car:*"}'],
        ["WB.UNREGISTER", "p", "DROP"],
        ["WB.SETTLE", "p", "0123456789abcdef", "0-0", 0],
        ["WB.REJECT", "p", "0123456789abcdef", "1-0", "a", "b"],
        ["WB.STRAYS", "p", 0, "a", "b"],
    ],
    ids=lambda words: words[0],
)
def test_a_replica_that_lets_clients_write(client: redis.Redis, replica: RedisServer, connect: Any, words: list[Any]) -> None:
    told = connect(replica)
    wait_for_replica(client, told)
    told.config_set("replica-read-only", "no")
    before = told.hgetall(REGISTRY)
    with pytest.raises(redis.exceptions.ReadOnlyError, match="replica"):
        told.execute_command(*words)
    assert told.hgetall(REGISTRY) == before
