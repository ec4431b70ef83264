"""What an engine makes of entries that nobody captured, of a stream that can't be read, and of a pause before its start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.proxy import Loss
from tests.faults.stack import Stack, stack
from writebehind.testing import wait_until

ENGINE = "writebehind:{persons}:engine"
STREAM = "writebehind:{persons}:stream"


@pytest.fixture
def run(module: Path, tmp_path: Path) -> Iterator[Stack]:
    with stack("sqlite", module, tmp_path) as made:
        made.start()
        made.hset(0, 3)
        made.drain()
        yield made


def registration(run: Stack) -> dict[str, object]:
    found: dict[str, object] = json.loads(run.redis.hget("writebehind:registry", "persons") or "{}")
    return found


def identity(run: Stack) -> str:
    found = registration(run)["identities"]
    assert isinstance(found, list)
    return str(found[-1])


def packed(identity: str, definition: int, key: str, *values: str) -> bytes:
    """A positional upsert, as cpp/src/codec/entry_format.h has it; nothing in it longer than 126 bytes."""
    texts = [bytes([len(value) + 1]) + value.encode() for value in values]
    head = b"u\0" + bytes.fromhex(identity)[::-1] + bytes([definition, len(key)])
    return head + key.encode() + bytes([len(values)]) + b"".join(texts)


def message(run: Stack) -> str:
    return run.redis.hget(ENGINE, "message") or ""


def test_an_unknown_definition_is_waited_for(run: Stack) -> None:
    run.redis.execute_command("XADD", STREAM, "*", "w1", packed(identity(run), 2, "person:1", "early", "11"))
    wait_until(lambda: "definition 2" in message(run), 20, "a message that names the definition")
    assert run.waiting == 1
    assert run.rejected() == []
    definitions = registration(run)["definitions"]
    assert isinstance(definitions, dict)
    run.redis.execute_command("WB.REGISTER", "persons", json.dumps({**definitions["1"], "expired": "delete"}))
    run.redis.hset("person:2", "seq", 12)  # captured with definition 2
    run.drain()
    assert run.target.rows()["1"] == ("early", 11)
    assert run.target.rows()["2"] == ("name 2", 12)
    assert run.rejected() == []


@pytest.mark.parametrize("is_flushed", [False, True])
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("entry", [("foreign", "x"), ("w1", "x"), ("w1", "u\x7f an identity that the stream never had")])
def test_an_entry_that_cannot_be_read_is_rejected(run: Stack, entry: tuple[str, str], alone: bool, is_flushed: bool) -> None:
    if is_flushed:
        before = identity(run)
        run.redis.flushall()
        wait_until(lambda: identity(run) != before, 20, "a new identity")
    with run.redis.pipeline() as pipe:
        if not alone:
            pipe.hset("person:1", mapping={"first_name": "name 1", "seq": 11})
        pipe.execute_command("XADD", STREAM, "*", *entry)
        if not alone:
            pipe.hset("person:2", mapping={"first_name": "name 2", "seq": 12})
        pipe.execute()
    run.drain(20)
    [rejected] = run.rejected()
    assert rejected["identity"] == identity(run)
    assert rejected["definition"] == "0"
    assert "can't be read" in rejected["reason"]
    if not alone:
        assert [run.target.rows()[key] for key in "12"] == [("name 1", 11), ("name 2", 12)]


def test_a_stream_of_another_type_is_survived(run: Stack) -> None:
    run.redis.set(STREAM, "no stream")
    wait_until(lambda: "Redis refuses to wait" in message(run), 20, "a message")
    run.hset(0, 3, seq=7)  # capture puts a stream in its place
    run.drain()
    run.assert_equal()
    wait_until(lambda: message(run) == "", 20, "recovery")


def test_rights_that_are_taken_away_are_waited_for(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path) as run:
        run.redis.execute_command("ACL", "SETUSER", "engine", "on", ">secret", "~*", "+@all")
        run.engine.redis_url = f"redis://engine:secret@127.0.0.1:{run.server.port}/0"
        run.start()
        run.hset(0, 3)
        run.drain()
        run.redis.execute_command("ACL", "SETUSER", "engine", "-xread")
        run.hset(0, 3, seq=7)
        wait_until(lambda: "xread" in message(run).lower(), 20, "a message that names the command")
        run.redis.execute_command("ACL", "SETUSER", "engine", "+xread")
        run.hset(0, 3, seq=8)
        run.drain()
        run.assert_equal()


def test_a_pipeline_paused_before_its_engine_starts_is_paused(module: Path, tmp_path: Path) -> None:
    with stack("sqlite", module, tmp_path, proxied=True) as run:
        assert run.link
        run.start()
        run.hset(0, 3)
        run.drain()
        assert run.engine.terminate() == 0
        run.hset(10, 20)
        run.redis.hset("writebehind:{persons}:control", "paused", "1")
        run.link.lose(b":control", Loss.SILENCE)  # also while the engine doesn't know it yet
        run.engine.start()
        assert run.link.lost.wait(20)
        with pytest.raises(TimeoutError):
            wait_until(lambda: run.target.count() > 3, 1)
        run.engine.kill()
        run.redis.delete(ENGINE)
        run.engine.start()
        wait_until(lambda: run.redis.hget(ENGINE, "state") == "paused", 20, "an engine that says it is paused")
        run.hset(20, 30)
        assert run.target.count() == 3
        assert run.waiting == 20
        run.redis.hdel("writebehind:{persons}:control", "paused")
        run.drain()
        run.assert_equal()
