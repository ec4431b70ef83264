"""Many flushes within a millisecond: each takes what waited and the registry with it, and capture goes on behind each."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.capture.support import assert_equal_everywhere, drain, entries, hset, identity, listed, registration, saved
from writebehind.testing import RedisServer

ROUNDS = 200


def _identities(replies: list[Any]) -> list[bytes]:
    """Of pipeline p, from each WB.LIST among the replies."""
    lines = [reply[0] for reply in replies if isinstance(reply, list) and reply]
    pairs = [line.items() if isinstance(line, dict) else zip(line[::2], line[1::2], strict=True) for line in lines]
    return [dict(pair)[b"identity"] for pair in pairs]


@pytest.mark.parametrize("transaction", [False, True], ids=["pipeline", "multi"])
@pytest.mark.parametrize("flush", ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "FLUSHDB SYNC"])
def test_capture_goes_on(client: redis.Redis, server: RedisServer, replica: RedisServer, flush: str, transaction: bool) -> None:
    with client.pipeline(transaction=transaction) as batch:
        for i in range(ROUNDS):
            batch.execute_command(*flush.split())
            batch.execute_command("HSET", f"person:{i}", "a", i)
            batch.execute_command("WB.LIST")
        replies = batch.execute()
    identities = _identities(replies)
    assert len(identities) == len(set(identities)) == ROUNDS
    (entry,) = entries(client)
    assert (entry.key, entry.fields, entry.definition) == (b"person:199", [b"199", None], registration(client)["definition"])
    assert entry.identity == identity(client) == identities[-1].decode()
    assert saved(client) == [entry.identity]
    assert listed(client)["flushed"] == ROUNDS - 1
    assert_equal_everywhere(server, replica)
    client.hset("person:1", "a", "1")
    assert [(e.key, e.identity) for e in entries(client)] == [(b"person:199", entry.identity), (b"person:1", entry.identity)]


def test_answers_and_transactions_between(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    """Three changes a round, of which the flush in the midst takes one, two are in one MULTI with it."""
    with client.pipeline(transaction=False) as batch:
        for i in range(ROUNDS):
            batch.execute_command("HSET", f"person:{i}", "a", i, "#", f"=u{i}")
            batch.execute_command("MULTI")
            batch.execute_command("FLUSHDB")
            batch.execute_command("HSET", f"person:{i}", "b", i, "#", f"=v{i}")
            batch.execute_command("HSET", f"person:{i}", "#", f"+w{i}")
            batch.execute_command("EXEC")
        batch.execute()
    (entry,) = entries(client)
    assert (entry.op, entry.key, entry.fields, entry.uuid) == ("c", b"person:199", [None, b"199"], b"v199")
    assert entry.identity == identity(client)
    assert sorted(key for key in client.keys() if key.startswith(b"{")) == [b"{person:199}w199"]
    saved(client)
    assert listed(client)["flushed"] == 2 * ROUNDS - 1
    assert_equal_everywhere(server, replica)


def test_the_stream_deleted_as_often(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    with client.pipeline(transaction=False) as batch:
        for i in range(ROUNDS):
            batch.delete("writebehind:{p}:stream").hset(f"person:{i}", "a", i).delete("writebehind:registry")
        batch.execute()
    (entry,) = entries(client)
    assert (entry.key, entry.identity) == (b"person:199", identity(client))
    saved(client)
    assert_equal_everywhere(server, replica)
    drain(client)
    assert hset(client, "person:1", "=u", a="1") == 1
    assert [e.identity for e in entries(client)] == saved(client)
