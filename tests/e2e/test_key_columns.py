"""Key columns that are fields of the hash, in every database, through the whole path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.keyed import Run, running
from tests.sinks.sql_databases import database
from writebehind import rejects
from writebehind.testing import wait_until

TABLES = ("persons", "places", "codes")


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mariadb"])
def made(request: pytest.FixtureRequest, module: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    servers = {} if request.param == "sqlite" else {request.param: request.getfixturevalue(f"{request.param}_server")}
    with running(database(request.param, servers, tmp_path_factory.mktemp("keys"), "keyed"), module) as run:
        yield run


@pytest.fixture
def run(made: Run) -> Iterator[Run]:
    """Once the test is done, to delete its keys deletes all rows."""
    yield made
    try:
        for prefix in ("person", "book", "code"):
            for key in made.redis.scan_iter(f"{prefix}:*"):
                made.redis.delete(key)
        assert [made.rows(table) for table in TABLES] == [set()] * 3
        made.no_strays()
    finally:
        made.redis.delete("writebehind:{persons}:rejected", "writebehind:{persons}:rejected-ids", "writebehind:{places}:rejected", "writebehind:{places}:rejected-ids")
        made.target.run(*(f"DELETE FROM {made.target.name}_{table}" for table in TABLES))


def test_rows_of_a_key_of_two_columns(run: Run) -> None:
    run.hset("person:1", country="de", name="Ada", seq=36)
    run.hset("person:2", country="de", seq=1)
    assert run.rows() == {("de", 1, "Ada", 36), ("de", 2, None, 1)}
    run.redis.hincrby("person:1", "seq", 1)
    run.redis.hdel("person:2", "seq")
    assert run.rows() == {("de", 1, "Ada", 37), ("de", 2, None, None)}
    run.redis.delete("person:1")
    assert run.rows() == {("de", 2, None, None)}
    run.hset("person:02", "=c", country="de")
    assert "canonical" in run.answer("person:02", "c")


def test_a_key_field_that_changes_takes_the_row_along(run: Run) -> None:
    run.hset("person:1", country="de", name="Ada", seq=1)
    run.hset("person:2", country="de", seq=2)
    run.rows()
    run.hset("person:1", "=moved", country="fr")
    assert run.answer("person:1", "moved") == "done"
    assert run.rows() == {("fr", 1, "Ada", 1), ("de", 2, None, 2)}
    run.together(
        ("HSET", "person:2", "seq", 3),
        ("HSET", "person:1", "country", "it"),
        ("HSET", "person:2", "seq", 4),
        ("HSET", "person:1", "country", "es", "seq", 5),
        ("HSET", "person:1", "seq", 6),
    )
    assert run.rows() == {("es", 1, "Ada", 6), ("de", 2, None, 4)}
    run.together(("HSET", "person:1", "country", "it"), ("HSET", "person:1", "country", "es"), ("DEL", "person:2"))
    assert run.rows() == {("es", 1, "Ada", 6)}
    run.together(("DEL", "person:1"), ("HSET", "person:1", "country", "pt", "seq", 7))
    assert run.rows() == {("pt", 1, None, 7)}


def books(run: Run, **places: int) -> None:
    run.together(*(("HSET", f"book:{title}", "s", "a", "place", place, "t", title) for title, place in places.items()))


@pytest.mark.parametrize("is_batch", [True, False])
def test_hashes_that_change_places(run: Run, is_batch: bool) -> None:
    """Swapped, and moved up one after the other: each has its row, though two of them name one in between."""
    books(run, x=1, y=2, z=3)
    assert run.rows("places") == {("a", 1, "x"), ("a", 2, "y"), ("a", 3, "z")}
    for moves, expected in (
        ({"x": 2, "y": 1}, {("a", 2, "x"), ("a", 1, "y"), ("a", 3, "z")}),
        ({"y": 2, "x": 3, "z": 4}, {("a", 2, "y"), ("a", 3, "x"), ("a", 4, "z")}),
    ):
        commands = [("HSET", f"book:{title}", "place", place) for title, place in moves.items()]
        for some in [commands] if is_batch else [[command] for command in commands]:
            run.together(*some)
            run.drain()
        assert run.rows("places") == expected


def test_two_hashes_of_one_row(run: Run) -> None:
    """The one that was written last decides, until another one is."""
    books(run, x=1, y=2)
    run.hset("book:y", place=1)
    assert run.rows("places") == {("a", 1, "y")}
    run.redis.delete("book:x")
    assert run.rows("places") == {("a", 1, "y")}, "another hash still names it"
    run.redis.copy("book:y", "book:z")
    run.hset("book:z", place=7, t="z")
    assert run.rows("places") == {("a", 7, "z")}, "it was the copy's row"
    run.hset("book:y", t="again")
    assert run.rows("places") == {("a", 1, "again"), ("a", 7, "z")}
    run.hset("book:v", "=v", s="a", place="07", t="v")
    assert "canonical text of its value, '7'" in run.answer("book:v", "v"), "one row, and two to Redis"
    run.together(("DEL", "book:y"), ("RENAME", "book:z", "book:y"), ("HSET", "book:v", "place", "7"))
    assert run.rows("places") == {("a", 7, "v")}


@pytest.mark.parametrize("is_batch", [True, False])
def test_a_row_that_is_taken_by_a_change_that_is_refused(run: Run, is_batch: bool) -> None:
    """It stays the other's, who can leave it; alone and in a batch with what comes behind."""

    def do(*commands: str) -> None:
        words = [tuple(command.split()) for command in commands]
        for some in [words] if is_batch else [[one] for one in words]:
            run.together(*some)
            run.drain()

    books(run, x=1, y=2, z=3)
    run.drain()
    do("HSET book:x place 2 n 5000", "HSET book:y place 4")  # y had 2 all the while
    assert run.rows("places") == {("a", 1, "x"), ("a", 4, "y"), ("a", 3, "z")}
    do("HSET book:x place 3", "HSET book:x place 5 n 1")  # so had z 3
    assert run.rows("places") == {("a", 5, "x"), ("a", 4, "y"), ("a", 3, "z")}
    do("HSET book:x place 6 n 5000", "HSET book:z place 5 t w", "HSET book:x place 7 n 1")  # x lost 5 to z
    assert run.rows("places") == {("a", 7, "x"), ("a", 4, "y"), ("a", 5, "w")}
    do("HSET book:x place 4 n 5000", "DEL book:x")
    assert run.rows("places") == {("a", 4, "y"), ("a", 5, "w")}
    do("HSET book:x s a place 8 n 5000", "HSET book:z place 8", "HSET book:x place 9 n 1")  # x never had 8
    assert run.rows("places") == {("a", 4, "y"), ("a", 8, "w"), ("a", 9, None)}
    run.redis.delete("book:x", "book:y", "book:z")
    assert run.rows("places") == set()
    run.no_strays()


def test_a_row_that_moves_keeps_what_is_not_mapped(run: Run) -> None:
    def notes() -> dict[int, str]:
        run.drain()
        return dict(run.target.query(f"SELECT place, note FROM {run.target.name}_places"))  # type: ignore[arg-type]

    table = f"{run.target.name}_places"
    books(run, x=1, y=2, z=3)
    run.drain()
    run.target.run(*(f"UPDATE {table} SET note = 'of {place}' WHERE place = {place}" for place in (1, 2, 3)))
    run.together(("HSET", "book:x", "place", 4), ("HSET", "book:y", "t", "later"), ("HSET", "book:z", "place", 5))
    assert notes() == {4: "of 1", 2: "of 2", 5: "of 3"}
    # a chain, and a place that another one left
    run.together(("HSET", "book:x", "place", 6), ("HSET", "book:x", "place", 7, "t", "seven"), ("HSET", "book:y", "place", 4))
    assert notes() == {7: "of 1", 4: "of 2", 5: "of 3"}
    # a row that is there keeps its own; the other one goes
    run.together(("HSET", "book:z", "t", "zed"), ("HSET", "book:z", "place", 4), ("HSET", "book:y", "place", 8))
    assert notes() == {7: "of 1", 4: "of 2", 8: "new"}
    # refused alone, while others move
    run.together(("HSET", "book:x", "place", 9, "n", 5000), ("HSET", "book:z", "place", 1))
    assert notes() == {7: "of 1", 1: "of 2", 8: "new"}
    run.hset("book:x", place=9, n=1)
    assert notes() == {9: "of 1", 1: "of 2", 8: "new"}


def test_many_rows_that_move_are_one_batch(run: Run) -> None:
    assert run.engine
    keys = range(300)
    run.together(*(("HSET", f"book:{key}", "s", "m", "place", key, "t", key) for key in keys))
    run.drain()
    before = run.engine.status()["places"]["batches"]
    run.together(*(("HSET", f"book:{key}", "place", key + 1000) for key in keys))
    assert run.rows("places") == {("m", key + 1000, str(key)) for key in keys}
    if run.target.kind != "mariadb":  # where 'A' is 'a', each is a batch of its own
        assert run.engine.status()["places"]["batches"] == before + 1
    run.target.run(f"DELETE FROM {run.target.name}_places")
    run.redis.delete(*(f"book:{key}" for key in keys))


def test_a_move_that_is_refused_leaves_the_row(run: Run) -> None:
    run.hset("person:1", country="de", seq=1)
    run.hset("person:2", country="de", seq=2)
    run.together(
        ("HSET", "person:2", "seq", 3),
        ("HSET", "person:1", "country", "fr", "seq", 5000, "#", "=check"),
        ("HSET", "person:1", "seq", "no number", "#", "=cast"),
        ("HSET", "person:2", "seq", 4, "#", "=good"),
    )
    assert run.answer("person:2", "good") == "done"
    assert run.answer("person:1", "check") != "done"
    assert "seq" in run.answer("person:1", "cast")
    assert run.rows() == {("de", 1, None, 1), ("de", 2, None, 4)}
    assert {one["id"] for one in run.rejected() if one["key"] == "person:1"} == {one["id"] for one in run.rejected()}
    run.stop()
    run.start()
    run.hset("person:1", seq=7)  # its key was captured already: the row of before goes all the same
    assert run.rows() == {("fr", 1, None, 7), ("de", 2, None, 4)}
    run.no_strays()
    run.together(("HSET", "person:1", "country", "it", "seq", 5000), ("DEL", "person:1"))
    assert run.rows() == {("de", 2, None, 4)}
    run.together(("HSET", "person:2", "country", "it", "seq", 5000), ("HSET", "person:2", "country", "de", "seq", 8))
    assert run.rows() == {("de", 2, None, 8)}
    run.no_strays()


def test_a_hash_without_a_key_field_is_rejected(run: Run) -> None:
    run.hset("person:1", country="de", seq=1)
    run.redis.hdel("person:1", "country")
    run.hset("person:2", "=lacks", seq=2)
    assert "country" in run.answer("person:2", "lacks")
    assert run.rows() == {("de", 1, None, 1)}
    assert [(one["key"], one["column"]) for one in run.rejected()] == [("person:1", "country"), ("person:2", "country")]
    assert "can't be NULL" in run.rejected()[0]["reason"]
    run.hset("person:2", country="de")
    run.hset("person:1", country="fr")
    assert run.rows() == {("fr", 1, None, 1), ("de", 2, None, 2)}
    run.redis.hdel("person:1", "country")
    run.redis.delete("person:1")
    assert run.rows() == {("de", 2, None, 2)}


def test_what_ends_a_hash_deletes_its_row(run: Run) -> None:
    for number in range(1, 7):
        run.hset(f"person:{number}", country="de", seq=number)
    assert len(run.rows()) == 6
    run.redis.rename("person:1", "person:11")
    run.redis.rename("person:2", "person:3")
    run.redis.set("person:4", "a string now")
    run.redis.hdel("person:5", "country", "seq")
    run.redis.pexpire("person:6", 1)
    wait_until(lambda: run.rows() == {("de", 11, None, 1), ("de", 3, None, 2)}, 20, "the rows that are left")


def test_a_delete_after_a_restart(run: Run) -> None:
    for number in range(1, 4):
        run.hset(f"person:{number}", country="de", seq=number)
    run.rows()
    run.stop()
    run.redis.delete("person:1")
    run.server.kill()
    run.server.start()
    run.start()
    run.redis.delete("person:2")
    run.hset("person:3", country="fr")
    assert run.rows() == {("fr", 3, None, 3)}


def test_a_flush_forgets_what_the_rows_were(run: Run) -> None:
    assert run.engine
    run.hset("person:1", country="de", seq=1)
    run.rows()
    run.redis.flushall()
    wait_until(lambda: run.redis.exists("writebehind:registry") == 1, 10, "the registry")
    before = run.engine.status()["persons"]["filtered"]
    run.hset("person:1", "~gone")
    assert run.answer("person:1", "gone") == "done"
    assert run.rows() == {("de", 1, None, 1)}
    wait_until(lambda: run.engine is not None and run.engine.status()["persons"]["filtered"] == before + 1, 10, "the count")
    run.hset("person:1", country="de", seq=2)
    run.redis.delete("person:1")
    assert run.rows() == set()


def test_a_rejected_delete_is_retried(run: Run) -> None:
    if run.target.kind == "sqlite":
        pytest.skip("its foreign keys are those of the connection")
    child = f"{run.target.name}_child"
    run.hset("person:1", country="de", seq=1)
    run.hset("person:2", country="de", seq=2)
    run.rows()
    run.target.run(f"INSERT INTO {child} VALUES ('de', 1)")
    run.together(("DEL", "person:1"), ("HSET", "person:2", "seq", 3))
    assert run.rows() == {("de", 1, None, 1), ("de", 2, None, 3)}
    assert [(one["key"], one["op"]) for one in run.rejected()] == [("person:1", "d")]
    run.target.run(f"DELETE FROM {child}")
    run.hset("person:1", "+", country="it")
    assert rejects.retry(run.redis, "persons").captured == 0, "the key is there again"
    run.hset("person:1", "-x")
    assert rejects.retry(run.redis, "persons").captured == 1
    assert run.rows() == {("de", 2, None, 3)}


# One change after the other, and what is in the table then. Every row is that of "a" or "z", in whatever case.
FOLDED: list[tuple[list[str], set[tuple[str, str]]]] = [
    (["HSET code:0 c A title t0", "HSET code:1 c z title t1", "HSET code:2 c a title t2"], {("a", "T2"), ("z", "T1")}),
    (["HSET code:0 title t3", "HSET code:2 title t4", "HSET code:0 title t5"], {("a", "T5"), ("z", "T1")}),
    (["HSET code:2 title t6", "DEL code:0"], {("z", "T1")}),
    (["HSET code:2 title t7", "HSET code:1 c Z", "HSET code:0 c A title t8"], {("a", "T8"), ("z", "T1")}),
    (["HSET code:2 title t9", "HSET code:0 c z"], {("z", "T8")}),
    (["DEL code:1", "HSET code:2 title t10", "DEL code:2", "HSET code:3 c A title t11"], {("a", "T11")}),
]


@pytest.mark.parametrize("is_batch", [True, False])
def test_keys_that_the_database_takes_for_one(run: Run, is_batch: bool) -> None:
    """In the order of their changes, however they are batched; a transform sees them too."""
    for commands, expected in FOLDED:
        words = [tuple(command.split()) for command in commands]
        for some in [words] if is_batch else [[one] for one in words]:
            run.together(*some)
            run.drain()
        assert {(code.lower(), title) for code, title in run.rows("codes")} == expected, commands
