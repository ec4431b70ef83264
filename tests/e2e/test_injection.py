"""Names, keys, values and logins that are pieces of SQL: each arrives as it is, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from writebehind import Engine, Pipeline
from writebehind.connectors import (
    BaseSqlConnector,
    MySqlConnection,
    MySqlConnector,
    PostgresConnection,
    PostgresConnector,
    SQLAlchemyConnection,
    SQLAlchemyConnector,
    SQLiteConnection,
    SQLiteConnector,
)
from writebehind.definition import to_json
from writebehind.errors import WritebehindError
from writebehind.log import Log
from writebehind.testing import RedisServer
from writebehind import _core
from tests.e2e.conftest import verifier

DROP = "; DROP TABLE canary; --"
TEXTS = [
    "'" + DROP, '"' + DROP, "`" + DROP, "\\" + DROP, "\\'" + DROP, '\\"' + DROP, "\\`" + DROP, "'')" + DROP, '"")' + DROP, "``)" + DROP,
    "\n" + DROP, "*/" + DROP, "/*!50000 DROP TABLE canary*/", "$$" + DROP, "$1", ":x", "%s", "%(x)s", "%", "%%", "?", "{}", "#x", "\\", "\\\\",
    "’“＇ʼ´" + DROP, "E'\\''" + DROP, "x'27'" + DROP, "¿'" + DROP, "\x1a\b\t" + DROP, "NULL", "select", "a.b", "\x01",
]  # fmt: skip
"""Of names, keys and values alike."""

KINDS = ("sqlite", "postgres", "postgres-backslashes", "mariadb", "mariadb-modes")
DRIVERS = {"postgres": "postgresql+psycopg2", "mariadb": "mariadb+pymysql"}
MODES = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE"
ODD = "'\"`\\;-- %s$1"


class Place:
    """A database, a user and a password with odd names, and a canary."""

    def __init__(self, kind: str, name: str, user: str = "", port: int = 0) -> None:
        self.kind, self.name, self.user, self.port = kind, name, user, port
        where = {"database": name} if kind == "sqlite" else {"username": user, "password": ODD, "host": "127.0.0.1", "port": port, "database": name}
        self.url = sa.URL.create(DRIVERS.get(kind, kind), **where)  # type: ignore[arg-type]
        self.engine = sa.create_engine(self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(statement if self.kind == "sqlite" else statement.replace("%", "%%"))
            return [tuple(row) for row in found] if found.returns_rows else []

    def connector(self, table: str, once: str, *, is_native: bool = True, **changes: str) -> BaseSqlConnector:
        if not is_native:
            return SQLAlchemyConnector(SQLAlchemyConnection(self.url), table, "key" + DROP, once)
        where = {"user": self.user, "password": ODD, "name": self.name, **changes}
        if self.kind == "sqlite":
            return SQLiteConnector(SQLiteConnection(where["name"]), table, "key" + DROP, once)
        login = where["user"], where["password"], f"127.0.0.1:{self.port}/{where['name']}"
        if self.kind == "postgres":
            return PostgresConnector(PostgresConnection(*login), table, "key" + DROP, once)
        return MySqlConnector(MySqlConnection(*login), table, "key" + DROP, once)

    def quoted(self, name: str) -> str:
        mark = "`" if self.kind == "mariadb" else '"'
        return mark + name.replace(mark, mark * 2) + mark


def statements(made: Place, mode: str) -> list[tuple[str, str]]:
    """What makes a user, the database and the settings of a mode, each with what takes it back."""
    name = made.quoted(made.name)
    if made.kind == "postgres":
        secret = ODD.replace("'", "''")
        more = [(f"ALTER DATABASE {name} SET standard_conforming_strings = off", "")] if mode else []
        return [(f"CREATE ROLE {name} LOGIN PASSWORD '{secret}'", f"DROP ROLE {name}"), (f"CREATE DATABASE {name} OWNER {name}", f"DROP DATABASE {name}"), *more]
    secret = ODD.replace("\\", "\\\\").replace("'", "''")
    more = [(f"SET GLOBAL sql_mode = '{MODES}'", "SET GLOBAL sql_mode = DEFAULT")] if mode else []
    user = [(f"CREATE USER {name} IDENTIFIED BY '{secret}'", f"DROP USER {name}"), (f"GRANT ALL ON *.* TO {name}", "")]
    return [*user, (f"CREATE DATABASE {name} CHARACTER SET utf8mb4", f"DROP DATABASE {name}"), *more]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Iterator[Place]:
    kind, _, mode = request.param.partition("-")
    with ExitStack() as undo:
        if kind == "sqlite":
            made = Place(kind, str(tmp_path / f"file:{ODD}?mode=memory&x#"))
        else:
            port = request.getfixturevalue(f"{kind}_server").port
            made = Place(kind, unique + ODD, unique + ODD, port)
            admin = sa.create_engine(f"{DRIVERS[kind]}://wb:wb@127.0.0.1:{port}/wb", poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
            connection = undo.enter_context(admin.connect())
            for statement, reverse in statements(made, mode):
                connection.exec_driver_sql(statement.replace("%", "%%"))
                if reverse:
                    undo.callback(connection.exec_driver_sql, reverse.replace("%", "%%"))
        made.run("CREATE TABLE canary (id INTEGER)")
        made.run("INSERT INTO canary VALUES (7)")
        yield made
        assert made.run("SELECT id FROM canary") == [(7,)]


@pytest.mark.parametrize("is_native", [True, False], ids=["native", "sqlalchemy"])
def test_every_text_is_only_a_text(place: Place, is_native: bool, redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """The tables are made by our own CREATE TABLE; rows are written, moved to another key, changed in part, compared, and deleted."""
    # SQLAlchemy's way of reading SHOW CREATE TABLE knows no name that holds one of these: such a column is said not to be there.
    unread = set("\n`") if place.kind == "mariadb" and not is_native else set()
    columns = [f"column{text}" for text in TEXTS if not unread & set(text)]
    keys, table, once = ["key" + DROP, columns[0]], "table" + DROP + ODD.replace("`", ""), "once" + DROP + ODD.replace("`", "")
    pipeline = Pipeline(
        name="name'\"`\\;-- %s$1",
        prefix="p",
        mapping={f"field{column}": column for column in columns},
        connector=place.connector(f"`{table}`", f"`{once}`", is_native=is_native),
        keys=keys if is_native else None,
        missing="keep",
        retry_interval_s=0.05,
    )
    statements = (
        _core.schema_sql(pipeline.connector.kind, to_json(pipeline.definition()), f"`{once}`")
        if is_native
        else pipeline.connector.schema_sql([keys[0]], columns)  # type: ignore[attr-defined]
    )
    for statement in statements:
        place.run(statement)

    def row(key: int, turn: int = 0) -> dict[str, str]:
        return {f"field{column}": TEXTS[(key + number + turn) % len(TEXTS)] for number, column in enumerate(columns)}

    def rows() -> set[tuple[str, ...]]:
        return set(place.run(f"SELECT {', '.join(map(place.quoted, [keys[0], *columns]))} FROM {place.quoted(table)}"))

    def wanted(turn: int) -> set[tuple[str, ...]]:
        return {(text, *row(key, turn).values()) for key, text in enumerate(TEXTS)}

    with Engine(redis_server.url, [pipeline], log=Log("error")) as engine:
        for turn in (0, 1):
            with redis_client.pipeline() as together:
                for key, text in enumerate(TEXTS):
                    together.hset(f"p:{text}", mapping={**row(key, turn), "#": f"={text}"})
                together.execute()
            assert engine.drain(), engine.status()
            assert rows() == wanted(turn)
        assert redis_client.xrange(f"{{p:{TEXTS[0]}}}{TEXTS[0]}")[0][1] == {"status": "done"}
        redis_client.hdel(f"p:{TEXTS[0]}", f"field{columns[3]}")
        assert engine.drain(), engine.status()
        assert rows() == wanted(1)  # `missing: keep`
        if is_native:
            report = verifier(redis_server.url, engine, pipeline.name).compare()
            assert (report.keys, report.differences, report.unsettled) == (len(TEXTS), {}, []), report
        redis_client.delete(*(f"p:{text}" for text in TEXTS[1:]))
        assert engine.drain(), engine.status()
        assert rows() == {one for one in wanted(1) if one[0] == TEXTS[0]}
        status = engine.status()[pipeline.name]
        assert (status["rejected"], status.get("native", status)["retries"]) == (0, 0)
    assert len(place.run(f"SELECT * FROM {place.quoted(once)}")) == 1


LOGINS = [
    {"name": "wb`" + DROP},
    {"name": "wb'" + DROP},
    {"name": "wb' user='wb' password='wb"},
    {"name": "wb user=wb password=wb"},
    {"name": "postgresql://wb:wb@127.0.0.1/wb"},
    {"user": "wb' password='wb"},
    {"user": "wb'" + DROP},
    {"password": "x' user='wb' password='wb"},
    {"password": "' OR '1'='1"},
]
REFUSALS = ("does not exist", "password authentication failed", "Unknown database", "Access denied", "no file")


def test_a_login_is_only_a_login(place: Place) -> None:
    """None of these gets another user or database in, and none that holds a NUL is cut there."""
    engine = Engine("redis://127.0.0.1:1")

    def opened(changes: dict[str, str]) -> str:
        pipeline = Pipeline(name="p", prefix="p", mapping={"a": "a"}, connector=place.connector("canary", "once", **changes))
        try:
            engine.core(pipeline).check(Engine.definition_text(pipeline))
        except WritebehindError as error:
            return str(error)
        return ""

    said = {str(changes): opened(changes) for changes in LOGINS if "name" in changes or place.kind != "sqlite"}
    assert [(changes, text) for changes, text in said.items() if not any(refusal in text for refusal in REFUSALS)] == []
    for option in ("name",) if place.kind == "sqlite" else ("name", "user", "password"):
        assert "NUL" in opened({option: {"name": place.name, "user": place.user, "password": ODD}[option] + "\0x"})
