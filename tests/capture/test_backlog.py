"""The limit of what may wait: at it, commands that would add a change are refused, until some changes are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.capture.support import answer, assert_replicated, changes, hset, identity, listed, raw_entries, register, registration, stream_of
from writebehind.testing import RedisServer, wait_until

LIMIT = {"max_pending": 2, "when_full": "reject"}
FULL = r"WBFULL pipeline 'p': 2 changes wait, and its max_pending is 2: try again"

Connect = Callable[..., redis.Redis]


def fill(client: redis.Redis, **definition: Any) -> None:
    register(client, **{**LIMIT, **definition})
    client.hset("person:1", "a", "1")
    client.hset("person:2", "a", "2")


def has(client: redis.Redis, command: str) -> bool:
    return cli_info(client, command) is not None


def cli_info(client: redis.Redis, command: str) -> Any:
    return client.eval("return redis.call('COMMAND', 'INFO', ARGV[1])[1]", 0, command)


def test_what_adds_is_refused_and_all_else_passes(client: redis.Redis, server: RedisServer, replica: RedisServer, connect: Connect) -> None:
    fill(client)
    client.hset("other:1", "a", "1")
    refused: list[list[Any]] = [
        ["HSET", "person:1", "a", "x"],
        ["hset", "person:9", "b", "x", "c", "x"],
        ["HMSET", "person:1", "a", "x"],
        ["HSETNX", "person:1", "z", "x"],
        ["HINCRBY", "person:1", "a", "1"],
        ["HIncrByFloat", "person:1", "a", "1.5"],
        ["RESTORE", "person:3", "0", client.dump("other:1")],
        ["HSET", "person:1", "a", "x", "#", "="],
        ["HSET", "person:1", "#", "=u"],
        ["WB.HSET", "person:1", "a", "x"],
        ["WB.UNLESSFULL", "HINCRBY", "person:1", "a", "1"],
        ["WB.UNLESSFULL", "HSET", "person:1", "a", "x", "#", "="],
        *([["HSETEX", "person:1", "EX", "100", "FIELDS", "1", "a", "x"]] if has(client, "HSETEX") else []),
    ]
    for words in refused:
        with pytest.raises(redis.ResponseError, match=FULL):
            client.execute_command(*words)
    assert client.hgetall("person:1") == {b"a": b"1"} and not client.exists("person:3", "person:9")
    assert len(raw_entries(client)) == 2 and answer(client, "person:1", "u") is None
    told = listed(client)
    assert (told["waiting"], told["max_pending"], told["when_full"], told["refused"]) == (2, 2, "reject", len(refused))
    info = client.info("writebehind")
    assert info["writebehind_pipeline_p"]["refused"] == info["writebehind_refused_total"] == len(refused)
    # Other keys, other databases, what is not captured, and what deletes.
    other = connect(server, db=3)
    assert (other.hset("person:1", "a", "1"), other.hincrby("person:1", "n", 2), other.hincrbyfloat("person:1", "f", 1.5)) == (1, 2, 1.5)
    assert other.execute_command("HSET", "person:1", "a", "2", "#", "plain") == 1
    assert (client.hset("car:1", "a", "1"), client.hincrby("car:1", "a", 1), client.hsetnx("car:1", "a", "9")) == (1, 2, 0)
    assert hset(client, "person:1", "+", a="y", b="z") == 2
    assert (client.hdel("person:1", "a"), client.unlink("person:2"), hset(client, "person:7", "~u"), client.delete("person:7")) == (1, 1, 1, 0)
    assert changes(client)[2:] == [("u", "person:1", [None, b"z"]), ("d", "person:2"), ("d", "person:7")]
    assert_replicated(server, replica)


def test_below_the_limit_again_all_goes_on(client: redis.Redis, server: RedisServer) -> None:
    fill(client)
    _, (second, _) = raw_entries(client)
    client.execute_command("WB.SETTLE", "p", identity(client), second, 0)
    assert client.hset("person:1", "a", "3") == 0
    with pytest.raises(redis.ResponseError, match=FULL):
        client.hincrby("person:1", "a", 1)
    client.xtrim(stream_of(), maxlen=0)  # by somebody else
    assert client.hincrby("person:1", "a", 1) == 4
    client.hset("person:1", "a", "5")
    client.delete(stream_of())
    assert client.hset("person:1", "a", "6") == 0
    client.hset("person:1", "a", "7")
    client.flushall()
    assert [client.hset(f"person:{i}", "a", "1") for i in (1, 2)] == [1, 1]
    with pytest.raises(redis.ResponseError, match=FULL):
        client.hset("person:1", "a", "1")
    client.execute_command("WB.UNREGISTER", "p")
    assert client.hset("person:1", "b", "1") == 1
    # Said again only where it had fallen to a half in between.
    assert server.log.count("max_pending is 2: writes to its keys are refused") == 5


def test_in_a_transaction_and_in_a_script(client: redis.Redis) -> None:
    """No more is lost than with any other command that fails."""
    fill(client)
    with client.pipeline() as transaction:
        transaction.hset("car:1", "a", "1").hset("person:1", "a", "x").hincrby("person:1", "a", 1).hset("car:2", "a", "1")
        replies = transaction.execute(raise_on_error=False)
    assert (replies[0], replies[3]) == (1, 1)
    for refused in replies[1:3]:
        assert isinstance(refused, redis.ResponseError) and str(refused).startswith("WBFULL")
    script = "redis.call('HSET', KEYS[1], 'a', '1'); redis.call(ARGV[1], KEYS[2], 'a', '1'); redis.call('HSET', KEYS[3], 'a', '1')"
    for command in ("HSET", "HINCRBY"):
        client.delete("car:3", "car:4")
        with pytest.raises(redis.ResponseError, match="WBFULL"):
            client.eval(script, 3, "car:3", "person:1", "car:4", command)
        assert (client.exists("car:3"), client.exists("car:4")) == (1, 0)
    assert client.eval("return redis.pcall('HSET', KEYS[1], 'a', '1')['err'] ~= nil", 1, "person:1") == 1
    assert client.hgetall("person:1") == {b"a": b"1"} and len(raw_entries(client)) == 2


def test_the_limit_belongs_to_no_definition(client: redis.Redis, server: RedisServer) -> None:
    for wrong in ({"max_pending": -1}, {"max_pending": "2"}, {"max_pending": 1.5}, {"max_pending": 2, "when_full": "drop"}):
        with pytest.raises(redis.ResponseError, match="definition is refused: '(max_pending|when_full)' must be"):
            register(client, **wrong)
    assert register(client, max_pending=2, when_full="warn") == 1
    for i in range(4):
        client.hset(f"person:{i}", "a", "1")
    wait_until(lambda: "pipeline 'p': 2 changes wait, and its max_pending is 2" in server.log, 5, "the log")
    assert register(client, **LIMIT) == 1
    assert registration(client)["max_pending"] == 2 and registration(client)["definitions"] == {"1": {"fields": ["a", "b"], "pattern": "person:*"}}
    with pytest.raises(redis.ResponseError, match="WBFULL pipeline 'p': 4 changes wait, and its max_pending is 2"):
        client.hset("person:1", "a", "2")
    assert register(client, max_pending=5, when_full="reject") == 1
    assert client.hset("person:1", "a", "2") == 0
    with pytest.raises(redis.ResponseError, match="WBFULL"):
        client.hset("person:1", "a", "2")
    assert register(client) == 1
    assert "max_pending" not in registration(client)
    assert client.hset("person:1", "a", "2") == 0
    assert register(client, events=["del"], **LIMIT) == 2  # it captures no HSET
    assert (client.delete("person:1"), client.hset("person:1", "a", "2")) == (1, 1)


def test_a_restart_and_a_promotion_keep_it(client: redis.Redis, server: RedisServer, replica: RedisServer, connect: Connect) -> None:
    fill(client)
    follower = connect(replica)
    wait_until(lambda: follower.xlen(stream_of()) == 2, 10, "the replica")
    with pytest.raises(redis.ResponseError, match="WBFULL"):
        client.hset("person:1", "a", "x")
    follower.replicaof("NO", "ONE")
    server.stop()
    server.start()
    for one in (client, follower):
        one.hset("person:3", "a", "3")  # by then nobody has looked
        with pytest.raises(redis.ResponseError, match="WBFULL pipeline 'p': 3 changes wait"):
            one.hset("person:3", "a", "4")
        assert one.hget("person:3", "a") == b"3"


def test_who_may(client: redis.Redis, server: RedisServer, connect: Connect) -> None:
    fill(client)

    def as_user(*rules: str) -> redis.Redis:
        client.execute_command("ACL", "SETUSER", "u", "reset", "on", ">pw", *rules)
        return connect(server, username="u", password="pw")

    has_categories = b"wb.unlessfull" in [name.lower() for name in client.execute_command("ACL", "CAT", "hash")]
    for rules in (["+hincrby", "+wb.unlessfull"], *([["+@hash"], ["+@write"]] if has_categories else [])):
        with pytest.raises(redis.ResponseError, match=FULL):
            as_user("~person:*", *rules).hincrby("person:1", "a", 1)
    with pytest.raises(redis.exceptions.NoPermissionError, match="(?i)wb.unlessfull"):
        as_user("~person:*", "+hincrby").hincrby("person:1", "a", 1)
    with pytest.raises(redis.exceptions.NoPermissionError, match="key"):
        as_user("~other:*", "+@all").hincrby("person:1", "a", 1)
    client.xtrim(stream_of(), maxlen=0)
    for rules in (["~person:*", "+wb.unlessfull"], ["%W~person:*", "+wb.unlessfull", "+hincrby"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            as_user(*rules).execute_command("WB.UNLESSFULL", "HINCRBY", "person:1", "a", "1")
    assert as_user("~person:*", "+wb.unlessfull", "+hincrby").execute_command("WB.UNLESSFULL", "HINCRBY", "person:1", "a", "1") == 2
    for words in (["DEL", "person:1"], ["FLUSHALL", "x"], ["WB.UNLESSFULL", "x"]):
        with pytest.raises(redis.ResponseError, match="one that adds to a hash"):
            client.execute_command("WB.UNLESSFULL", *words)
