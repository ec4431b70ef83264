"""Who may write some keys has no command of ours, no uuid and no operation by which any other key is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.capture.support import answer, dataset, entries, hset, identity, raw_entries, register, stream_of
from writebehind.testing import RedisServer

Connect = Callable[..., redis.Redis]

UUIDS = [
    "u", "}", "{", "}}", "{}", "{other:1}u", "}{other:1}u", "} other:1", "\0{other:1}u", "\r\nDEL other:1\r\n", "writebehind:registry",
    "}writebehind:{q}:stream", "=", "#", " ", "'\"\\;--", "x" * 5000, b"\xff\xfe",
]  # fmt: skip
KEYS = ["person:1", "person:{other:1}", "person:}{other:1}u", "person:{", "person:}", "person:\0", "person:{writebehind:registry}"]

OF_OTHERS = [
    "WB.HSET other:1 a 1", "WB.HSET other:1 a 1 # =", "WB.HMSET other:1 # -", "WB.CAPTURE other:1", "WB.CAPTURE person:1 other:1",
    "WB.CAPTURE ABSENT other:9", "WB.COPY person:1 other:1 REPLACE", "WB.COPY other:1 person:9", "WB.COPY person:1 other:1 DB 3",
    "WB.UNLESSFULL HSET other:1 a 1", "WB.UNLESSFULL HSETNX other:1 new 1", "WB.UNLESSFULL HINCRBY other:1 a 1",
    "WB.UNLESSFULL RESTORE other:1 0 x", "WB.UNLESSFULL RENAME person:1 other:1", "WB.UNLESSFULL COPY person:1 other:1 REPLACE",
    "WB.UNLESSFULL DEL person:1 other:1", "WB.UNLESSFULL WB.HSET other:1 a 1", "WB.UNLESSFULL EVAL person:1 0",
    "WB.READ q 0-0 10 1000", "WB.SETTLE q {q} 9999999999999-0 0", "WB.SETTLE p {p} 9999999999999-0 0", "WB.REJECT q {q} 1-1 a b",
    "WB.STRAYS q 0 a b", "WB.STRAYS p 0 a b", "WB.LEASE q token 1000 me", "WB.LEASE p token 1000 me", "WB.LEASED token WB.SETTLE q {q} 9-9 0",
    "WB.LEASED token WB.REJECT p {p} 1-1 a b", "WB.REQUEUE q {entry}", "WB.REQUEUE p {entry}",
    "RENAME person:1 other:1", "RENAMENX person:1 other:9", "COPY person:1 other:1 REPLACE", "COPY other:1 person:9", "RENAME other:1 person:9",
    "HSET other:1 a 1 # =u", "HMSET other:1 # -u", "DEL {{other:1}}u", "XTRIM writebehind:{{q}}:stream MAXLEN 0", "DEL writebehind:registry",
    "SORT person:1 STORE other:1", "SUNIONSTORE other:1 person:9", "XADD {{other:1}}u * a b", "HSET {{person:1}}u # =u",
]  # fmt: skip
"""What a user of `person:*` is refused, alone, in a MULTI and in a script."""


@pytest.fixture
def user(client: redis.Redis, server: RedisServer, connect: Connect) -> redis.Redis:
    """May use every command, on `person:*`, but for those that `configure` takes away; others' keys are there, and changes of them wait."""
    register(client, "q", "other:*")
    client.hset("other:1", "a", "1")
    client.hset("other:1", mapping={"a": "2", "#": "=u"})
    client.xadd("{other:1}u", {"an answer": "of others"})
    client.hset("person:1", "a", "1")
    rules = ("-@admin", "-@dangerous", "-wb.register", "-wb.unregister")  # on 7.0 no command of a module is in a category
    client.execute_command("ACL", "SETUSER", "u", "reset", "on", ">pw", "~person:*", "+@all", *rules)
    return connect(server, username="u", password="pw")


def others(server: RedisServer) -> dict[Any, Any]:
    """All that is none of the user's: not a key of his, not what our pipeline keeps of it, not an answer to it."""
    own = (b"person:", b"{person:", b"writebehind:{p}:", b"writebehind:ack:{person:")
    return {where: value for where, value in dataset(server).items() if not where[1].startswith(own)}


def test_no_command_touches_the_keys_of_others(user: redis.Redis, client: redis.Redis, server: RedisServer) -> None:
    ((_, packed), *_) = raw_entries(client, "q")
    before = dataset(server)
    passed = []
    for line in OF_OTHERS:
        line = line.format(p=identity(client), q=identity(client, "q"), entry="{entry}")
        words: list[Any] = [packed if word == "{entry}" else word for word in line.split()]
        ways: list[Callable[[], Any]] = [
            lambda words=words: user.execute_command(*words),
            lambda words=words: user.pipeline().execute_command(*words).execute(),
            lambda words=words: user.eval("return redis.call(unpack(ARGV))", 0, *words),
            lambda words=words: user.eval("return redis.call(unpack(ARGV))", 1, "person:1", *words),
        ]
        for number, way in enumerate(ways):
            try:
                passed.append((line, number, way()))
            except redis.ResponseError:
                pass
    assert passed == []
    assert dataset(server) == before


def test_no_uuid_touches_the_keys_of_others(user: redis.Redis, client: redis.Redis, server: RedisServer) -> None:
    """Nor does the answer that the engine gives it."""
    before = others(server)
    asked: list[tuple[str, bytes]] = []
    for key in KEYS:
        for uuid in UUIDS:
            token = uuid if isinstance(uuid, bytes) else uuid.encode()
            for sign in b"+", b"~", b"-", b"=":
                user.execute_command("HSET", key, "a", "1", "#", sign + token)
                if sign in b"~=":
                    asked.append((key, token))
    assert others(server) == before
    ids = [(id, entry) for (id, _), entry in zip(raw_entries(client), entries(client), strict=True) if entry.uuid]
    assert len(ids) >= len(asked)
    words = [word for id, _ in ids for word in (id, "")]
    assert client.execute_command("WB.SETTLE", "p", identity(client), "9999999999999-0", 0, *words) >= len(KEYS) * len(UUIDS)
    assert client.xlen(stream_of()) == 0
    assert others(server) == before
    for key, token in asked:
        assert client.xrange(b"{" + key.encode() + b"}" + token)[0][1] == {b"status": b"done"}


def test_a_value_that_names_another_key_is_a_value(user: redis.Redis, client: redis.Redis, server: RedisServer) -> None:
    before = others(server)
    for name in ("other:1", "{other:1}u", "writebehind:registry", stream_of("q")):
        for operation in (f"={name}", f"~{name}", f"-{name}", f"+{name}"):
            hset(user, "person:1", operation, a=name)
        for operation in (name, f"?{name}", ""):
            with pytest.raises(redis.ResponseError, match="'#'|operation"):
                hset(user, "person:1", operation, a=name)
    assert others(server) == before
    assert answer(client, "person:1", "other:1") == {b"status": b"done"}
