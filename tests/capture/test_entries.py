"""What an entry holds, for every kind of change."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import redis

from tests.capture.support import assert_equal_everywhere, changes, drain, entries, hset, identity, register, stream_of
from writebehind.testing import RedisServer, wait_until


def test_a_new_hash_is_a_create_with_its_fields(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"b": "2", "x": "unmapped", "a": "1"})
    (entry,) = entries(client)
    assert (entry.op, entry.key, entry.fields) == ("c", b"person:1", [b"1", b"2"])
    assert (entry.identity, entry.definition, entry.uuid, entry.shared) == (identity(client), 1, None, False)


def test_a_change_is_an_update_with_all_fields(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"a": "1", "b": "2"})
    client.hset("person:1", "a", "3")
    assert changes(client)[1:] == [("u", "person:1", [b"3", b"2"])]


def test_absent_and_empty_values_differ(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"a": ""})
    assert changes(client) == [("c", "person:1", [b"", None])]


def test_values_are_any_bytes_of_any_length(client: redis.Redis) -> None:
    values = [bytes(range(256)), b"x" * 127, b"x" * 128, b"y" * 3_000_000]
    for value in values:
        client.hset(b"person:\x00\xff\r\n", "a", value)
    assert [entry.fields for entry in entries(client)] == [[value, None] for value in values]
    assert {entry.key for entry in entries(client)} == {b"person:\x00\xff\r\n"}


def test_more_fields_than_one_call_reads(client: redis.Redis) -> None:
    names = [f"f{i}" for i in range(11)]
    register(client, "wide", "wide:*", fields=names)
    client.hset("wide:1", mapping={name: name for name in names if name != "f4"})
    assert changes(client, "wide") == [("c", "wide:1", [None if name == "f4" else name.encode() for name in names])]


@pytest.mark.parametrize("count", [0, 1, 3, 2000])
def test_without_a_list_all_fields_are_named(client: redis.Redis, count: int) -> None:
    register(client, "all", "all:*", fields=None)
    content = {f"f{i}".encode(): b"%d" % i for i in range(count)} or {b"": b""}
    client.hset("all:1", mapping=content)
    assert changes(client, "all") == [("c", "all:1", content)]


def test_an_empty_list_of_fields_captures_keys_alone(client: redis.Redis) -> None:
    register(client, "keys", "keys:*", fields=[])
    client.hset("keys:1", "a", "1")
    assert changes(client, "keys") == [("c", "keys:1", [])]


HASH_CHANGES: list[tuple[str, list[str], list[tuple[object, ...]]]] = [
    ("HSET", ["HSET person:1 a 5"], [("u", "person:1", [b"5", b"2"])]),
    ("HMSET", ["HMSET person:1 a 5 b 6"], [("u", "person:1", [b"5", b"6"])]),
    ("HSETNX", ["HSETNX person:1 c 5"], [("u", "person:1", [b"1", b"2"])]),
    ("HINCRBY", ["HINCRBY person:1 a 5"], [("u", "person:1", [b"6", b"2"])]),
    ("HINCRBYFLOAT", ["HINCRBYFLOAT person:1 a 0.5"], [("u", "person:1", [b"1.5", b"2"])]),
    ("HDEL", ["HDEL person:1 a"], [("u", "person:1", [None, b"2"])]),
    ("HDEL of the last field", ["HDEL person:1 a b"], [("d", "person:1"), ("d", "person:1")]),
    ("DEL", ["DEL person:1"], [("d", "person:1")]),
    ("UNLINK", ["UNLINK person:1"], [("d", "person:1")]),
    ("SET over", ["SET person:1 text"], [("d", "person:1")]),
    ("RENAME away", ["RENAME person:1 other"], [("d", "person:1")]),
    ("RENAME within", ["RENAME person:1 person:2"], [("d", "person:1"), ("c", "person:2", [b"1", b"2"])]),
    ("COPY", ["COPY person:1 person:2"], [("c", "person:2", [b"1", b"2"])]),
    ("MOVE", ["MOVE person:1 3"], [("d", "person:1")]),
    ("EXPIRE", ["EXPIRE person:1 1000"], []),
    ("PERSIST", ["EXPIRE person:1 1000", "PERSIST person:1"], []),
    ("nothing changed", ["HDEL person:1 z", "HSETNX person:1 a 5", "HGETALL person:1"], []),
    ("a list", ["LPUSH person:9 x"], [("d", "person:9")]),
    ("another key", ["HSET car:1 a 1"], []),
]  # fmt: skip


@pytest.mark.parametrize(("commands", "expected"), [row[1:] for row in HASH_CHANGES], ids=[row[0] for row in HASH_CHANGES])
def test_every_change_of_a_hash(client: redis.Redis, commands: list[str], expected: list[tuple[object, ...]]) -> None:
    client.hset("person:1", mapping={"a": "1", "b": "2"})
    drain(client)
    for command in commands:
        client.execute_command(*command.split())
    assert changes(client) == expected


def test_rename_onto_a_key_replaces_its_row(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"a": "1"})
    client.hset("person:2", mapping={"a": "2"})
    drain(client)
    client.rename("person:1", "person:2")
    # Whether Redis says `new` for a key it replaces is its own affair: both ops are upserts.
    assert [change[:2] for change in changes(client)] in (
        [("d", "person:1"), ("c", "person:2")],
        [("d", "person:1"), ("u", "person:2")],
    )
    assert entries(client)[-1].fields == [b"1", None]


def test_restore_captures_the_restored_hash(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"a": "1"})
    dump = client.dump("person:1")
    assert dump is not None
    client.restore("person:2", 0, dump)
    client.restore("person:1", 0, dump, replace=True)
    assert [change[:2] for change in changes(client)][1] == ("c", "person:2")
    assert entries(client)[-1].fields == [b"1", None]


def test_move_into_a_database_with_a_pipeline(client: redis.Redis, server: object, connect: Callable[..., redis.Redis]) -> None:
    other = connect(server, db=3)
    register(other, "q")
    client.hset("person:1", mapping={"a": "1"})
    drain(client)
    client.move("person:1", 3)
    assert changes(client) == [("d", "person:1")]
    assert changes(other, "q") == [("c", "person:1", [b"1", None])]


def test_move_leaves_the_client_in_its_database(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"a": "1"})
    with client.pipeline() as transaction:
        transaction.move("person:1", 3).set("here", "1").execute()
    assert client.get("here") == b"1"


def test_each_change_in_a_transaction_has_its_own_values(client: redis.Redis) -> None:
    with client.pipeline() as transaction:
        transaction.hset("person:1", "a", "1").hset("person:1", "a", "2").delete("person:1").hset("person:1", "a", "3").execute()
    assert changes(client) == [
        ("c", "person:1", [b"1", None]),
        ("u", "person:1", [b"2", None]),
        ("d", "person:1"),
        ("c", "person:1", [b"3", None]),
    ]


def test_changes_of_a_script(client: redis.Redis) -> None:
    client.eval("redis.call('HSET', KEYS[1], 'a', '1'); redis.call('HINCRBY', KEYS[1], 'a', 4); redis.call('DEL', KEYS[1])", 1, "person:1")
    assert changes(client) == [("c", "person:1", [b"1", None]), ("u", "person:1", [b"5", None]), ("d", "person:1")]


def test_blocked_readers_wake(client: redis.Redis, server: object, connect: Callable[..., redis.Redis]) -> None:
    reader = connect(server)
    got: list[object] = []
    client.hset("person:0", "a", "0")
    thread = threading.Thread(target=lambda: got.append(reader.xread({stream_of(): "$"}, block=20_000)))
    thread.start()
    wait_until(lambda: client.info("clients")["blocked_clients"] == 1, 10, "the reader to block")
    client.hset("person:1", "a", "1")
    thread.join(10)
    assert got
    assert got[0]


def test_capture_command(client: redis.Redis) -> None:
    client.hset("person:1", mapping={"a": "1"})
    client.set("person:2", "text")
    client.hset("car:1", "a", "1")
    drain(client)
    assert client.execute_command("WB.CAPTURE", "person:1", "person:2", "person:3", "car:1") == 2
    assert drain(client) == [("u", "person:1", [b"1", None]), ("d", "person:2")]
    assert client.execute_command("WB.CAPTURE", "absent", "person:1", "person:3") == 2
    assert drain(client) == [("u", "person:1", [b"1", None]), ("d", "person:3")]


def test_capture_command_heeds_no_list_of_events(client: redis.Redis) -> None:
    register(client, events=["del"])
    client.hset("person:1", mapping={"a": "1"})
    assert changes(client) == []
    client.execute_command("WB.CAPTURE", "person:1")
    assert [change[1] for change in changes(client)] == ["person:1"]


def test_keys_of_our_own_are_never_captured(client: redis.Redis) -> None:
    register(client, "every", "*")
    client.execute_command("HSET", "writebehind:mine", "a", "1")
    client.delete("writebehind:mine")
    client.xadd("writebehind:{every}:rejected", {"x": "1"})
    assert changes(client, "every") == []


def test_answers_are_never_captured(client: redis.Redis) -> None:
    register(client, "every", "*", expired="delete")
    hset(client, "x:1", "+u1", a="1")
    hset(client, "x:1", "+u2", a="1")
    client.xadd("{x:1}u1", {"a": "b"})
    client.delete("{x:1}u1")
    client.expire("{x:1}u2", -1)
    assert changes(client, "every") == []
    client.hset("{x:1}u1", "a", "1")  # a key of somebody else's
    assert [change[:2] for change in changes(client, "every")] == [("c", "{x:1}u1")]


def test_expiry_of_fields(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    client.hset("person:1", mapping={"a": "1", "b": "2"})
    try:
        client.execute_command("HPEXPIRE", "person:1", "100000", "FIELDS", "1", "a")
    except redis.ResponseError as error:
        pytest.skip(str(error))
    assert len(changes(client)) == 1
    client.execute_command("HPEXPIRE", "person:1", "1", "FIELDS", "1", "a")
    wait_until(lambda: changes(client)[1:] == [("u", "person:1", [None, b"2"])], 10, "the update")
    client.execute_command("HPEXPIRE", "person:1", "1", "FIELDS", "1", "b")
    wait_until(lambda: changes(client)[-1] == ("d", "person:1"), 10, "the delete")
    assert all(change == ("d", "person:1") for change in changes(client)[2:])
    assert_equal_everywhere(server, replica)
