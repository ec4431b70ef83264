"""What each kind of change makes of the row, in every database, through the whole path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.stack import Stack, stack
from writebehind.testing import wait_until


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mariadb"])
def run(request: pytest.FixtureRequest, module: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(request.param, module, tmp_path_factory.mktemp(request.param), options=', expired="delete"') as made:
        made.start()
        yield made


@pytest.fixture(autouse=True)
def empty(run: Stack) -> None:
    for key in run.redis.scan_iter("person:*"):
        run.redis.delete(key)
    run.drain()
    assert run.target.rows() == {}


def rows(run: Stack) -> dict[str, tuple[Any, ...]]:
    run.drain()
    return run.target.rows()


def rejected(run: Stack) -> dict[str, dict[str, str]]:
    """The rejected stream by key; its entries hold packed bytes."""
    with redis.Redis(port=run.server.port, decode_responses=True, encoding_errors="replace") as client:
        return {entry["key"]: entry for _, entry in client.xrange("writebehind:{persons}:rejected")}


def test_hset_and_partial_hset(run: Stack) -> None:
    run.redis.hset("person:1", mapping={"first_name": "James", "seq": 7, "unmapped": "x"})
    assert rows(run) == {"1": ("James", 7)}
    run.redis.hset("person:1", "seq", 8)
    assert rows(run) == {"1": ("James", 8)}
    run.redis.hincrby("person:1", "seq", 2)
    assert rows(run) == {"1": ("James", 10)}


def test_a_missing_field_is_null(run: Stack) -> None:
    run.redis.hset("person:1", "first_name", "James")
    assert rows(run) == {"1": ("James", None)}
    run.redis.hset("person:1", "seq", 1)
    run.redis.hdel("person:1", "first_name")
    assert rows(run) == {"1": (None, 1)}


def test_del_unlink_and_the_last_hdel_delete(run: Stack) -> None:
    for key in "abc":
        run.redis.hset(f"person:{key}", "seq", 1)
    assert len(rows(run)) == 3
    run.redis.delete("person:a")
    run.redis.unlink("person:b")
    run.redis.hdel("person:c", "seq")
    assert rows(run) == {}


def test_rename_moves_the_row_and_copy_makes_one(run: Stack) -> None:
    run.redis.hset("person:old", mapping={"first_name": "James", "seq": 7})
    run.redis.hset("person:there", "seq", 1)
    rows(run)
    run.redis.rename("person:old", "person:there")
    assert rows(run) == {"there": ("James", 7)}
    run.redis.copy("person:there", "person:copy")
    assert rows(run) == {"there": ("James", 7), "copy": ("James", 7)}
    run.redis.rename("person:copy", "elsewhere")
    assert rows(run) == {"there": ("James", 7)}
    run.redis.rename("elsewhere", "person:back")
    assert rows(run) == {"there": ("James", 7), "back": ("James", 7)}
    run.redis.set("person:back", "a string now")
    assert rows(run) == {"there": ("James", 7)}


def test_expiry_deletes_where_the_pipeline_says_so(run: Stack) -> None:
    run.redis.hset("person:1", "seq", 1)
    rows(run)
    run.redis.pexpire("person:1", 1)
    wait_until(lambda: rows(run) == {}, 20, "the row's deletion")


def test_all_that_follows_the_prefix_is_the_key(run: Stack) -> None:
    names = ["eu:7", "{eu}:7", " 7", "Zoë ☃ 𝄞", "it's \"quoted\" \\ %s"]
    for name in names:
        run.redis.hset(f"person:{name}", "first_name", name)
    assert {key: row[0] for key, row in rows(run).items()} == {name: name for name in names}


def test_a_value_that_does_not_fit_is_rejected_alone(run: Stack) -> None:
    pipe = run.redis.pipeline(transaction=False)
    pipe.hset("person:1", mapping={"first_name": "fits", "seq": 1})
    pipe.hset("person:2", mapping={"first_name": "much longer than its twenty characters", "seq": 2, "#": "=long"})
    pipe.hset("person:3", mapping={"first_name": "fits", "seq": "no number", "#": "=nan"})
    pipe.hset("person:4", mapping={"first_name": "fits", "seq": 4, "#": "=good"})
    pipe.execute()
    written = {"1": ("fits", 1), "4": ("fits", 4)}
    if run.target.kind == "SQLite":  # takes a text of any length
        written["2"] = ("much longer than its twenty characters", 2)
    assert rows(run) == written
    answers = {name: run.redis.xrange(f"{{person:{key}}}{name}")[0][1] for key, name in ((2, "long"), (3, "nan"), (4, "good"))}
    assert answers["good"] == {"status": "done"}
    assert answers["nan"]["status"] == "failed"
    if run.target.kind != "SQLite":
        assert answers["long"]["status"] == "failed"
        assert "first" in answers["long"]["error"]
    assert "seq" in answers["nan"]["error"]
    stored = rejected(run)
    if run.target.kind != "SQLite":
        long = stored["person:2"]
        assert long["column"] == "first" and long["value"].startswith("much longer") and long["type"] and long["reason"]
    nan = stored["person:3"]
    assert nan["column"] == "seq" and nan["value"] == "no number" and "int" in nan["type"].lower() and nan["reason"]


def test_an_earlier_change_stands_where_the_last_is_rejected(run: Stack) -> None:
    with run.redis.pipeline() as pipe:
        pipe.hset("person:1", mapping={"seq": 1, "#": "=one"})
        pipe.hset("person:1", mapping={"seq": 2, "#": "=two"})
        pipe.hset("person:1", mapping={"seq": "three", "#": "=three"})
        pipe.execute()
    assert rows(run) == {"1": (None, 2)}
    answers = [run.redis.xrange(f"{{person:1}}{name}")[0][1]["status"] for name in ("one", "two", "three")]
    assert answers == ["done", "done", "failed"]


def test_the_row_is_there_when_the_answer_is(run: Stack) -> None:
    for seq in range(50):
        run.redis.hset("person:007", mapping={"first_name": "James", "seq": seq, "#": f"=6ce0c902-{seq}"})
        stream = f"{{person:007}}6ce0c902-{seq}"
        answer = run.redis.xread({stream: "0-0"}, block=2000)
        assert run.target.rows() == {"007": ("James", seq)}
        assert [fields for _, fields in answer[0][1]] == [{"status": "done"}]
        assert 3590 < run.redis.ttl(stream) <= 3600


def test_what_is_not_to_be_replicated_is_not(run: Stack) -> None:
    run.redis.hset("person:1", mapping={"seq": 1, "#": "+quiet"})
    assert run.redis.xrange("{person:1}quiet")[0][1] == {"status": "done"}
    assert rows(run) == {}
    run.redis.hset("person:1", mapping={"seq": 2, "#": "=loud"})
    assert rows(run) == {"1": (None, 2)}
    run.redis.hset("person:1", "#", "-gone")
    assert not run.redis.exists("person:1")
    assert rows(run) == {"1": (None, 2)}
    run.redis.hset("person:1", "#", "~both")
    assert rows(run) == {}
    assert run.redis.xread({"{person:1}both": "0-0"}, block=2000)[0][1][0][1] == {"status": "done"}
