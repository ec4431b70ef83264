"""The SQL for Oracle, SQL Server, DB2 and Snowflake, without their servers: parsed by sqlfluff, and run on H2 as far as H2 goes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import sqlfluff
from sqlalchemy.dialects.mssql.base import MSDialect
from sqlalchemy.dialects.oracle.base import OracleDialect

from tests.conftest import ROOT, bring_by_maven
from writebehind.sinks.sql_dialects import SAVEPOINTS, UPSERTS, Shape, SqlColumn, SqlTable, chunks
from writebehind.sinks.sql_types import bind_type, described

DIALECTS = {"oracle": "oracle", "mssql": "tsql", "ibm_db_sa": "db2", "snowflake": "snowflake"}
ALL = Shape(False, (0, 1, 2, 3))


def dialect_of(name: str) -> Any:
    if name == "snowflake":
        return pytest.importorskip("snowflake.sqlalchemy.snowdialect").dialect(paramstyle="named")
    if name == "ibm_db_sa":
        return pytest.importorskip("ibm_db_sa.base").DB2Dialect(paramstyle="named")
    return {"oracle": OracleDialect, "mssql": MSDialect}[name](paramstyle="named")


def table_of(dialect: Any, key: Any = None) -> SqlTable:
    def column(name: str, kind: str, type_: Any) -> SqlColumn:
        return SqlColumn(name, kind, type_, bind_type(type_, kind, dialect.name))

    columns = [column("group", "text", sa.String(20)), column("n", "numeric", sa.Numeric(10, 2)), column("day", "date", sa.Date())]
    return SqlTable(dialect, "hr", "order", [column("id", "text", key or sa.String(20))], columns)


def texts_of(table: SqlTable) -> dict[str, str]:
    upsert = UPSERTS[table.dialect.name]
    rows = min(3, upsert.most_rows)
    keys = Shape(False, (0,))
    made = {
        "upsert": upsert.build(table, ALL, rows),
        "partial": upsert.build(table, Shape(False, (0, 2)), rows),
        "keys": upsert.build(table, keys, rows),
        "delete": table.delete(Shape(True, (0,)), 3),
        "update": table.update(ALL, 1),
        "insert": table.insert(ALL, 1),
        "probe": table.probe(keys, 1),
    }
    return {name: str(statement.compile(dialect=table.dialect)) for name, statement in made.items()}


def violations(sql: str, dialect: str) -> list[str]:
    # It knows parameters by other names: @P1, and plain :id without digits behind an underscore.
    marked = re.sub(r":(p\d+)_(\d+)", r"@\1x\2" if dialect == "tsql" else r"'\1x\2'" if dialect in ("db2", "snowflake") else r":\1x\2", sql)
    try:
        sqlfluff.parse(marked, dialect=dialect)
    except sqlfluff.api.APIParsingError as error:
        return [str(error)]
    return []


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("statement", ["upsert", "partial", "keys", "delete", "update", "insert", "probe"])
def test_every_statement_parses(name: str, statement: str) -> None:
    sql = texts_of(table_of(dialect_of(name)))[statement]
    assert violations(sql, DIALECTS[name]) == [], sql
    assert re.search(r'["\[]order["\]]', sql), "a reserved word that is not quoted"


@pytest.mark.parametrize("name", DIALECTS)
def test_the_judge_is_strict(name: str) -> None:
    sql = texts_of(table_of(dialect_of(name)))["upsert"]
    assert violations(sql.replace(" ON (", " WITH (", 1), DIALECTS[name])
    assert violations(sql.replace("WHEN NOT MATCHED", "WHEN MISSING"), DIALECTS[name])


def test_the_merge_of_sql_server_locks_what_it_does_not_find() -> None:
    sql = texts_of(table_of(dialect_of("mssql")))["upsert"]
    assert sql.startswith("MERGE INTO hr.[order] WITH (HOLDLOCK) AS t USING (VALUES (CAST(:p0_0 AS VARCHAR(8000)), CAST(:p0_1 AS NVARCHAR(MAX)),")
    assert sql.endswith(";")


def test_a_name_may_hold_what_means_something_elsewhere() -> None:
    for name, quoted in (("oracle", '"a :b%"'), ("mssql", "[a :b%]"), ("snowflake", '"a :b%"')):
        dialect = dialect_of(name)
        column = SqlColumn("a :b%", "integer", sa.Integer(), sa.Integer())
        table = SqlTable(dialect, None, "t:u", [SqlColumn("id", "integer", sa.Integer(), sa.Integer())], [column])
        compiled = UPSERTS[name].build(table, Shape(False, (0, 1)), 1).compile(dialect=dialect)
        assert str(compiled).count(quoted) == 2, str(compiled)
        assert set(compiled.params) == {"p0_0", "p0_1"}
    doubled = pytest.importorskip("snowflake.sqlalchemy.snowdialect").dialect()
    table = SqlTable(doubled, None, "t", [SqlColumn("a%", "integer", sa.Integer(), sa.Integer())], [])
    assert '("a%%")' in str(UPSERTS["snowflake"].build(table, Shape(False, (0,)), 1).compile(dialect=doubled))


def test_no_cast_can_cut_a_text() -> None:
    for name in DIALECTS:
        for cast in re.findall(r"AS (N?VARCHAR2?|N?CHAR)(?:\((\w+)\))?", texts_of(table_of(dialect_of(name)))["upsert"]):
            assert cast[1] in ("", "MAX", "4000", "8000", "80"), cast  # 80 bytes: 20 characters in UTF-8


def test_a_key_is_compared_as_what_its_column_is() -> None:
    """Or SQL Server reads the whole table to find it; letters that a varchar may lack must not become another key."""
    mssql = dialect_of("mssql")
    national, narrow = table_of(mssql, sa.NVARCHAR(20)), table_of(mssql)
    build = UPSERTS["mssql"].build
    assert "(CAST(:p0_0 AS NVARCHAR(4000))" in str(build(national, ALL, 1).compile(dialect=mssql))
    assert "(CAST(:p0_0 AS VARCHAR(8000))" in str(build(narrow, ALL, 1).compile(dialect=mssql))
    wide = Shape(False, ALL.cells, is_wide=True)
    assert "(CAST(:p0_0 AS NVARCHAR(4000))" in str(build(narrow, wide, 1).compile(dialect=mssql))
    assert isinstance(narrow.bound(0, 0, wide).type, sa.Unicode)
    assert not isinstance(narrow.bound(0, 0, ALL).type, sa.Unicode)


def test_statements_stay_below_the_limits() -> None:
    rows = list(range(5000))
    cut = list(chunks(rows, 3, UPSERTS["mssql"], lambda row: 10))
    assert [row for some in cut for row in some] == rows
    assert max(len(some) for some in cut) == 512
    wide = list(chunks(rows, 300, UPSERTS["mssql"], lambda row: 10))
    assert max(len(some) for some in wide) * 300 < 2100
    large = list(chunks(rows[:10], 3, UPSERTS["snowflake"], lambda row: 300_000))
    assert [len(some) for some in large] == [1] * 10
    assert "mssql" not in SAVEPOINTS


def test_long_texts_of_oracle_are_bound_as_lobs() -> None:
    oracledb = pytest.importorskip("oracledb")
    for type_, kind, expected in ((sa.CLOB(), "text", oracledb.CLOB), (sa.BLOB(), "bytes", oracledb.BLOB)):
        assert bind_type(type_, kind, "oracle").get_dbapi_type(oracledb) == expected
    assert isinstance(bind_type(sa.VARCHAR(20), "text", "oracle"), sa.VARCHAR)


def test_types_of_the_four() -> None:
    from sqlalchemy.dialects import mssql, oracle

    assert described(oracle.NUMBER(10, 2), "oracle") == {"kind": "numeric", "precision": 10, "scale": 2, "allows_nan": False, "allows_nul": True}
    assert described(oracle.DATE(), "oracle")["kind"] == "timestamp"
    assert described(oracle.TIMESTAMP(local_timezone=True), "oracle")["with_zone"]
    assert described(oracle.RAW(16), "oracle") == {"kind": "bytes", "max_length": 16, "allows_nul": True}
    assert described(mssql.DATETIMEOFFSET(), "mssql")["with_zone"]
    assert described(mssql.TINYINT(), "mssql") == {"kind": "integer", "bits": 8, "is_unsigned": True, "allows_nul": True}
    assert described(mssql.MONEY(), "mssql")["scale"] == 4
    assert described(mssql.BIT(), "mssql")["kind"] == "boolean"
    key = described(mssql.NVARCHAR(40, collation="Latin1_General_CI_AS"), "mssql")
    assert key["case_insensitive"] and key["ignores_spaces"] and key["max_length"] == 40
    assert not described(mssql.VARCHAR(40, collation="Latin1_General_BIN2"), "mssql")["case_insensitive"]
    types = pytest.importorskip("snowflake.sqlalchemy")
    assert described(types.VARIANT(), "snowflake")["kind"] == "json"
    assert described(types.TIMESTAMP_TZ(), "snowflake")["with_zone"]


H2_VERSION = "2.3.232"
MODES = ("mssql", "oracle", "db2")


@pytest.fixture(scope="session")
def h2_jar() -> Path:
    """H2's jar, from the local repository of Maven, or fetched into it."""
    jar = Path.home() / ".m2" / "repository" / "com" / "h2database" / "h2" / H2_VERSION / f"h2-{H2_VERSION}.jar"
    if shutil.which("java") is None:
        pytest.skip("H2 needs Java")
    bring_by_maven(jar, "H2", "dependency:get", f"-Dartifact=com.h2database:h2:{H2_VERSION}", "-Dtransitive=false")
    return jar


@pytest.fixture(scope="session", params=MODES)
def found_on_h2(request: pytest.FixtureRequest, h2_jar: Path) -> dict[str, str]:
    """What each check of h2.py found: "", or how it failed."""
    pytest.importorskip("jaydebeapi")
    if request.param == "db2":
        pytest.importorskip("ibm_db_sa")
    done = subprocess.run(
        [sys.executable, "-m", "tests.sinks.h2", str(h2_jar), request.param],
        capture_output=True, text=True, timeout=120, cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "check",
    [
        "upsert_twice_and_keep_what_is_not_mapped",
        "delete_keep_and_replace",
        "many_rows_in_few_statements",
        "a_table_of_keys_alone",
        "refused_rows_are_found",
        "exactly_once_over_batches",
        "types_are_cast",
    ],
)
def test_on_h2(found_on_h2: dict[str, str], check: str) -> None:
    assert found_on_h2[check] == ""
