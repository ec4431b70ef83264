"""Who may use `#`: the right to the filter's command and to HSET on the key, and nothing more comes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.capture.support import answer, changes, hset, identity, raw_entries
from writebehind.testing import RedisServer

As = Callable[..., redis.Redis]


@pytest.fixture
def as_user(client: redis.Redis, server: RedisServer, connect: Any) -> As:
    """`as_user(*rules)` is a client with exactly these rights."""

    def made(*rules: str) -> redis.Redis:
        client.execute_command("ACL", "SETUSER", "u", "reset", "on", ">pw", *rules)
        return connect(server, username="u", password="pw")

    return made


def test_both_rights_are_enough(as_user: As, client: redis.Redis) -> None:
    user = as_user("~person:*", "+hset", "+wb.hset")
    assert hset(user, "person:1", "=u1", a="1") == 2
    assert hset(user, "person:1", "+u2", a="1") == 1
    assert hset(user, "person:1", "-u3") == 1
    assert hset(user, "person:1", "~u4") == 1
    assert [change[0] for change in changes(client)] == ["c", "d"]
    assert answer(client, "person:1", "u3") == {b"status": b"done"}


@pytest.mark.parametrize("operation", ["=", "+", "-", "~", "=u", "-u"])
@pytest.mark.parametrize(
    ("rules", "what"),
    [
        (("~person:*", "+hset"), "'wb.hset' command"),
        (("~person:*", "+wb.hset"), "'hset' command"),
        (("~other:*", "+hset", "+wb.hset"), "keys"),
        (("%R~person:*", "+hset", "+wb.hset"), "keys"),
        (("~person:*", "+wb.hset", "(~other:* +hset)"), "."),
    ],
)
def test_one_right_is_not(as_user: As, client: redis.Redis, rules: tuple[str, ...], what: str, operation: str) -> None:
    client.hset("person:1", "a", "1")
    before = sorted(client.keys())
    user = as_user(*rules)
    with pytest.raises(redis.exceptions.NoPermissionError, match="(?i)permission"):
        hset(user, "person:1", operation, a="2")
    assert sorted(client.keys()) == before
    assert client.hget("person:1", "a") == b"1"
    assert len(changes(client)) == 1
    with pytest.raises(redis.exceptions.NoPermissionError), user.pipeline() as transaction:
        transaction.execute_command("HSET", "person:1", "a", "2", "#", operation).execute()
    assert client.hget("person:1", "a") == b"1"


def test_scripts_have_no_more_rights(as_user: As, client: redis.Redis) -> None:
    script = "return redis.call('HSET', KEYS[1], 'a', '1', '#', '=')"
    user = as_user("~person:*", "+eval", "+hset")
    with pytest.raises(redis.ResponseError, match="(?i)permission|can't run|ACL"):
        user.eval(script, 1, "person:1")
    user = as_user("~person:*", "+eval", "+hset", "+wb.hset")
    assert user.eval(script, 1, "person:1") == 2
    user = as_user("~person:*", "+eval", "+wb.hset")
    with pytest.raises(redis.ResponseError, match="(?i)permission|can't run|ACL"):
        user.eval(script, 1, "person:1")
    assert len(changes(client)) == 1


EVERYTHING_BUT = [
    ("-hset", "HSET person:1 a 2 # ="),
    ("-hset", "HSET person:1 # -"),
    ("-hset", "HSET person:1 # ~u"),
    ("-hset", "WB.HSET person:1 a 2 # ="),
    ("-hset", "WB.HSET person:1 a 2"),
    ("-hmset", "HMSET person:1 a 2 # ="),
    ("-hmset", "HMSET person:1 # -"),
    ("-hmset", "WB.HMSET person:1 a 2"),
    ("-wb.hset", "HSET person:1 # -"),
    ("-wb.hmset", "HMSET person:1 # -"),
    ("-@write", "HSET person:1 a 2 # ="),
]


@pytest.mark.parametrize(("rule", "command"), EVERYTHING_BUT, ids=[" ".join(row) for row in EVERYTHING_BUT])
@pytest.mark.parametrize("way", ["alone", "multi", "eval", "fcall"])
def test_everything_but_the_right_is_not(as_user: As, client: redis.Redis, rule: str, command: str, way: str) -> None:
    client.hset("person:1", "a", "1")
    call = "function(keys, words) return redis.call(unpack(words)) end"
    client.execute_command("FUNCTION", "LOAD", f"#!lua name=l\nredis.register_function('f', {call})")
    before = sorted(client.keys())
    user = as_user("~*", "+@all", rule)
    words = command.split()
    send: dict[str, Callable[[], Any]] = {
        "alone": lambda: user.execute_command(*words),
        "multi": lambda: user.pipeline().execute_command(*words).execute(),
        "eval": lambda: user.eval("return redis.call(unpack(ARGV))", 1, "person:1", *words),
        "fcall": lambda: user.fcall("f", 1, "person:1", *words),
    }
    with pytest.raises(redis.ResponseError, match="(?i)permission|can't run|ACL"):
        send[way]()
    assert sorted(client.keys()) == before
    assert client.hgetall("person:1") == {b"a": b"1"}
    assert len(changes(client)) == 1


def test_one_command_alone_is_enough_to_be_captured_but_not_for_the_field(as_user: As, client: redis.Redis) -> None:
    user = as_user("~person:*", "+hset")
    assert user.hset("person:1", "a", "1") == 1
    with pytest.raises(redis.exceptions.NoPermissionError, match="(?i)wb.hset"):
        hset(user, "person:1", "=", a="2")
    assert changes(client) == [("c", "person:1", [b"1", None])]


def test_a_copy_into_another_database_needs_both_keys(as_user: As, client: redis.Redis) -> None:
    """Some servers have it handed to WB.COPY, which asks for no more than COPY and its own name."""
    client.hset("person:1", "a", "1")
    command = ["COPY", "person:1", "other:1", "DB", "3"]
    for rules in (["~person:*"], ["~other:*"], ["%W~person:*", "~other:*"], ["~person:*", "%R~other:*"]):
        for words in (command, ["WB.COPY", *command[1:]]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                as_user(*rules, "+copy", "+wb.copy").execute_command(*words)
    with pytest.raises(redis.exceptions.NoPermissionError):
        as_user("~*", "+wb.copy").execute_command("WB.COPY", *command[1:])
    assert as_user("%R~person:*", "%W~other:*", "+copy", "+wb.copy").execute_command(*command)


def test_hmset_needs_its_own(as_user: As) -> None:
    user = as_user("~person:*", "+hmset", "+wb.hmset")
    assert user.execute_command("HMSET", "person:1", "a", "1", "#", "=") in (b"OK", True)
    user = as_user("~person:*", "+wb.hmset")
    with pytest.raises(redis.exceptions.NoPermissionError):
        user.execute_command("HMSET", "person:1", "a", "1", "#", "=")


def test_keys_under_no_pipeline_need_no_more_than_before(as_user: As, client: redis.Redis) -> None:
    user = as_user("~*", "+hset")
    assert hset(user, "car:1", "=") == 1
    user = as_user("~*", "+wb.hset")
    with pytest.raises(redis.exceptions.NoPermissionError):
        user.execute_command("WB.HSET", "car:2", "a", "1")
    assert not client.exists("car:2")


def test_capture_needs_the_key(as_user: As, client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    user = as_user("~other:*", "+wb.capture")
    for words in (["person:1"], ["ABSENT", "person:1"], ["other:1", "person:1"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            user.execute_command("WB.CAPTURE", *words)
    user = as_user("~person:*", "+wb.capture")
    assert user.execute_command("WB.CAPTURE", "ABSENT", "person:1") == 1


def test_registration_is_for_administrators(as_user: As, client: redis.Redis) -> None:
    for command in ("WB.REGISTER", "WB.UNREGISTER"):
        assert "admin" in client.command()[command]["flags"]
    if b"WB.REGISTER" not in client.execute_command("ACL", "CAT", "admin"):
        pytest.skip("Redis 7.0 puts no module's command into a category: there +@all has to be followed by -wb.register")
    user = as_user("~*", "+@all", "-@admin")
    with pytest.raises(redis.exceptions.NoPermissionError):
        user.execute_command("WB.REGISTER", "q", "{}")
    with pytest.raises(redis.exceptions.NoPermissionError):
        user.execute_command("WB.UNREGISTER", "p", "DROP")
    assert user.execute_command("WB.LIST")


def test_capture_itself_needs_no_right(as_user: As, client: redis.Redis) -> None:
    user = as_user("~person:*", "+hset")
    user.hset("person:1", "a", "1")
    assert changes(client) == [("c", "person:1", [b"1", None])]


def test_the_engines_commands_need_its_stream(as_user: As, client: redis.Redis) -> None:
    """Also on 7.0, where `+@all -@admin` has them: who may not touch the stream sees and settles no change."""
    hset(client, "person:1", "=u1", a="1")
    me = identity(client)
    ((entry_id, _),) = raw_entries(client)
    read = ["WB.READ", "p", "0-0", 10, 1000]
    settle = ["WB.SETTLE", "p", me, "9999999999999-0", 1, "field", "1-0", entry_id, ""]
    reject = ["WB.REJECT", "p", me, "1-0", "a", "b"]
    strays = ["WB.STRAYS", "p", 1, "b", "a", "b"]
    requeue = ["WB.REQUEUE", "p", raw_entries(client)[0][1]]
    rules = ["+wb.read", "+wb.settle", "+wb.reject", "+wb.strays", "+wb.requeue", "+xread", "+xdel", "~person:*"]
    user = as_user(*rules)
    for words in (read, settle, reject, strays, requeue):
        with pytest.raises(redis.exceptions.NoPermissionError, match="stream"):
            user.execute_command(*words)
    user = as_user(*rules, "%R~writebehind:*")
    assert user.execute_command(*read)
    with pytest.raises(redis.exceptions.NoPermissionError):
        user.execute_command(*settle)
    assert len(raw_entries(client)) == 1
    user = as_user(*rules, "~writebehind:*")
    assert user.execute_command(*reject) == 1
    assert user.execute_command(*strays) == b"OK"
    assert user.execute_command(*settle) == 1
    assert answer(client, "person:1", "u1") == {b"status": b"done"}
