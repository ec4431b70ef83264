"""Each type of each database, through the whole path: the row holds what the hash means, or the change is rejected by name."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.e2e.conftest import Start, answer, rejected, verifier
from tests.e2e.types_table import DIFFERS, TYPES, Cases, Refused
from tests.sinks.sql_databases import Database
from writebehind.errors import ConfigError
from writebehind.testing import RedisServer

PREPARE = {
    "postgres": (
        "CREATE EXTENSION IF NOT EXISTS citext",
        "DROP TYPE IF EXISTS mood CASCADE",
        "DROP DOMAIN IF EXISTS short, positive CASCADE",
        "CREATE TYPE mood AS ENUM ('sad', 'o''k', 'a,b')",
        "CREATE DOMAIN short AS varchar(5) CHECK (value <> 'bad')",
        "CREATE DOMAIN positive AS integer CHECK (value > 0)",
    )
}
# As the catalog spells them, where that is not what the statement says.
SPELLED = {
    "postgres": {
        "varchar(3)": "character varying(3)", "char(3)": "character(3)", "time": "time without time zone", "time(3)": "time(3) without time zone",
        "timetz": "time with time zone", "timestamp": "timestamp without time zone", "timestamp(0)": "timestamp(0) without time zone",
        "timestamptz": "timestamp with time zone", "varchar(2)[]": "character varying(2)[]", "varbit(3)": "bit varying(3)",
    },
    "mariadb": {"boolean": "tinyint(1)", "bit": "bit(1)", "timestamp NULL": "timestamp", "year": "year(4)"},
    "sqlite": {"": "any"},
}  # fmt: skip


def shown(kind: str, column: str, type_: str) -> str:
    """An expression for the column's value as types_table has it."""
    if kind == "postgres":
        return f"encode({column}, 'hex')" if type_ == "bytea" else f"{column}::text"
    if kind == "mariadb":
        if type_.startswith("bit"):
            return f"cast({column} + 0 AS char)"
        return f"lower(hex({column}))" if "bin" in type_ or "blob" in type_ else f"cast({column} AS char)"
    return column


def spelled(kind: str, type_: str) -> str:
    plain = type_.split(" CHARACTER SET")[0]
    return SPELLED[kind].get(plain, plain)


def named(kind: str, type_: str, found: str) -> bool:
    """Is `found` the type that the statement gave the column? MariaDB adds a display width to integers."""
    wanted = spelled(kind, type_)
    base, _, rest = wanted.partition(" ")
    return found == wanted or (kind == "mariadb" and found.startswith(f"{base}(") and found.endswith(rest))


def printable(text: str | bytes) -> str:
    """What of a value the rejected stream shows."""
    data = text if isinstance(text, bytes) else text.encode()
    return data.decode(errors="backslashreplace").replace("\0", "\\x00").encode()[:200].decode(errors="ignore")


@pytest.mark.parametrize("through", ["native", "sqlalchemy"])
def test_every_type(run_native: Start, target: Database, redis_server: RedisServer, redis_client: redis.Redis, through: str) -> None:
    is_native = through == "native"
    types = [(type_, cases if is_native else same_through_sqlalchemy(target.kind, type_, cases)) for type_, cases in TYPES[target.kind].items()]
    options = {} if is_native else {"connector": target.connector()}
    target.run(*PREPARE.get(target.kind, ()))
    target.create("id VARCHAR(40) PRIMARY KEY, " + ", ".join(f"c{i} {type_}" for i, (type_, _) in enumerate(types)))
    engine = run_native({f"f{i}": f"c{i}" for i in range(len(types))}, **options)
    wanted: dict[str, tuple[int, str | bytes, Any]] = {}
    with redis_client.pipeline() as together:
        for i, (_, cases) in enumerate(types):
            for j, (text, value) in enumerate(cases.items()):
                wanted[f"{i}-{j}"] = (i, text, value)
                together.hset(f"p:{i}-{j}", mapping={f"f{i}": text, "#": "=u"})
        together.hset("p:none", "other", "x")
        together.execute()
    assert engine.drain(60), engine.status()
    if is_native:  # as verify compares them, what was written is what was meant
        unequal = {one.key.decode().removeprefix("p:"): one for one in verifier(redis_server.url, engine).compare().differences.values()}
        assert {key: (wanted.get(key), one) for key, one in unequal.items() if key not in wanted or not isinstance(wanted[key][2], Refused)} == {}
        assert unequal.keys() == {key for key, (_, _, value) in wanted.items() if isinstance(value, Refused)}
    found = rejected(redis_client)
    columns = ", ".join(shown(target.kind, f"c{i}", type_) for i, (type_, _) in enumerate(types))
    rows = {row[0]: row[1:] for row in target.query(f"SELECT id, {columns} FROM {target.name}")}
    assert set(rows.pop("none")) == {None}
    wrong = {}
    for key, (i, text, value) in wanted.items():
        if isinstance(value, Refused):
            fields = found.pop(f"p:{key}", None)
            reply = answer(redis_client, f"p:{key}", "u")
            good = fields is not None and key not in rows and reply["status"] == "failed" and fields["reason"] in reply["error"]
            good = good and (not is_native or is_told(target.kind, i, types[i][0], text, value, fields, reply))
            got: Any = fields
        else:
            got = rows.get(key, found.get(f"p:{key}", {}).get("reason", "no row"))
            padded = types[i][0].startswith("char(") and isinstance(got, tuple)
            got = got[i].rstrip(" ") if padded else got[i] if isinstance(got, tuple) else got
            good = (type(got), got) == (type(value), value) and answer(redis_client, f"p:{key}", "u") == {"status": "done"}
        if not good:
            wrong[types[i][0], text] = (value, got)
    assert not wrong, "\n".join(f"{case}: {seen}" for case, seen in wrong.items())
    assert found == {}


def same_through_sqlalchemy(kind: str, type_: str, cases: Cases) -> Cases:
    but = DIFFERS[kind].get(type_, set())
    return {} if but is None else {text: value for text, value in cases.items() if text not in but}


def test_columns_that_the_database_fills(run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    made = {"sqlite": "INTEGER", "postgres": "INTEGER GENERATED BY DEFAULT AS IDENTITY", "mariadb": "INTEGER AUTO_INCREMENT"}[target.kind]
    target.create(f"id {made} PRIMARY KEY, a INTEGER, twice INTEGER GENERATED ALWAYS AS (a * 2) STORED")
    with pytest.raises(ConfigError, match="'twice' .* generated by the database"):
        run_native({"a": "twice"})
    engine = run_native({"a": "a"})
    for a in (1, 5):
        redis_client.hset("p:0", "a", a)
        redis_client.hset("p:7", "a", a + 1)
        assert engine.drain()
    assert target.rows() == [(0, 5, 10), (7, 6, 12)]
    engine.stop()
    if target.kind == "postgres":
        target.run(f"ALTER TABLE {target.name} ALTER id SET GENERATED ALWAYS")
        with pytest.raises(ConfigError, match="'id' .* generated by the database"):
            run_native({"a": "a"})


def test_a_value_that_is_called_like_a_column(run_native: Start, target: Database, redis_client: redis.Redis) -> None:
    strict = {"sqlite": "INTEGER CHECK (typeof(b) = 'integer')", "postgres": "INET", "mariadb": "INET6"}[target.kind]
    target.create(f"id VARCHAR(9) PRIMARY KEY, a VARCHAR(9), b {strict}, c VARCHAR(9)")
    engine = run_native({name: name for name in "abc"})
    redis_client.hset("p:id", mapping={"a": "b", "b": "a", "c": "c"})
    assert engine.drain()
    fields = rejected(redis_client)["p:id"]
    assert (fields["column"], fields["value"]) == ("b", "a")


def is_told(kind: str, i: int, type_: str, text: str | bytes, value: Refused, fields: dict[str, str], reply: dict[str, str]) -> bool:
    """Do the rejected stream and the answer say what was refused, and why?"""
    error = f"column c{i} ({fields['type']}): {fields['reason']}"
    said = fields["column"] == f"c{i}" and named(kind, type_, fields["type"]) and fields["value"] == printable(text)
    return said and value.reason in fields["reason"] and reply == {"status": "failed", "error": error}
