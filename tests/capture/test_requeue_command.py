"""WB.REQUEUE: a rejected upsert goes into the stream once more, as it was, and answers nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from tests.capture.support import assert_equal_everywhere, drain, entries, hset, identity, raw_entries, register, registration
from writebehind.testing import RedisServer


@pytest.mark.parametrize("fields", [["a", "b"], None], ids=["positional", "by name"])
@pytest.mark.parametrize("operation", ["=u1", "="], ids=["uuid", "no uuid"])
def test_its_values_and_definition_are_those_of_then(
    client: redis.Redis, server: RedisServer, replica: RedisServer, fields: list[str] | None, operation: str
) -> None:
    register(client, fields=fields)
    hset(client, "person:1", operation, a="x" * 300)
    ((entry_id, packed),) = raw_entries(client)
    (old,) = entries(client)
    client.execute_command("WB.REJECT", "p", identity(client), entry_id, "entry", packed)  # keeps its definition
    drain(client)
    client.execute_command("HSET", "person:1", "#", "-")
    register(client, fields=["b", "c"])
    client.delete("writebehind:{p}:stream")  # another identity
    assert client.execute_command("WB.REQUEUE", "p", packed) == 1
    (new,) = entries(client)
    assert old.identity != identity(client)
    assert new == replace(old, identity=identity(client), uuid=None)
    assert raw_entries(client)[0][1][1] & 0b101 == 0  # neither a uuid nor one that others share
    assert_equal_everywhere(server, replica)


def test_a_key_that_is_there_is_left_to_a_capture(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    ((_, packed),) = raw_entries(client)
    assert client.execute_command("WB.REQUEUE", "p", packed) == 0
    assert len(raw_entries(client)) == 1


def test_what_it_refuses(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    client.delete("person:1")
    (_, upsert), (_, delete) = raw_entries(client)
    for wrong in (delete, b"", b"u", upsert[:12]):
        with pytest.raises(redis.exceptions.ResponseError, match="entry of an upsert"):
            client.execute_command("WB.REQUEUE", "p", wrong)
    with pytest.raises(redis.exceptions.ResponseError, match="no such pipeline 'q'"):
        client.execute_command("WB.REQUEUE", "q", upsert)
    unknown = upsert[:10] + b"\x63" + upsert[11:]  # its definition's serial
    with pytest.raises(redis.exceptions.ResponseError, match="definition that captured this entry is no more"):
        client.execute_command("WB.REQUEUE", "p", unknown)
    assert len(raw_entries(client)) == 2


def test_its_definition_is_kept_as_long_as_it_waits(client: redis.Redis) -> None:
    hset(client, "person:1", "=", a="1")
    ((entry_id, packed),) = raw_entries(client)
    client.execute_command("WB.REJECT", "p", identity(client), entry_id, "entry", packed)
    drain(client)
    client.execute_command("HSET", "person:1", "#", "-")
    register(client, fields=["b"])
    client.hset("person:2", "b", "2")
    assert client.execute_command("WB.REQUEUE", "p", packed) == 1  # behind an entry of a later definition
    client.delete("writebehind:{p}:rejected")
    register(client, fields=["c"])
    assert sorted(registration(client)["definitions"]) == ["1", "2", "3"]
