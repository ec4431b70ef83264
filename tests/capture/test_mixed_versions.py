"""Replicas of another kind or version than their master, as in an upgrade without a stop: where the server can, the module does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.capture.conftest import named_servers
from tests.capture.support import changes, dataset, entries, hset, identity, register, wait_for_replica
from writebehind.testing import RedisServer, wait_until

Start = Callable[..., RedisServer]

SERVERS: dict[str, str | None] = {"default": None, **named_servers()}
PAIRS = [(old, new) for old in SERVERS for new in SERVERS if old != new]

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not PAIRS, reason="WB_SERVERS names no other server"),
]


@pytest.fixture(params=PAIRS or [("default", "default")], ids="-to-".join)
def upgrade(request: pytest.FixtureRequest, start: Start, connect: Any) -> tuple[RedisServer, RedisServer]:
    """A master with a pipeline and entries, and its replica, which is another server."""
    old, new = request.param
    master = start(server=SERVERS[old])
    client = connect(master)
    register(client)
    for i in range(50):
        hset(client, f"person:{i}", f"=u{i}", a=i)
    hset(client, "person:0", "+v0", a="1")
    replica = start("--replicaof", f"127.0.0.1 {master.port}", server=SERVERS[new])
    told = connect(replica)

    def up_or_refused() -> bool:
        return told.info("replication")["master_link_status"] == "up" or "handle RDB format version" in replica.log

    wait_until(up_or_refused, 20, "the replica's link")
    if "handle RDB format version" in replica.log:
        pytest.skip(f"{new} does not read what {old} sends")
    return master, replica


def test_an_upgrade_by_promotion(upgrade: tuple[RedisServer, RedisServer], connect: Any) -> None:
    master, replica = upgrade
    client, told = connect(master), connect(replica)
    client.hset("person:1", "a", "7")
    hset(client, "person:2", "~")
    client.move("person:3", 3)
    client.copy("person:4", "person:4", destination_db=3)
    client.pexpire("person:5", 100_000)
    client.flushall()
    hset(client, "person:1", "=u1", a="7")
    hset(client, "person:2", "+u2", a="7")
    wait_until(lambda: client.exists("writebehind:registry") == 1, 5, "the registry")
    wait_for_replica(client, told)
    assert dataset(replica) == dataset(master)
    before = identity(client)
    told.execute_command("REPLICAOF", "NO", "ONE")
    told.hset("person:1", "a", "8")
    assert [entry.identity for entry in entries(told)] == [before, identity(told)]
    assert changes(told)[-1] == ("u", "person:1", [b"8", None])
