"""WB.LEASE and WB.LEASED: one engine has a pipeline's lease, and only its holder settles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis

from tests.capture.support import identity, register, registration
from writebehind.testing import RedisServer, wait_until

LEASE = "writebehind:{p}:lease"
STANDBYS = "writebehind:{p}:standbys"
KEPT, TAKEN, ANOTHERS = 2, 1, 0


@pytest.fixture
def master(pair: tuple[RedisServer, RedisServer]) -> Iterator[redis.Redis]:
    with closing(redis.Redis(port=pair[0].port, protocol=2, single_connection_client=True)) as made:
        made.replicaof("NO", "ONE")
        made.config_set("maxmemory", 0)
        made.flushall()
        register(made)
        yield made


def ask(client: redis.Redis, token: str, ms: int = 30_000, pipeline: str = "p") -> Any:
    return client.execute_command("WB.LEASE", pipeline, token, ms, f"engine-{token}")


def holds(client: redis.Redis, token: str) -> bool:
    return client.execute_command("WB.LEASE", "p", token) == 1


def test_one_has_it(master: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    origin = registration(master)["origin"].encode()
    with closing(redis.Redis(port=pair[0].port, protocol=2, single_connection_client=True)) as second:
        assert ask(master, "a") == [TAKEN, origin, b"engine-a"]
        assert ask(master, "a") == [KEPT, origin, b"engine-a"]
        assert ask(second, "b") == [ANOTHERS, origin, b"engine-a"]
        assert second.hkeys(STANDBYS) == [b"engine-b"]
        assert 0 < master.pttl(LEASE) <= 30_000
        assert holds(master, "a")
        assert not holds(master, "b")
        # Neither a flush nor a full memory changes that.
        master.flushall()
        assert ask(second, "b")[0] == ANOTHERS
        master.config_set("maxmemory", 1)
        assert ask(master, "a")[0] == KEPT
        assert holds(master, "a")
        # Given up, it is the next one's at once; who gives up what it has not does nothing.
        assert ask(second, "b", 0) == 0
        assert ask(master, "a", 0) == 1
        assert ask(second, "b")[0] == TAKEN
        assert not second.exists(STANDBYS)
        assert not holds(master, "a")
        master.config_set("maxmemory", 0)
        # It ends with its connection, and with its time.
        second.close()
        wait_until(lambda: ask(master, "c")[0] == TAKEN, 10, "the end of the connection")
        ask(master, "c", 50)
        wait_until(lambda: not master.exists(LEASE), 10, "the end of its time")
        assert ask(master, "c")[0] == KEPT, "nobody had it meanwhile"
        ask(master, "c", 50)
        wait_until(lambda: ask(master, "d")[0] == TAKEN, 10, "the end of its time")
        assert ask(master, "c")[0] == ANOTHERS
        ask(master, "d", 0)


def test_only_its_holder_settles_rejects_and_stores_strays(master: redis.Redis) -> None:
    master.hset("person:1", mapping={"a": "1"})
    of = identity(master)
    commands = [
        ["WB.SETTLE", "p", of, "9999999999999-0", 1, f"0/{of}/1of1", "5-0"],
        ["WB.REJECT", "p", of, "1-0", "reason", "x"],
        ["WB.STRAYS", "p", 0, "field", "value"],
    ]
    ask(master, "a")
    before = sorted(master.keys("*"))
    for words in commands:
        with pytest.raises(redis.ResponseError, match="WBLEASE another engine has taken over pipeline 'p'"):
            master.execute_command("WB.LEASED", "b", *words)
    assert sorted(master.keys("*")) == before
    assert master.xlen("writebehind:{p}:stream") == 1
    for words in commands:
        master.execute_command("WB.LEASED", "a", *words)
    assert master.xlen("writebehind:{p}:stream") == 0
    assert master.xlen("writebehind:{p}:rejected") == 1
    assert master.hget("writebehind:{p}:strays", "field") == b"value"
    with pytest.raises(redis.ResponseError, match="expected: WB.LEASED"):
        master.execute_command("WB.LEASED", "a", "WB.READ", "p", "0-0", 1, 1)
    ask(master, "a", 0)


def test_it_goes_along_to_a_promoted_replica(master: redis.Redis, pair: tuple[RedisServer, RedisServer]) -> None:
    ask(master, "a")
    with closing(redis.Redis(port=pair[1].port, protocol=2)) as replica:
        wait_until(lambda: replica.exists(LEASE), 10, "the lease on the replica")
        with pytest.raises(redis.exceptions.ReadOnlyError):
            ask(replica, "a")
        replica.replicaof("NO", "ONE")
        try:
            assert ask(replica, "b")[0] == ANOTHERS, "its connection is another server's"
            assert ask(replica, "a")[0] == KEPT
        finally:
            replica.replicaof("127.0.0.1", str(pair[0].port))
    ask(master, "a", 0)


@pytest.mark.parametrize("words", [["p"], ["p", "a b", 1, "e"], ["p", "", 1, "e"], ["p", "a", -1, "e"], ["p{", "a", 1, "e"]], ids=str)
def test_wrong_words(master: redis.Redis, words: list[Any]) -> None:
    before = sorted(master.keys("*"))
    with pytest.raises(redis.ResponseError, match="wrong number|expected: WB.LEASE|a pipeline's name"):
        master.execute_command("WB.LEASE", *words)
    assert sorted(master.keys("*")) == before
