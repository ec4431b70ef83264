"""WB.SETTLE, WB.REJECT and WB.READ: what an engine does to the stream, and that nobody is answered twice."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.capture.support import (
    answer,
    assert_equal_everywhere,
    drain,
    entries,
    hset,
    identity,
    listed,
    raw_entries,
    register,
    stream_of,
)
from writebehind.testing import RedisServer

CHECKPOINT = "writebehind:{p}:checkpoint"


def settle(client: redis.Redis, *answers: tuple[bytes, str], minid: Any = "0-0", pipeline: str = "p", **options: Any) -> int:
    pairs = options.get("pairs", {})
    flat = [word for pair in pairs.items() for word in pair]
    told = options.get("identity") or identity(client, pipeline)
    words = [word for one in answers for word in one]
    return client.execute_command("WB.SETTLE", pipeline, told, minid, len(pairs), *flat, *words)


def test_an_answer_is_given_once(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    hset(client, "person:1", "=u1", a="1")
    ((entry_id, _),) = raw_entries(client)
    assert settle(client, (entry_id, ""), pairs={"0/x/0of1": entry_id}) == 1
    assert answer(client, "person:1", "u1") == {b"status": b"done"}
    assert 3590 <= client.ttl("{person:1}u1") <= 3600
    assert client.hgetall(CHECKPOINT) == {b"0/x/0of1": entry_id}
    assert raw_entries(client) == []
    assert_equal_everywhere(server, replica)
    client.delete("{person:1}u1")
    assert settle(client, (entry_id, "")) == 0
    assert answer(client, "person:1", "u1") is None


def test_a_refusal_is_answered_with_its_reason(client: redis.Redis) -> None:
    hset(client, "person:1", "=u1", a="1")
    ((entry_id, _),) = raw_entries(client)
    assert settle(client, (entry_id, "column a: too long\r\n")) == 1
    assert answer(client, "person:1", "u1") == {b"status": b"failed", b"error": b"column a: too long\r\n"}


def test_what_is_below_the_minimum_goes(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    for i in range(300):
        client.hset("person:1", "a", i)
    ids = [entry_id for entry_id, _ in raw_entries(client)]
    assert settle(client, minid=ids[250]) == 0
    assert [entry_id for entry_id, _ in raw_entries(client)] == ids[250:]
    ms, seq = ids[-1].decode().split("-")
    settle(client, minid=f"{ms}-{int(seq) + 1}")
    assert client.xlen(stream_of()) == 0
    assert client.exists(stream_of())
    assert_equal_everywhere(server, replica)


def test_many_answers_in_one_command(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    for i in range(100):
        hset(client, f"person:{i}", f"=u{i}", a=i)
    answers = [(entry_id, "") for entry_id, _ in raw_entries(client)]
    assert settle(client, *answers, *answers, minid="0-1") == 100
    assert all(answer(client, f"person:{i}", f"u{i}") == {b"status": b"done"} for i in range(100))
    assert_equal_everywhere(server, replica)


def test_another_streams_identity_settles_nothing(client: redis.Redis) -> None:
    hset(client, "person:1", "=u1", a="1")
    ((entry_id, _),) = raw_entries(client)
    gone = "0123456789abcdef"
    assert settle(client, (entry_id, ""), minid="9999999999999-0", pairs={"x": "1"}, identity=gone) == 0
    assert len(raw_entries(client)) == 1
    assert not client.exists(CHECKPOINT)


def test_a_foreign_answer_key_does_not_stall(client: redis.Redis) -> None:
    hset(client, "person:1", "=u1", a="1")
    hset(client, "person:2", "=u2", a="1")
    client.set("{person:1}u1", "mine")
    (one, _), (two, _) = raw_entries(client)
    assert settle(client, (one, ""), (two, "")) == 1
    assert client.get("{person:1}u1") == b"mine"
    assert answer(client, "person:2", "u2") == {b"status": b"done"}
    assert raw_entries(client) == []


@pytest.mark.parametrize(
    "words",
    [
        ["WB.SETTLE", "p", "xyz", "0-0", 0],
        ["WB.SETTLE", "p", "0123456789abcdef", "x", 0],
        ["WB.SETTLE", "p", "0123456789abcdef", "0-0", -1],
        ["WB.SETTLE", "p", "0123456789abcdef", "0-0", 2, "a", "b"],
        ["WB.SETTLE", "p", "0123456789abcdef", "0-0", 0, "1-0"],
        ["WB.SETTLE", "p", "0123456789abcdef", "0-0", 0, "x", ""],
        ["WB.SETTLE", "p", "0123456789abcdef", "0-0"],
        ["WB.SETTLE", "nobody", "0123456789abcdef", "0-0", 0],
        ["WB.REJECT", "p", "0123456789abcdef", "1-0", "field"],
        ["WB.REJECT", "p", "0123456789abcdef", "x", "field", "value"],
        ["WB.READ", "p", "0-0", 0, 1],
        ["WB.READ", "p", "0-0", 1],
        ["WB.READ", "p", "x:0-0", 1, 1],
        ["WB.READ", "nobody", "0-0", 1, 1],
    ],
)
def test_wrong_words_are_errors(client: redis.Redis, words: list[Any]) -> None:
    before = sorted(client.keys())
    with pytest.raises(redis.ResponseError):
        client.execute_command(*words)
    assert sorted(client.keys()) == before


@pytest.mark.parametrize(("first", "second", "status"), [("", "", b"done"), ("bad", "", b"failed"), ("", "bad", b"failed")])
def test_the_last_pipeline_to_settle_answers(
    client: redis.Redis, server: RedisServer, replica: RedisServer, first: str, second: str, status: bytes
) -> None:
    register(client, "q")
    hset(client, "person:1", "=u1", a="1")
    ((in_p, _),), ((in_q, _),) = raw_entries(client), raw_entries(client, "q")
    assert settle(client, (in_p, first)) == 0
    assert answer(client, "person:1", "u1") is None
    assert_equal_everywhere(server, replica)
    assert settle(client, (in_p, first)) == 0
    assert settle(client, (in_q, second), pipeline="q") == 1
    told = answer(client, "person:1", "u1")
    assert told is not None
    assert told[b"status"] == status
    assert told.get(b"error", b"") == (first or second).encode()
    assert not client.exists("writebehind:ack:{person:1}u1")
    assert_equal_everywhere(server, replica)


@pytest.mark.parametrize("lost_first", [True, False])
def test_a_dropped_pipeline_keeps_nobody_waiting(client: redis.Redis, lost_first: bool) -> None:
    register(client, "q")
    hset(client, "person:1", "=u1", a="1")
    ((in_p, _),) = raw_entries(client)
    if lost_first:
        client.execute_command("WB.UNREGISTER", "q", "DROP")
        assert answer(client, "person:1", "u1") is None
        assert settle(client, (in_p, "")) == 1
    else:
        assert settle(client, (in_p, "")) == 0
        client.execute_command("WB.UNREGISTER", "q", "DROP")
    assert answer(client, "person:1", "u1") == {b"status": b"done"}
    assert not client.exists("writebehind:ack:{person:1}u1")


def test_a_lost_stream_keeps_nobody_waiting(client: redis.Redis) -> None:
    register(client, "q")
    hset(client, "person:1", "=u1", a="1")
    client.delete(stream_of("q"))
    ((in_p, _),) = raw_entries(client)
    assert settle(client, (in_p, "")) == 1


def test_a_uuid_used_again_belongs_to_the_later_change(client: redis.Redis) -> None:
    register(client, "q")
    hset(client, "person:1", "=u1", a="1")
    hset(client, "person:1", "=u1", a="2")
    (p1, _), (p2, _) = raw_entries(client)
    (q1, _), (q2, _) = raw_entries(client, "q")
    assert settle(client, (p1, "bad"), (p2, "")) == 0
    assert settle(client, (q1, ""), (q2, ""), pipeline="q") == 1
    assert answer(client, "person:1", "u1") == {b"status": b"done"}


def test_reject_stores_an_entry_once(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    me = identity(client)
    for expected in (1, 0):
        assert client.execute_command("WB.REJECT", "p", me, "5-1", "id", "5-1", "reason", "bad") == expected
    rejected = client.xrange("writebehind:{p}:rejected")
    assert [fields[b"reason"] for _, fields in rejected] == [b"bad"]
    assert client.hgetall("writebehind:{p}:rejected-ids") == {f"{me}/5-1".encode(): rejected[0][0]}
    assert listed(client)["rejected"] == 1
    assert_equal_everywhere(server, replica)


def read(client: redis.Redis, after: str = "0-0", rows: int = 1000, size: int = 1 << 30) -> list[tuple[bytes, bytes]]:
    flat = client.execute_command("WB.READ", "p", after, rows, size)
    return list(zip(flat[::2], flat[1::2], strict=True))


def test_read_is_bounded_by_rows_and_bytes(client: redis.Redis) -> None:
    assert read(client) == []
    for i in range(10):
        client.hset("person:1", "a", "x" * 1000)
    everything = raw_entries(client)
    size = len(everything[0][1])
    assert read(client) == everything
    assert read(client, rows=3) == everything[:3]
    assert read(client, after=everything[3][0].decode()) == everything[4:]
    assert read(client, size=size * 2) == everything[:2]
    assert read(client, size=size * 3 - 1) == everything[:2]
    assert read(client, size=0) == everything[:1]
    assert read(client, size=1, after=everything[4][0].decode()) == everything[5:6]
    assert read(client, after=everything[-1][0].decode()) == []


def test_read_starts_anew_in_another_stream(client: redis.Redis) -> None:
    client.hset("person:1", "a", "1")
    client.hset("person:1", "a", "2")
    one, two = raw_entries(client)
    assert read(client, f"{identity(client)}:{one[0].decode()}") == [two]
    assert read(client, f"0123456789abcdef:{two[0].decode()}") == [one, two]
    drain(client)
    assert read(client, "0123456789abcdef:0-0") == []


def test_read_stands_what_others_added(client: redis.Redis) -> None:
    client.xadd(stream_of(), {"x": "1", "y": "2", "z": "3"})
    client.hset("person:1", "a", "1")
    assert [packed[:1] for _, packed in read(client)] == [b"1", b"c"]


def test_what_is_settled_takes_no_younger_entry_along(client: redis.Redis, server: RedisServer, replica: RedisServer) -> None:
    """A lost master may have given out higher IDs than the first of the one that follows it."""
    hset(client, "person:1", "=u1", a="1")
    old = identity(client)
    client.execute_command("XSETID", stream_of(), raw_entries(client)[-1][0])
    hset(client, "person:2", "=u2", a="1")
    _, (two, _) = raw_entries(client)
    assert identity(client) != old
    assert settle(client, (two, ""), minid="9999999999999-0", identity=old) == 0
    assert raw_entries(client)[0][0] == two
    assert client.xlen(stream_of()) == 1
    assert settle(client, (two, ""), minid="9999999999999-0") == 1
    assert client.xlen(stream_of()) == 0
    assert answer(client, "person:2", "u2") == {b"status": b"done"}
    assert_equal_everywhere(server, replica)


@pytest.mark.parametrize("what", ["checkpoint", "rejected", "rejected-ids"])
def test_own_keys_of_another_type_are_replaced(client: redis.Redis, server: RedisServer, replica: RedisServer, what: str) -> None:
    client.hset("person:1", "a", "1")
    client.set(f"writebehind:{{p}}:{what}", "mine")
    settle(client, pairs={"0/x/0of1": "1-0"})
    assert client.hgetall(CHECKPOINT) == {b"0/x/0of1": b"1-0"}
    for expected in (1, 0):
        assert client.execute_command("WB.REJECT", "p", identity(client), "5-1", "reason", "bad") == expected
    assert listed(client)["rejected"] == 1
    assert_equal_everywhere(server, replica)


def test_what_a_flush_discarded_is_not_rejected(client: redis.Redis) -> None:
    gone = identity(client)
    client.flushall()
    assert client.execute_command("WB.REJECT", "p", gone, "5-1", "reason", "bad") == 0
    assert listed(client)["rejected"] == 0


def test_a_full_stream_is_told_to_the_writer(client: redis.Redis) -> None:
    client.xadd(stream_of(), {"x": "y"}, id=f"{2**64 - 1}-{2**64 - 1}")
    hset(client, "person:1", "=u1", a="1")
    told = answer(client, "person:1", "u1")
    assert told is not None
    assert told[b"status"] == b"failed"
    assert listed(client)["captured"] == 0
    client.delete(stream_of())
    hset(client, "person:1", "=u1", a="1")
    assert [e.uuid for e in entries(client)] == [b"u1"]


def test_one_full_stream_of_two_fails_the_change(client: redis.Redis) -> None:
    register(client, "q")
    client.xadd(stream_of("q"), {"x": "y"}, id=f"{2**64 - 1}-{2**64 - 1}")
    hset(client, "person:1", "=u1", a="1")
    ((in_p, _),) = raw_entries(client)
    assert answer(client, "person:1", "u1") is None
    assert settle(client, (in_p, "")) == 1
    told = answer(client, "person:1", "u1")
    assert told is not None
    assert told[b"status"] == b"failed"
