"""Exactly once through SQLAlchemy: kills, fencing, a COMMIT whose answer is lost; and how errors are told apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from tests.faults.proxy import Loss, Proxy
from tests.sinks.conftest import Start
from tests.sinks.kills import kill_at_work
from tests.sinks.sql_databases import Database
from writebehind.connectors import SQLAlchemyConnection
from writebehind.errors import CheckpointMoved, CommitInDoubt, ConfigError, RowsRefused, TargetUnavailable
from writebehind.sinks import Plan, Row
from writebehind.sinks.sql import SqlSink
from writebehind.testing import PostgresServer, RedisServer, free_port, wait_until

ID = "sql/0/1/1of1"
PLAN = (("id", "integer", False),), (("n", "integer", False),)

RECIPE = """
from writebehind import RGWriteBehind
from writebehind.connectors import SQLAlchemyConnection, SQLAlchemyConnector
connector = SQLAlchemyConnector(SQLAlchemyConnection({url!r}), {table!r}, "id", {once!r})
RGWriteBehind(GB, "p", {{"n": "n"}}, connector, "sql", batch=50, max_batch=50)
"""


def log_writes(target: Database) -> None:
    """A trigger that logs every row written."""
    log = f"{target.name}_log"
    target.run(f"CREATE TABLE {log} (id INTEGER, n INTEGER)")
    if target.kind == "postgres":
        target.run(
            f"CREATE FUNCTION {log}_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {log} VALUES (new.id, new.n); RETURN NULL; END $$",
            f"CREATE TRIGGER {log}_t AFTER INSERT OR UPDATE ON {target.name} FOR EACH ROW EXECUTE FUNCTION {log}_f()",
        )
        return
    for event in ("INSERT", "UPDATE"):
        body = f"INSERT INTO {log} VALUES (new.id, new.n)"
        body = f"BEGIN {body}; END" if target.kind == "sqlite" else f"FOR EACH ROW {body}"
        target.run(f"CREATE TRIGGER {log}_{event} AFTER {event} ON {target.name} {body}")


def test_nothing_is_lost_or_doubled_over_kills(
    run_sql: Start, target: Database, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    target.create("id INTEGER PRIMARY KEY, n INTEGER")
    log_writes(target)
    recipe = tmp_path / "recipe.py"
    recipe.write_text(RECIPE.format(url=target.url, table=target.name, once=target.once))
    log = f"{target.name}_log"
    run_sql({"n": "n"}, once=True).stop()  # registers
    last = kill_at_work(redis_server.url, redis_client, recipe, lambda: target.query(f"SELECT count(*) FROM {log}")[0][0])
    assert run_sql({"n": "n"}, once=True).drain()
    assert target.rows() == sorted(last.items())
    assert target.query(f"SELECT id, n, count(*) FROM {target.name}_log GROUP BY id, n HAVING count(*) > 1") == []


def test_what_was_committed_is_skipped_though_the_next_differs(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    """A batch whose first entries are skipped and whose rest are deletes."""
    target.create("id INTEGER PRIMARY KEY, n INTEGER")
    first = run_sql({"n": "n"}, once=True)
    redis_client.hset("p:1", "n", 1)
    assert first.drain()
    first.stop()
    ids = []
    with redis_client.pipeline() as together:
        together.hset("p:1", "n", 2)
        together.hset("p:2", "n", 2)
        together.delete("p:2")
        together.execute()
    ids = [id for id, _ in redis.Redis(port=redis_client.connection_pool.connection_kwargs["port"]).xrange("writebehind:{sql}:stream")]
    (row,) = target.query(f"SELECT id, val FROM {target.once}")
    target.run(f"UPDATE {target.once} SET val = '{ids[1].decode()}'", f"DELETE FROM {target.name}", f"INSERT INTO {target.name} VALUES (2, 2)")
    second = run_sql({"n": "n"}, once=True)
    assert second.drain()
    assert target.rows() == []
    assert target.query(f"SELECT id, val FROM {target.once}") == [(row[0], ids[2].decode())]
    assert second.status()["sql"]["skipped"] == 2


@pytest.fixture
def sinks(target: Database) -> Iterator[Any]:
    """`sinks()` makes a sink of the target's table, open and described."""
    made: list[SqlSink] = []

    def make(url: str | None = None) -> SqlSink:
        sink = SqlSink(SQLAlchemyConnection(url or target.url), target.once)
        made.append(sink)
        sink.open()
        sink.describe("", target.name)
        return sink

    yield make
    for sink in made:
        sink.close()


def write(sink: SqlSink, target: Database, rows: dict[int, int | None], before: str, after: str, table: str = "") -> None:
    cells: list[Row] = [(n is None, False, (str(id),) if n is None else (str(id), str(n)), None, None) for id, n in rows.items()]
    sink.write(Plan(1, "", table or target.name, *PLAN, update_first=False), cells, (ID, before, after))


def test_a_second_engine_writes_nothing(sinks: Any, target: Database) -> None:
    target.create("id INTEGER PRIMARY KEY, n INTEGER")
    one, other = sinks(), sinks()
    assert one.load_checkpoint(ID) == other.load_checkpoint(ID) == "0-0"
    write(one, target, {1: 1}, "0-0", "5-0")
    write(other, target, {1: 99}, "0-0", "5-0")  # the same batch, as far as the table knows
    with pytest.raises(CheckpointMoved, match="holds 5-0, not 0-0"):
        write(other, target, {1: 99}, "0-0", "7-0")
    assert target.rows() == [(1, 1)]
    assert other.load_checkpoint(ID) == "5-0"
    other.forget_checkpoint(ID)
    with pytest.raises(CheckpointMoved, match="is gone"):
        write(one, target, {1: 99}, "5-0", "7-0")
    assert target.rows() == [(1, 1)]


def test_what_is_refused_moves_no_checkpoint(sinks: Any, target: Database) -> None:
    target.create("id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0)")
    sink = sinks()
    sink.load_checkpoint(ID)
    with pytest.raises(RowsRefused) as raised:
        write(sink, target, {i: -1 if i in (3, 4) else 1 for i in range(9)}, "0-0", "5-0")
    assert [(row.row, row.is_constraint) for row in raised.value.rows] == [(3, True), (4, True)]
    assert target.rows() == []
    assert sink.load_checkpoint(ID) == "0-0"


def test_keys_that_may_be_equal_never_meet_in_a_statement(sinks: Any, target: Database) -> None:
    """Nor does anything but the database know which are: so all that any collation may take for one are kept apart."""
    if target.kind != "mariadb":
        pytest.skip("its tables' own collation folds")
    target.create("id VARCHAR(20) PRIMARY KEY, n INTEGER")
    sink = sinks()
    described = {column["name"]: column for column in sink.describe("", target.name)["columns"]}
    assert described["id"]["case_insensitive"] and described["id"]["ignores_spaces"]
    plan = Plan(1, "", target.name, (("id", "text", False),), (("n", "integer", False),), False)
    writer = sink._writer_for(sink._connection, plan)
    keys = [(key, 1) for key in ("a", "b", "A", "é", "E", "e ", "ß", "ss")]
    apart = [[keys[row][0] for row in some] for some in writer._apart(list(range(len(keys))), keys)]
    assert apart == [["a", "b"], ["A", "é"], ["E"], ["e ", "ß"], ["ss"]]


def test_a_deferred_constraint_speaks_before_the_commit(sinks: Any, target: Database) -> None:
    if target.kind != "postgres":
        pytest.skip("a constraint that is checked at COMMIT and can be checked before")
    target.create("id INTEGER PRIMARY KEY, n INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED")
    sink = sinks()
    sink.load_checkpoint(ID)
    with pytest.raises(RowsRefused) as raised:
        write(sink, target, {1: 1, 2: 1, 3: 3}, "0-0", "5-0")
    assert [row.row for row in raised.value.rows] == [1]


def test_a_lost_connection_is_no_fault_of_a_row(sinks: Any, target: Database) -> None:
    if target.kind == "sqlite":
        pytest.skip("a file has no connection")
    target.create("id INTEGER PRIMARY KEY, n INTEGER")
    sink = sinks()
    sink.load_checkpoint(ID)
    end = {"postgres": "SELECT pg_terminate_backend({})", "mariadb": "KILL CONNECTION {}"}[target.kind]
    ask = {"postgres": "SELECT pg_backend_pid()", "mariadb": "SELECT connection_id()"}[target.kind]
    own = sink._connection.exec_driver_sql(ask).scalar()
    sink._connection.rollback()
    target.query(end.format(own)) if target.kind == "postgres" else target.run(end.format(own))
    with pytest.raises(TargetUnavailable):
        write(sink, target, {1: 1}, "0-0", "5-0")
    sink.open()
    write(sink, target, {1: 1}, "0-0", "5-0")
    assert target.rows() == [(1, 1)]


def test_a_commit_whose_answer_is_lost_is_settled_by_compare_and_set(sinks: Any, target: Database, postgres_server: PostgresServer) -> None:
    if target.kind != "postgres":
        pytest.skip("one database shows it")
    target.create("id INTEGER PRIMARY KEY, n INTEGER")
    log_writes(target)
    with Proxy(postgres_server.port) as proxy:
        sink = sinks(target.url.replace(str(postgres_server.port), str(proxy.port)))
        sink.load_checkpoint(ID)
        proxy.lose(b"COMMIT", Loss.ANSWER)
        with pytest.raises(CommitInDoubt):
            write(sink, target, {1: 1, 2: 2}, "0-0", "5-0")
        wait_until(lambda: target.rows() == [(1, 1), (2, 2)], 10, "the server to have heard the COMMIT")
        sink.open()
        sink.describe("", target.name)
        write(sink, target, {1: 1, 2: 2}, "0-0", "5-0")
    assert target.query(f"SELECT count(*) FROM {target.name}_log") == [(2,)]


def test_a_connect_that_only_a_person_can_mend(target: Database, tmp_path: Path) -> None:
    if target.kind == "sqlite":
        with pytest.raises(ConfigError, match="unable to open"):
            SqlSink(SQLAlchemyConnection(f"sqlite:///{tmp_path}/no/such/file.db")).open()
        return
    url = sa.make_url(target.url)
    for wrong in (url.set(password="sesame-closed"), url.set(database="nowhere", username="nobody", password="sesame-closed")):
        with pytest.raises(ConfigError) as raised:
            SqlSink(SQLAlchemyConnection(wrong)).open()
        assert "sesame-closed" not in str(raised.value)
    with pytest.raises(TargetUnavailable):
        SqlSink(SQLAlchemyConnection(url.set(port=free_port()))).open()


def test_a_password_of_any_letters(target: Database, unique: str) -> None:
    if target.kind == "sqlite":
        pytest.skip("a file has no password")
    secret = "p@ss/1:?#%&+; x"
    if target.kind == "postgres":
        target.run(f"CREATE ROLE {unique} LOGIN PASSWORD '{secret}'")
    else:
        target.run(f"CREATE USER {unique}@'%' IDENTIFIED BY '{secret}'", f"GRANT SELECT ON wb.* TO {unique}@'%'")
    asked = []

    def fresh() -> sa.URL:
        asked.append(1)
        return sa.make_url(target.url).set(username=unique, password=secret)

    connection = SQLAlchemyConnection(fresh)
    sink = SqlSink(connection)
    for _ in range(2):
        sink.open()
    assert len(asked) == 2, "a callable is asked at each connect"
    assert secret not in f"{connection!r} {connection.url()}"
    sink.close()
    target.run(f"DROP {'ROLE' if target.kind == 'postgres' else 'USER'} {unique}")


def test_cancel_ends_a_call_under_way(sinks: Any, target: Database) -> None:
    if target.kind == "mariadb":
        pytest.skip("PyMySQL can't cancel; its reads have a timeout")
    target.create("id INTEGER PRIMARY KEY, n INTEGER")
    sink = sinks()
    slow = {
        "postgres": "SELECT pg_sleep(30)",
        "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
    }[target.kind]
    entered, failed = threading.Event(), []

    def call() -> None:
        entered.set()
        try:
            sink._connection.exec_driver_sql(slow)
        except sa.exc.DBAPIError as error:
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    entered.wait()

    def ended() -> bool:
        sink.cancel()  # again, until the statement has begun
        thread.join(0.05)
        return not thread.is_alive()

    wait_until(ended, 20, "the end of the call")
    assert len(failed) == 1
