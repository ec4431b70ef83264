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
