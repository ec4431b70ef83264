"""The `#` field: what each operation does here, in the stream and in the answer, by every way a client has to send it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.capture.support import (
    answer,
    assert_equal_everywhere,
    assert_no_operation_field,
    changes,
    drain,
    entries,
    hset,
    register,
)
from writebehind.testing import RedisServer

Send = Callable[[RedisServer, redis.Redis, list[Any]], Any]


def _plain(_: RedisServer, client: redis.Redis, command: list[Any]) -> Any:
    return client.execute_command(*command)


def _pipelined(_: RedisServer, client: redis.Redis, command: list[Any]) -> Any:
    with client.pipeline(transaction=False) as pipe:
        return pipe.execute_command("PING").execute_command(*command).execute()[1]


def _multi(_: RedisServer, client: redis.Redis, command: list[Any]) -> Any:
    with client.pipeline() as pipe:
        return pipe.execute_command("PING").execute_command(*command).execute()[1]


def _script(_: RedisServer, client: redis.Redis, command: list[Any]) -> Any:
    return client.eval("return redis.call(unpack(ARGV))", 0, *command)


def _mapping(_: RedisServer, client: redis.Redis, command: list[Any]) -> Any:
    return client.hset(command[1], mapping=dict(zip(command[2::2], command[3::2], strict=True)))


def _redis_cli(server: RedisServer, _: redis.Redis, command: list[Any]) -> Any:
    done = subprocess.run(["redis-cli", "-p", str(server.port), *map(str, command)], capture_output=True, text=True, check=True)
    return int(done.stdout)


WAYS: list[Send] = [_plain, _pipelined, _multi, _script, _mapping, _redis_cli]
UUIDS = ["", "6ce0c902-30c2-4ac9-8342-2f04fb359a94"]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__.lstrip("_"))
def send(request: pytest.FixtureRequest, server: RedisServer, client: redis.Redis) -> Callable[..., Any]:
    return lambda *command: request.param(server, client, list(command))


@pytest.mark.parametrize("uuid", UUIDS, ids=["alone", "uuid"])
def test_operations(send: Callable[..., Any], client: redis.Redis, server: RedisServer, replica: RedisServer, uuid: str) -> None:
    key = "person:1"
    assert send("HSET", key, "a", "1", "b", "2", "#", "=" + uuid) == 3
    assert client.hgetall(key) == {b"a": b"1", b"b": b"2"}
    assert answer(client, key, uuid or "None") is None
    assert [(e.op, e.uuid) for e in entries(client)] == [("c", uuid.encode() or None)]
    drain(client)

    assert send("HSET", key, "a", "3", "#", "+" + uuid) == 1
    assert client.hgetall(key) == {b"a": b"3", b"b": b"2"}
    assert changes(client) == []
    if uuid:
        assert answer(client, key, uuid) == {b"status": b"done"}
        assert 3590 <= client.ttl(f"{{{key}}}{uuid}") <= 3600

    assert send("HSET", key, "#", "-" + uuid) == 1
    assert not client.exists(key)
    assert changes(client) == []

    client.hset(key, "a", "1")
    drain(client)
    assert send("HSET", key, "#", "~" + uuid) == 1
    assert not client.exists(key)
    assert [(e.op, e.uuid) for e in entries(client)] == [("d", uuid.encode() or None)]
    assert (answer(client, key, uuid) if uuid else None) is None
    assert_equal_everywhere(server, replica)


def test_the_answer_stream_is_only_made_for_a_uuid(client: redis.Redis) -> None:
    hset(client, "person:1", "+", a="1")
    hset(client, "person:1", "-")
    assert client.keys("{*") == []


def test_reply_counts_the_field_once(client: redis.Redis) -> None:
    assert hset(client, "person:1", "=", a="1", b="2") == 3
    assert hset(client, "person:1", "=", a="1", c="2") == 2
    assert hset(client, "person:1", "+", a="1") == 1
    assert hset(client, "person:1", "-", a="1", d="2") == 2
    assert client.execute_command("HSET", "person:2", "a", "1", "a", "2", "#", "~") == 2


def test_hmset_replies_ok(client: redis.Redis) -> None:
    assert client.execute_command("HMSET", "person:1", "a", "1", "#", "=") in (b"OK", True)
    assert client.execute_command("hmset", "person:1", "#", "~") in (b"OK", True)
    assert [change[0] for change in changes(client)] == ["c", "d"]


def test_equals_alone_captures_what_is_there(client: redis.Redis) -> None:
    hset(client, "person:1", "+", a="1")
    assert hset(client, "person:1", "=u1") == 1
    assert [(e.op, e.fields, e.uuid) for e in entries(client)] == [("u", [b"1", None], b"u1")]


def test_plus_alone_on_a_key_is_answered(client: redis.Redis) -> None:
    hset(client, "person:1", "+", a="1")
    assert hset(client, "person:1", "+u1") == 1
    assert answer(client, "person:1", "u1") == {b"status": b"done"}
    assert changes(client) == []


@pytest.mark.parametrize("key", ["person:{u}:1", "person:}{", "person:{}", "person:", "person:a b\r\n", "person:\u00e4"])
def test_any_key_has_its_answer(client: redis.Redis, server: RedisServer, replica: RedisServer, key: str) -> None:
    assert hset(client, key, "+u1", a="1") == 2
    assert hset(client, key, "=u2", a="2") == 1
    assert hset(client, key, "-u3") == 1
    assert not client.exists(key)
    assert [(e.op, e.key.decode(), e.uuid) for e in entries(client)] == [("u", key, b"u2")]
    assert [answer(client, key, uuid) for uuid in ("u1", "u2", "u3")] == [{b"status": b"done"}, None, {b"status": b"done"}]
    assert_equal_everywhere(server, replica)


def test_tilde_captures_an_absent_key(client: redis.Redis) -> None:
    assert hset(client, "person:1", "~u1") == 1
    assert [(e.op, e.key, e.uuid) for e in entries(client)] == [("d", b"person:1", b"u1")]
    assert hset(client, "person:1", "-u2") == 1
    assert answer(client, "person:1", "u2") == {b"status": b"done"}


@pytest.mark.parametrize(
    "words",
    [
        ["a", "1", "#", ""],
        ["a", "1", "#", "x"],
        ["a", "1", "#", "uuid-without-operation"],
        ["#", "=", "a", "1", "#", "="],
        ["#", "=", "#", "+"],
        ["#", "="],
        ["#", "+"],
        ["#", "+u1"],
    ],
)
def test_errors_change_nothing(client: redis.Redis, words: list[str]) -> None:
    for command in ("HSET", "HMSET"):
        with pytest.raises(redis.ResponseError, match="^(?!NOPERM)"):
            client.execute_command(command, "person:1", *words)
    assert client.keys("*person*") == []
    assert client.xlen("writebehind:{p}:stream") == 0


@pytest.mark.parametrize("operation", ["=", "+", "-", "~", "=u", "-u"])
def test_wrong_type_changes_nothing(client: redis.Redis, operation: str) -> None:
    client.set("person:1", "text")
    drain(client)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        hset(client, "person:1", operation, a="1")
    assert client.get("person:1") == b"text"
    assert changes(client) == []
    assert client.keys("{*") == []


def test_an_odd_number_of_words_is_hsets_affair(client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError, match="wrong number of arguments for 'hset' command"):
        client.execute_command("HSET", "person:1", "a", "1", "#")


def test_a_refused_value_is_hsets_error(client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError, match="wrong number"):
        client.execute_command("WB.HSET", "person:1", "#")


def test_an_answer_key_of_another_type_refuses(client: redis.Redis) -> None:
    client.set("{person:1}u1", "mine")
    for operation in "=+-~":
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            hset(client, "person:1", operation + "u1", a="1")
    assert client.keys("person:*") == []
    assert changes(client) == []


def test_an_earlier_answer_is_deleted(client: redis.Redis) -> None:
    hset(client, "person:1", "+u1", a="1")
    assert answer(client, "person:1", "u1") is not None
    hset(client, "person:1", "=u1", a="2")
    assert not client.exists("{person:1}u1")
    client.xadd("{person:1}u1", {"someone": "else"})
    hset(client, "person:1", "+u1", a="2")
    assert answer(client, "person:1", "u1") == {b"status": b"done"}


def test_an_uncaptured_change_is_answered_at_once(client: redis.Redis) -> None:
    register(client, events=["hincrby"])
    hset(client, "person:1", "=u1", a="1")
    hset(client, "person:1", "~u2")
    assert changes(client) == []
    assert answer(client, "person:1", "u1") == {b"status": b"done"}
    assert answer(client, "person:1", "u2") == {b"status": b"done"}


def test_keys_under_no_pipeline_have_an_ordinary_field(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    assert hset(client, "car:1", "-", a="1") == 2
    assert client.hgetall("car:1") == {b"a": b"1", b"#": b"-"}
    other = connect(server, db=5)  # the filter can't know the database, the command does
    assert hset(other, "person:1", "~u1", a="1") == 2
    assert other.hgetall("person:1") == {b"a": b"1", b"#": b"~u1"}
    assert other.execute_command("HMSET", "person:1", "#", "=") in (b"OK", True)


def test_an_inactive_pipeline_has_an_ordinary_field(client: redis.Redis) -> None:
    client.execute_command("WB.UNREGISTER", "p")
    hset(client, "person:1", "-", a="1")
    assert client.hget("person:1", "#") == b"-"


def test_it_is_invisible_inside_a_transaction(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    with client.pipeline() as transaction:
        transaction.execute_command("HSET", "person:1", "a", "1", "#", "=u1")
        transaction.hgetall("person:1")
        transaction.execute_command("HSET", "person:1", "#", "-u2")
        transaction.exists("person:1")
        assert transaction.execute() == [2, {b"a": b"1"}, 1, 0]
    assert [(e.op, e.uuid) for e in entries(client)] == [("c", b"u1")]
    assert_equal_everywhere(server, replica)


def test_a_script_sees_the_error(client: redis.Redis) -> None:
    script = "local r = redis.pcall('HSET', KEYS[1], '#', 'x'); return r['err']"
    assert b"must begin" in client.eval(script, 1, "person:1")


def test_two_pipelines_share_a_uuid(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    register(client, "q", "*:1", fields=["b"])
    hset(client, "person:1", "=u1", a="1", b="2")
    hset(client, "person:2", "=u2", a="1", b="2")
    first, second = entries(client)
    (other,) = entries(client, "q")
    assert (first.shared, first.uuid, other.shared, other.uuid) == (True, b"u1", True, b"u1")
    assert (second.shared, second.uuid) == (False, b"u2")
    assert set(client.hgetall("writebehind:ack:{person:1}u1")) == {b"p", b"q"}
    assert not client.exists("writebehind:ack:{person:2}u2")
    assert_equal_everywhere(server, replica)


def test_ordinary_commands_carry_no_uuid(client: redis.Redis) -> None:
    hset(client, "person:1", "=u1", a="1")
    client.hset("person:1", "a", "2")
    assert [e.uuid for e in entries(client)] == [b"u1", None]


def test_memory_limit_refuses_as_hset_does(client: redis.Redis, server: RedisServer) -> None:
    client.config_set("maxmemory", 1)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        hset(client, "person:1", "=", a="1")
    client.config_set("maxmemory", 0)
    assert changes(client) == []
    assert_no_operation_field(server)
