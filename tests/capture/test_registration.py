"""WB.REGISTER, WB.UNREGISTER, WB.LIST, and the key that keeps registrations."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from tests.capture.support import (
    REGISTRY,
    assert_equal_everywhere,
    changes,
    drain,
    entries,
    hset,
    identity,
    listed,
    raw_entries,
    register,
    registration,
    stream_of,
)
from writebehind.testing import RedisServer, wait_until


def test_equal_definitions_are_one(client: redis.Redis) -> None:
    before = registration(client)
    assert client.execute_command("WB.REGISTER", "p", ' {"fields" : ["a","b"],\n"pattern":"person:*"}') == 1
    assert registration(client) == before


def test_a_new_definition_keeps_the_stream_and_loses_nothing(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    before = registration(client)
    assert register(client, fields=["b"], version="2.0.0", outputs=[{"table": "t"}]) == 2
    client.hset("person:1", "b", "2")
    after = registration(client)
    assert [(e.definition, e.fields) for e in entries(client)] == [(1, [b"1", None]), (2, [b"2"])]
    assert after["origin"] == before["origin"]
    assert after["identities"] == before["identities"]
    assert sorted(after["definitions"]) == ["1", "2"]
    assert after["definitions"]["2"]["outputs"] == [{"table": "t"}]
    assert listed(client)["version"] == "2.0.0"


def test_definitions_that_nothing_needs_go(client: redis.Redis) -> None:
    for serial in range(2, 5):
        client.hset("person:1", "a", "1")
        assert register(client, version=str(serial)) == serial
    assert sorted(registration(client)["definitions"]) == ["1", "2", "3", "4"]
    first = raw_entries(client)[1][0]
    client.xtrim(stream_of(), minid=first, approximate=False)
    register(client, version="5")
    assert sorted(registration(client)["definitions"]) == ["2", "3", "4", "5"]
    drain(client)
    register(client, version="6")
    assert sorted(registration(client)["definitions"]) == ["6"]
    client.xadd("writebehind:{p}:rejected", {"definition": "6"})
    register(client, version="7")
    assert sorted(registration(client)["definitions"]) == ["6", "7"]


BAD = [
    ("p", "{", "parse error"),
    ("p", "[]", "object"),
    ("p", "{}", "'pattern' is missing"),
    ("p", '{"pattern": ""}', "empty"),
    ("p", '{"pattern": 5}', "string"),
    ("p", '{"pattern": "writebehind:*"}', "never captured"),
    ("p", '{"pattern": "writebehind:{p}:*"}', "never captured"),
    ("p", '{"pattern": "x:*", "fields": "a"}', "array"),
    ("p", '{"pattern": "x:*", "fields": ["a", 1]}', r"fields\[1\]"),
    ("p", '{"pattern": "x:*", "fields": ["a", "b", "a"]}', "'a' twice"),
    ("p", '{"pattern": "x:*", "fields": [""]}', "empty"),
    ("p", '{"pattern": "x:*", "events": "hset"}', "array"),
    ("p", '{"pattern": "x:*", "expired": "sometimes"}', "keep"),
    ("p", '{"pattern": "x:*", "version": 1}', "string"),
    ("p", '{"pattern": "x:*", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}", "deep"),
    ("p", b'{"pattern": "\xff\xfe"}', "UTF-8"),
    ("", '{"pattern": "x:*"}', "1 to 200"),
    ("x" * 201, '{"pattern": "x:*"}', "1 to 200"),
    ("a{b", '{"pattern": "x:*"}', "control"),
    ("a}b", '{"pattern": "x:*"}', "control"),
    ("a\nb", '{"pattern": "x:*"}', "control"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_bad_definitions_are_refused(client: redis.Redis, name: str, content: Any, message: str) -> None:
    before = client.hgetall(REGISTRY)
    with pytest.raises(redis.ResponseError, match=message):
        client.execute_command("WB.REGISTER", name, content)
    assert client.hgetall(REGISTRY) == before
    assert listed(client)["definition"] == 1


def test_a_bad_replacement_keeps_the_old_one(client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError):
        client.execute_command("WB.REGISTER", "p", '{"pattern": "other:*", "fields": [1]}')
    client.hset("person:1", "a", "1")
    assert changes(client) == [("c", "person:1", [b"1", None])]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("person:*", ["person:", "person:1", "person:a:b"], ["person", "persons:1", "xperson:1"]),
        ("person:1", ["person:1"], ["person:12", "person:"]),
        ("*", ["x", "person:1"], []),
        ("a?c", ["abc", "a:c"], ["ac", "abbc"]),
        ("[ab]*:x", ["a:x", "b11:x"], ["c:x", "a:y"]),
        ("[^a]x", ["bx"], ["ax", "x"]),
        ("k[0-9]", ["k5"], ["ka", "k"]),
        ("k[9-0]", ["k5"], ["ka"]),
        (r"a\*b*", ["a*b", "a*bc"], ["axb"]),
        ("*:a:*:b", ["x:a:y:b", ":a::b", "a:a:a:b:b"], ["x:a:b"]),
        ("a**b", ["ab", "axxb"], ["a"]),
        ("x[", ["x["], ["x"]),
    ],
)
def test_patterns_are_those_of_keys(client: redis.Redis, pattern: str, yes: list[str], no: list[str]) -> None:
    register(client, "g", pattern)
    for key in yes + no:
        client.hset(key, "a", "1")
    captured = [change[1] for change in changes(client, "g")]
    assert sorted(captured) == sorted(key.decode() for key in client.keys(pattern) if not key.startswith(b"writebehind:"))
    if "[" not in pattern or pattern != "x[":
        assert sorted(captured) == sorted(yes)


def test_listed_events_alone_are_captured(client: redis.Redis) -> None:
    register(client, events=["hmset", "unlink", "change"])
    client.hset("person:1", "a", "1")
    client.hincrby("person:1", "a", 1)
    client.rename("person:1", "person:2")
    client.delete("person:2")
    assert changes(client) == [("c", "person:1", [b"1", None]), ("d", "person:2")]


def test_unregister_stops_and_keeps(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    assert client.execute_command("WB.UNREGISTER", "p") in (b"OK", True)
    client.hset("person:1", "a", "2")
    assert len(changes(client)) == 1
    assert listed(client)["active"] == 0
    assert registration(client)["active"] is False
    assert client.execute_command("WB.READ", "p", "0-0", 10, 1000)
    before = identity(client)
    assert register(client) == 1
    assert listed(client)["active"] == 1
    assert identity(client) == before


def test_drop_leaves_nothing(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    hset(client, "person:1", "=u1", a="1")
    client.execute_command("WB.REJECT", "p", identity(client), "1-1", "reason", "x")
    for what in ("checkpoint", "engine", "control"):
        client.hset(f"writebehind:{{p}}:{what}", "a", "1")
    origin = registration(client)["origin"]
    client.execute_command("WB.UNREGISTER", "p", "DROP")
    assert client.keys("writebehind:*") == []
    assert client.execute_command("WB.LIST") == []
    assert_equal_everywhere(server, replica)
    assert register(client) == 1
    assert registration(client)["origin"] != origin
    assert_equal_everywhere(server, replica)


def test_unknown_names_are_errors(client: redis.Redis) -> None:
    for command in (["WB.UNREGISTER", "x"], ["WB.UNREGISTER", "x", "DROP"], ["WB.READ", "x", "0-0", 1, 1]):
        with pytest.raises(redis.ResponseError, match="no such pipeline 'x'"):
            client.execute_command(*command)
    with pytest.raises(redis.ResponseError, match="DROP"):
        client.execute_command("WB.UNREGISTER", "p", "KEEP")


def test_list_tells_what_there_is(client: redis.Redis) -> None:
    register(client, "a", "x:*")
    client.hset("person:1", "a", "1")
    line = listed(client)
    assert line == {
        "name": "p", "stream": stream_of(), "version": None, "captured": 1, "rejected": 0, "flushed": 0, "replaced": 0, "waiting": 1,
        "definition": 1, "identity": registration(client)["identities"][-1], "active": 1, "max_pending": 0, "when_full": "warn", "refused": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        ["DEL", REGISTRY],
        ["UNLINK", REGISTRY],
        ["SET", REGISTRY, "text"],
        ["RENAME", REGISTRY, "elsewhere"],
        ["MOVE", REGISTRY, "7"],
        ["HSET", REGISTRY, "p", "garbage"],
        ["HSET", REGISTRY, "evil", '{"definition": 1}'],
        ["HDEL", REGISTRY, "p"],
        ["PEXPIRE", REGISTRY, "1"],
        ["EXPIRE", REGISTRY, "-1"],
        ["FLUSHALL"],
        ["FLUSHDB", "ASYNC"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_registry_key_is_put_back(
    client: redis.Redis, server: RedisServer, replica: RedisServer, command: list[str], connect: Any
) -> None:
    client.hset("person:1", "a", "1")
    before = client.hgetall(REGISTRY)
    client.execute_command(*command)

    def back() -> bool:
        if client.type(REGISTRY) != b"hash" or client.ttl(REGISTRY) != -1:
            return False
        now = client.hgetall(REGISTRY)
        return set(now) == set(before) if command[0].startswith("FLUSH") else now == before

    wait_until(back, 5, "the registry")
    client.hset("person:2", "a", "2")
    assert [change[:2] for change in changes(client)][-1] == ("c", "person:2")
    if command[0] == "MOVE":
        connect(server, db=7).delete(REGISTRY)
    assert_equal_everywhere(server, replica)


def test_what_others_write_to_the_key_registers_nothing(client: redis.Redis) -> None:
    text = client.hget(REGISTRY, "p")
    client.hset(REGISTRY, "evil", text)
    wait_until(lambda: client.hkeys(REGISTRY) == [b"p"], 5)
    with pytest.raises(LookupError):
        listed(client, "evil")


def test_databases_are_apart(client: redis.Redis, server: RedisServer, connect: Any) -> None:
    other = connect(server, db=2)
    register(other, "p", "car:*")
    for one in (client, other):
        one.hset("person:1", "a", "1")
        one.hset("car:1", "a", "1")
    assert [change[1] for change in changes(client)] == ["person:1"]
    assert [change[1] for change in changes(other)] == ["car:1"]
    assert json.loads(other.hget(REGISTRY, "p"))["origin"] != registration(client)["origin"]


def test_swapdb_takes_all_along(client: redis.Redis, server: RedisServer, replica: RedisServer, connect: Any) -> None:
    other = connect(server, db=2)
    client.hset("person:1", "a", "1")
    before = identity(client)
    client.swapdb(0, 2)
    assert client.execute_command("WB.LIST") == []
    assert identity(other) == before
    client.hset("person:9", "a", "1")
    other.hset("person:2", "a", "2")
    assert [change[1] for change in changes(other)] == ["person:1", "person:2"]
    assert not client.exists(stream_of())
    assert_equal_everywhere(server, replica)
    assert identity(connect(replica, db=2)) == before


def test_a_registration_of_another_version_is_kept(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    client.execute_command("MODULE", "UNLOAD", "writebehind")
    client.hset(REGISTRY, "q", '{"format": 9}')
    client.execute_command("MODULE", "LOAD", str(server.module))
    assert "the registration of pipeline 'q' in database 0 is not usable" in server.log
    client.delete(REGISTRY)
    wait_until(lambda: client.hlen(REGISTRY) == 2, 5, "the registrations")
    assert client.hget(REGISTRY, "q") == b'{"format": 9}'
    with pytest.raises(redis.ResponseError, match="can't be read .*WB.UNREGISTER it with DROP"):
        register(client, "q")
    client.execute_command("WB.UNREGISTER", "q", "DROP")
    assert client.hkeys(REGISTRY) == [b"p"]
    assert register(client, "q") == 1
    assert_equal_everywhere(server, replica)


def test_an_answer_is_ours_also_after_swapdb(client: redis.Redis, connect: Any, server: RedisServer) -> None:
    register(client, pattern="*")
    hset(client, "person:1", "-u1")
    client.swapdb(0, 2)
    other = connect(server, db=2)
    assert other.delete("{person:1}u1") == 1
    assert changes(other) == []
