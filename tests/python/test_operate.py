"""status, rejected, pause, resume and unregister, on a real server with a running engine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import redis

from tests.conftest import Cli
from tests.faults.proxy import Loss, Proxy
from tests.python import running
from writebehind import Engine, Pipeline
from writebehind.connectors import PostgresConnection, PostgresConnector, SQLiteConnection, SQLiteConnector
from writebehind.log import Log
from writebehind.testing import PostgresServer, RedisServer, wait_until


@pytest.fixture
def pipeline(file: Path) -> Pipeline:
    connector = SQLiteConnector(SQLiteConnection(str(file)), "t", "id")
    return Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector, version="1.0.0")


@pytest.fixture
def engine(redis_server: RedisServer, redis_client: redis.Redis, pipeline: Pipeline) -> Iterator[Engine]:
    with Engine(redis_server.url, [pipeline], log=Log("error")) as running:
        yield running


@pytest.fixture
def cli(redis_server: RedisServer) -> Cli:
    return Cli(redis_server.url)


def rows(file: Path) -> dict[object, object]:
    return dict(running.rows(file))


def reject(client: redis.Redis, engine: Engine, key: str) -> None:
    client.hset(key, "a", "not a number")
    assert engine.drain(10)


def test_status_of_a_running_pipeline(cli: Cli, engine: Engine, redis_client: redis.Redis) -> None:
    for number in range(10):
        redis_client.hset(f"k:{number}", "a", number)
    assert engine.drain(10)
    wait_until(lambda: redis_client.hget("writebehind:{p}:engine", "written") == "10", 10, "the engine's word")
    done = cli("status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (status,) = json.loads(done.stdout)
    assert status["name"] == "p"
    assert status["version"] == "1.0.0"
    assert (status["captured"], status["waiting"], status["rejected"], status["paused"]) == (10, 0, 0, False)
    assert status["engine"]["written"] == 10
    assert status["engine"]["state"] == "running"
    assert status["seconds_since_seen"] < 5
    assert len(status["checkpoints"]) == 1
    done = cli("status")
    assert done.returncode == 0
    assert "running" in done.stdout
    assert "1.0.0" in done.stdout


def test_status_without_pipelines(cli: Cli, redis_client: redis.Redis) -> None:
    done = cli("status")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no pipeline is registered" in done.stderr
    assert json.loads(cli("status", "--json").stdout) == []


def test_status_warns_of_a_silent_engine(cli: Cli, engine: Engine, redis_client: redis.Redis) -> None:
    engine.stop()
    redis_client.hset("writebehind:{p}:engine", "seen_ms", "1000")
    done = cli("status")
    assert "no engine has been seen for" in done.stderr
    assert "no engine" in done.stdout
    redis_client.delete("writebehind:{p}:engine")
    assert "no engine has run it yet" in cli("status").stderr


def test_rejected_changes_are_listed_with_their_reason(cli: Cli, engine: Engine, redis_client: redis.Redis) -> None:
    reject(redis_client, engine, "k:bad")
    done = cli("rejected", "list", "p")
    assert done.returncode == 0
    assert "k:bad" in done.stdout
    assert "not a number" in done.stdout
    assert "p: 1 rejected" in done.stderr
    (entry,) = [json.loads(line) for line in cli("rejected", "list", "p", "--json").stdout.splitlines()]
    assert (entry["key"], entry["column"], entry["value"]) == ("k:bad", "a", "not a number")
    assert "entry" not in entry
    assert "1 changes were rejected: writebehind rejected list p" in cli("status").stderr


def test_a_retry_captures_the_key_as_it_is_now(cli: Cli, engine: Engine, redis_client: redis.Redis, file: Path) -> None:
    reject(redis_client, engine, "k:1")
    reject(redis_client, engine, "k:2")
    reject(redis_client, engine, "k:gone")
    with redis_client.pipeline() as transaction:  # mended without being captured, as by an operator
        transaction.execute_command("HSET", "k:1", "a", "5", "#", "+")
        transaction.execute_command("HSET", "k:gone", "#", "-")
        transaction.execute()
    done = cli("rejected", "retry", "p")
    assert done.returncode == 0
    assert "k:gone: the key is gone" in done.stderr
    assert "p: 2 captured again, 1 stay listed" in done.stderr
    assert engine.drain(10)
    assert rows(file) == {"1": 5}
    # k:2 was refused again, and is listed again.
    listed = [json.loads(line)["key"] for line in cli("rejected", "list", "p", "--json").stdout.splitlines()]
    assert sorted(listed) == ["k:2", "k:gone"]


def test_a_forced_retry_writes_what_was_refused_where_the_key_is_gone(
    cli: Cli, engine: Engine, redis_client: redis.Redis, file: Path
) -> None:
    with sqlite3.connect(file) as database:
        database.execute("CREATE TRIGGER small BEFORE INSERT ON t WHEN NEW.a > 9 BEGIN SELECT RAISE(ABORT, 'too large'); END")
    redis_client.execute_command("HSET", "k:gone", "a", 10, "#", "=u1")
    redis_client.hset(b"k:\xff", "a", 11)
    redis_client.hset("k:there", "a", 12)
    assert engine.drain(10)
    assert redis_client.xlen("writebehind:{p}:rejected") == 3
    redis_client.execute_command("HSET", "k:gone", "#", "-")
    redis_client.execute_command("HSET", b"k:\xff", "#", "-")
    with sqlite3.connect(file) as database:
        database.execute("DROP TRIGGER small")
    redis_client.delete("{k:gone}u1")
    done = cli("rejected", "retry", "p", "--force")
    assert (done.returncode, done.stderr) == (0, "p: 3 captured again, 0 stay listed\n")
    assert engine.drain(10)
    assert rows(file) == {"gone": 10, "there": 12}  # a SQLite text takes no such key: refused again, and by name
    assert not redis_client.exists("{k:gone}u1")  # its writer has had its answer
    listed = [json.loads(line)["key"] for line in cli("rejected", "list", "p", "--json").stdout.splitlines()]
    assert listed == ["k:\\xff"]


def test_a_retry_of_one_id_says_what_is_wrong(cli: Cli, engine: Engine, redis_client: redis.Redis) -> None:
    reject(redis_client, engine, "k:1")
    redis_client.execute_command("HSET", "k:1", "#", "-")
    (entry,) = [json.loads(line) for line in cli("rejected", "list", "p", "--json").stdout.splitlines()]
    assert cli("rejected", "retry", "p", entry["id"]).returncode == 1
    for wrong in ("1-1", "x"):
        done = cli("rejected", "retry", "p", wrong)
        assert done.returncode == 2
        assert f"'{wrong}' is not the ID of a rejected change" in done.stderr


def test_a_rejected_delete_is_tried_again_only_if_the_key_is_absent(
    cli: Cli, engine: Engine, redis_client: redis.Redis, file: Path
) -> None:
    redis_client.hset("k:1", "a", 1)
    redis_client.hset("k:2", "a", 2)
    assert engine.drain(10)
    redis_client.execute_command("HSET", "k:1", "#", "-")
    assert rows(file) == {"1": 1, "2": 2}
    for key in ("k:1", "k:2", "elsewhere:3"):
        redis_client.xadd("writebehind:{p}:rejected", {"id": "1-1", "identity": "0", "key": key, "op": "d", "reason": "refused"})
    done = cli("rejected", "retry", "p")
    assert "k:2: a rejected delete, but the key is there again" in done.stderr
    assert "elsewhere:3: the key is captured no more" in done.stderr
    assert "1 captured again, 2 stay listed" in done.stderr
    assert engine.drain(10)
    assert rows(file) == {"2": 2}


def test_rejected_changes_are_dropped(cli: Cli, engine: Engine, redis_client: redis.Redis) -> None:
    for number in range(3):
        reject(redis_client, engine, f"k:{number}")
    first = redis_client.xrange("writebehind:{p}:rejected")[0][0]
    assert "p: 1 dropped" in cli("rejected", "drop", "p", first).stderr
    assert redis_client.xlen("writebehind:{p}:rejected") == redis_client.hlen("writebehind:{p}:rejected-ids") == 2
    assert "p: 2 dropped" in cli("rejected", "drop", "p", "--all").stderr
    assert redis_client.xlen("writebehind:{p}:rejected") == redis_client.hlen("writebehind:{p}:rejected-ids") == 0


def test_pause_and_resume(cli: Cli, engine: Engine, redis_client: redis.Redis, file: Path) -> None:
    assert cli("pause", "p").returncode == 0
    wait_until(lambda: redis_client.hget("writebehind:{p}:engine", "state") == "paused", 10, "the pause")
    redis_client.hset("k:1", "a", 1)
    assert not engine.drain(0.5)
    assert rows(file) == {}
    done = cli("status")
    assert "paused" in done.stdout
    assert "writebehind resume p" in done.stderr
    assert "p: resumed; 1 changes wait" in cli("resume", "p").stderr
    assert engine.drain(10)
    assert rows(file) == {"1": 1}
    assert "p: was not paused" in cli("resume", "p").stderr


@pytest.mark.parametrize("verb", [["pause"], ["resume"], ["unregister"], ["rejected", "list"], ["rejected", "retry"]], ids=" ".join)
def test_an_unknown_pipeline_is_2(cli: Cli, engine: Engine, verb: list[str]) -> None:
    done = cli(*verb, "nobody")
    assert done.returncode == 2
    assert "no pipeline 'nobody' is registered" in done.stderr
    assert "registered: 'p'" in done.stderr


def test_unregister_keeps_what_waits(
    cli: Cli, engine: Engine, redis_client: redis.Redis, pipeline: Pipeline, redis_server: RedisServer, file: Path
) -> None:
    engine.stop()
    redis_client.hset("k:1", "a", 1)
    assert "p: unregistered; 1 changes still wait" in cli("unregister", "p").stderr
    redis_client.hset("k:2", "a", 2)
    assert redis_client.xlen("writebehind:{p}:stream") == 1
    with Engine(redis_server.url, [pipeline], log=Log("error")) as again:
        assert again.drain(10)
        redis_client.hset("k:3", "a", 3)
        assert again.drain(10)
    assert rows(file) == {"1": 1, "3": 3}


def test_unregister_and_drop(cli: Cli, engine: Engine, redis_client: redis.Redis) -> None:
    engine.stop()
    redis_client.hset("k:1", "a", 1)
    assert "p: unregistered; 1 waiting changes dropped" in cli("unregister", "p", "--drop").stderr
    assert redis_client.keys("*") == ["k:1"]


def test_unregister_and_drain(cli: Cli, engine: Engine, redis_client: redis.Redis, file: Path) -> None:
    for number in range(1000):
        redis_client.hset(f"k:{number}", "a", number)
    done = cli("unregister", "p", "--drain")
    assert done.returncode == 0, done.stderr
    assert "drained, streams removed" in done.stderr
    assert len(rows(file)) == 1000
    wait_until(lambda: engine.wait(0), 10, "the engine's end")
    assert not redis_client.exists("writebehind:registry", "writebehind:{p}:stream")


def test_unregister_and_drain_without_an_engine_gives_up(cli: Cli, engine: Engine, redis_client: redis.Redis) -> None:
    engine.stop()
    redis_client.hset("k:1", "a", 1)
    done = cli("unregister", "p", "--drain", "--timeout", "0.5")
    assert done.returncode == 1
    assert "1 changes still wait after 0.5 s" in done.stderr
    assert redis_client.xlen("writebehind:{p}:stream") == 1


def test_a_pause_has_come_when_what_was_begun_is_written(
    cli: Cli, redis_server: RedisServer, redis_client: redis.Redis, postgres_server: PostgresServer, unique: str
) -> None:
    connector = PostgresConnector(PostgresConnection("wb", "wb", f"127.0.0.1:{postgres_server.port}/wb"), unique, "id")
    pipeline = Pipeline(name="p", prefix="k", mapping={"a": "a"}, connector=connector)
    with closing(psycopg2.connect(postgres_server.url)) as holder, closing(psycopg2.connect(postgres_server.url)) as other:
        other.autocommit = True
        other.cursor().execute(f"CREATE TABLE {unique} (id TEXT PRIMARY KEY, a INTEGER)")
        with Engine(redis_server.url, [pipeline], log=Log("error")) as engine:
            holder.cursor().execute(f"LOCK TABLE {unique} IN EXCLUSIVE MODE")
            redis_client.hset("k:1", "a", 1)
            wait_until(lambda: blocked(other) == 1, 20, "the statement that waits for the lock")
            done = cli("pause", "p", "--timeout", "0.5")
            assert done.returncode == 1
            assert "after 0.5 s the engine still writes" in done.stderr
            holder.rollback()
            assert cli("pause", "p").returncode == 0
            redis_client.hset("k:2", "a", 2)
            with other.cursor() as cursor:
                cursor.execute(f"SELECT id, a FROM {unique}")
                assert cursor.fetchall() == [("1", 1)]
            assert cli("resume", "p").returncode == 0
            assert engine.drain(10)
        other.cursor().execute(f"DROP TABLE {unique}")


def blocked(connection: psycopg2.extensions.connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
        return int(cursor.fetchone()[0])


def test_a_forced_retry_whose_answer_is_lost_is_made_once(
    engine: Engine, redis_server: RedisServer, redis_client: redis.Redis, file: Path
) -> None:
    reject(redis_client, engine, "k:gone")
    redis_client.execute_command("HSET", "k:gone", "#", "-")
    with sqlite3.connect(file) as database:
        database.execute("DROP TABLE t")
        database.execute("CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT)")
    with Proxy(redis_server.port) as proxy:
        cli = Cli(f"redis://127.0.0.1:{proxy.port}")
        proxy.lose(b"WB.REQUEUE", Loss.ANSWER)  # what a retry that is killed then does not see either
        assert cli("rejected", "retry", "p", "--force").returncode == 1
        assert proxy.lost.is_set()
        assert cli("rejected", "retry", "p", "--force").stderr == "p: 0 captured again, 0 stay listed\n"
    assert engine.drain(10)
    assert rows(file) == {"gone": "not a number"}
    assert not redis_client.exists("writebehind:{p}:rejected-ids")
