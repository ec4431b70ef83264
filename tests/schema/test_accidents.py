"""Somebody breaks the table under a running engine: nothing is rejected or lost, and it goes on by itself once it is mended."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.schema.running import Running
from tests.schema.tables import GRANT, GRANT_ONCE, ONCE, TABLE

ALL = ("sqlite", "postgres", "mariadb")
SERVERS = ("postgres", "mariadb")


@dataclass(frozen=True)
class Accident:
    """What is done to the table, what the engine says then (`{t}` and the like as in SQL), and what mends it."""

    name: str
    breaks: tuple[str, ...]
    says: tuple[str, ...]
    mends: tuple[str, ...]
    kinds: tuple[str, ...] = ALL


def revoked(kind: str, right: str, table: str, *says: str) -> Accident:
    return Accident(
        f"no {right} on {table.strip('{}')}",
        (f"REVOKE {right} ON {table} FROM {{user}}",),
        (table, "grant", *says),
        (f"GRANT {right} ON {table} TO {{user}}",),
        (kind,),
    )


# What the server says when it is in trouble: no row's fault.
RAISED = (
    ("postgres", "serialization failure", "40001"),
    ("postgres", "deadlock", "40P01"),
    ("postgres", "disk full", "53100"),
    ("postgres", "lock not available", "55P03"),
    ("mariadb", "deadlock", "40001", "1213"),
    ("mariadb", "lock wait timeout", "HY000", "1205"),
    ("mariadb", "table full", "HY000", "1114"),
    ("mariadb", "disk full", "HY000", "1021"),
)


def raised(kind: str, what: str, state: str, number: str = "") -> Accident:
    """A trigger says it."""
    if kind == "postgres":
        body = f"BEGIN RAISE EXCEPTION 'there is a {what}' USING ERRCODE = '{state}'; END"
        makes = (
            f"CREATE FUNCTION {{t}}_raise() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            "CREATE TRIGGER {t}_raise BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_raise()",
        )
        return Accident(what, makes, (f"there is a {what}",), ("DROP TRIGGER {t}_raise ON {t}", "DROP FUNCTION {t}_raise"), (kind,))
    signal = f"SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'there is a {what}'"
    makes = (f"CREATE TRIGGER {{t}}_raise BEFORE INSERT ON {{t}} FOR EACH ROW {signal}",)
    return Accident(what, makes, (f"there is a {what}",), ("DROP TRIGGER {t}_raise",), (kind,))


ACCIDENTS = (
    Accident(
        "column dropped",
        ("ALTER TABLE {t} DROP COLUMN a",),
        ("{t}", "no column 'a'", "its columns are: id, b"),
        ("ALTER TABLE {t} ADD COLUMN a INTEGER",),
    ),
    Accident(
        "column renamed",
        ("ALTER TABLE {t} RENAME COLUMN a TO z",),
        ("{t}", "no column 'a'", "its columns are: id, z, b"),
        ("ALTER TABLE {t} RENAME COLUMN z TO a",),
    ),
    Accident(
        "table renamed", ("ALTER TABLE {t} RENAME TO {t}_away",), ("no table", "{t}", "create it"), ("ALTER TABLE {t}_away RENAME TO {t}",)
    ),
    Accident("table dropped", ("DROP TABLE {t}",), ("no table", "{t}", "create it"), (TABLE, GRANT), SERVERS),
    Accident("table dropped", ("DROP TABLE {t}",), ("no table", "{t}", "create it"), (TABLE,), ("sqlite",)),
    Accident("exactly-once table dropped", ("DROP TABLE {once}",), ("{once}", "CREATE TABLE"), (ONCE, GRANT_ONCE), SERVERS),
    Accident("exactly-once table dropped", ("DROP TABLE {once}",), ("{once}", "CREATE TABLE"), (ONCE,), ("sqlite",)),
    *(revoked("postgres", right, "{t}", "permission denied for table") for right in ("INSERT", "UPDATE", "SELECT")),
    *(revoked("mariadb", right, "{t}", f"{right} command denied") for right in ("INSERT", "UPDATE")),
    revoked("postgres", "UPDATE", "{once}", "permission denied for table", "exactly-once table"),
    revoked("mariadb", "UPDATE", "{once}", "UPDATE command denied", "exactly-once table"),
    Accident("all rights", ("REVOKE ALL ON {t} FROM {user}",), ("{t}",), (GRANT,), SERVERS),
    *(raised(kind, what, *how) for kind, what, *how in RAISED),
    Accident(
        "read-only",
        (
            "ALTER ROLE {user} SET default_transaction_read_only = on",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'",
        ),
        ("read-only transaction",),
        (
            "ALTER ROLE {user} RESET default_transaction_read_only",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'",
        ),
        ("postgres",),
    ),
    Accident("read-only", ("SET GLOBAL read_only = 1",), ("--read-only",), ("SET GLOBAL read_only = 0",), ("mariadb",)),
    Accident(
        "key dropped",
        ("ALTER TABLE {t} DROP CONSTRAINT {t}_pkey",),
        ("the key (id)", "{t}"),
        ("ALTER TABLE {t} ADD PRIMARY KEY (id)",),
        ("postgres",),
    ),
    Accident(
        "another password",
        ("ALTER ROLE {user} PASSWORD 'secret-two'", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"),
        ("authentication failed", "{user}", "check the connection's user, password"),
        ("ALTER ROLE {user} PASSWORD 'secret-one'",),
        ("postgres",),
    ),
    Accident(
        "another password",
        ("ALTER USER {user} IDENTIFIED BY 'secret-two'", "KILL USER {user}"),
        ("Access denied for user '{t}'", "check the connection's user, password"),
        ("ALTER USER {user} IDENTIFIED BY 'secret-one'",),
        ("mariadb",),
    ),
)


def cases() -> list[object]:
    return [
        pytest.param(accident, kind, id=f"{accident.name.replace(' ', '-')}-{kind}") for accident in ACCIDENTS for kind in accident.kinds
    ]


@pytest.mark.parametrize(("accident", "table"), cases(), indirect=["table"])
def test_nothing_is_rejected_and_it_goes_on_once_mended(run: Running, accident: Accident, capfd: pytest.CaptureFixture[str]) -> None:
    names = run.table.names
    run.table.run(*accident.breaks)
    run.hset(1, 2, a=2, b="two")
    (run.says(*(word.format(**names) for word in accident.says)))
    assert run.waiting == 2
    run.table.run(*accident.mends)
    run.drain()
    assert run.table.rows() == {"1": (2, "two"), "2": (2, "two")}
    assert run.rejected() == []
    assert run.message == ""
    assert "secret" not in capfd.readouterr().err
