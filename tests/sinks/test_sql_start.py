"""What the SQLAlchemy connector finds at its start."""

from __future__ import annotations

import pytest
import redis
import sqlalchemy as sa

from tests.sinks.conftest import Start
from tests.sinks.sql_databases import Database
from writebehind.errors import ConfigError


def test_what_is_wrong_is_said_at_the_start(run_sql: Start, target: Database) -> None:
    target.create("id INTEGER PRIMARY KEY, a INTEGER")
    with pytest.raises(ConfigError, match="has no column 'nowhere'"):
        run_sql({"a": "nowhere"})
    target.run(f"DROP TABLE {target.once}")
    with pytest.raises(ConfigError, match="exactly-once table .* is not there") as raised:
        run_sql({"a": "a"}, once=True)
    assert "CREATE TABLE" in raised.value.hint
    target.run(f"DROP TABLE {target.name}", f"CREATE TABLE {target.name} (a INTEGER)")
    with pytest.raises(ConfigError, match="has no column 'id'"):
        run_sql({"a": "a"})


def test_a_name_in_another_case_is_found(run_sql: Start, target: Database, redis_client: redis.Redis) -> None:
    if target.kind == "mariadb":
        pytest.skip("its tables' names have a case")
    target.create("ID INTEGER PRIMARY KEY, Age INTEGER")
    engine = run_sql({"a": "AGE"}, connector=type(target.connector())(target.connection(), target.name.upper(), "id"))
    redis_client.hset("p:1", "a", 1)
    assert engine.drain()
    assert target.rows() == [(1, 1)]
    assert sa.inspect(target.engine).has_table(target.name)
