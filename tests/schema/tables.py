"""Databases with tables that are gone afterwards, and a table whose schema and rights the tests change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg2
import pymysql

from writebehind.connectors import (
    MySqlConnection,
    MySqlConnector,
    PostgresConnection,
    PostgresConnector,
    SQLiteConnection,
    SQLiteConnector,
)
from writebehind.testing import MariaDBServer, PostgresServer, Server

TABLE = "CREATE TABLE {t} (id VARCHAR(64) PRIMARY KEY, a INTEGER, b VARCHAR(20))"
ONCE = "CREATE TABLE {once} (id VARCHAR(200) PRIMARY KEY, val VARCHAR(64))"
GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE ON {t} TO {user}"
GRANT_ONCE = "GRANT SELECT, INSERT, UPDATE, DELETE ON {once} TO {user}"

Connector = MySqlConnector | PostgresConnector | SQLiteConnector
Connection = MySqlConnection | PostgresConnection | SQLiteConnection


class Database:
    """A context manager; at its end the tables whose names begin with `name` are gone.

    Args:
        kind: sqlite, postgres or mariadb.
        server: of it; None for sqlite.
        directory: for the file of sqlite.
        name: that no other test has; `{t}` in SQL stands for it, `{once}` for `<name>_once`.
    """

    def __init__(self, kind: str, server: Server | None, directory: Path, name: str) -> None:
        self.kind, self.server, self.file, self.name = kind, server, directory / "target.db", name
        self.names = {"t": name, "once": f"{name}_once", "user": name if kind == "postgres" else f"{name}@'%'"}

    def _connect(self) -> Any:
        if isinstance(self.server, PostgresServer):
            return psycopg2.connect(self.server.url)
        if isinstance(self.server, MariaDBServer):
            return pymysql.connect(host="127.0.0.1", port=self.server.port, user="wb", password="wb", database="wb")
        return sqlite3.connect(self.file, timeout=30)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements in one transaction; returns the rows of the last."""
        rows: list[tuple[Any, ...]] = []
        with closing(self._connect()) as link:
            cursor = link.cursor()
            for statement in statements:
                cursor.execute(statement.format(**self.names))
                rows = list(cursor.fetchall()) if cursor.description else []
            link.commit()
        return rows

    def connection(self, user: str = "wb", password: str = "wb") -> Connection:
        if self.server is None:
            return SQLiteConnection(str(self.file))
        address = f"127.0.0.1:{self.server.port}/wb"
        return PostgresConnection(user, password, address) if self.kind == "postgres" else MySqlConnection(user, password, address)

    def connector(self, table: str = "{t}", pk: str = "id", *, once: bool = True, connection: Connection | None = None) -> Connector:
        """With its exactly-once table, if that is wanted."""
        made: type[Any] = {"sqlite": SQLiteConnector, "postgres": PostgresConnector, "mariadb": MySqlConnector}[self.kind]
        seen = self.names["once"] if once else None
        connector: Connector = made(connection or self.connection(), table.format(**self.names), pk, seen)
        return connector

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.server is None:
            return
        mine = ", ".join(row[0] for row in self.run("SELECT table_name FROM information_schema.tables WHERE table_name LIKE '{t}%'"))
        if mine:
            self.run("SET foreign_key_checks = 0" if self.kind == "mariadb" else "SELECT 1", f"DROP TABLE {mine} CASCADE")


class Table(Database):
    """The table `{t} (id, a INTEGER, b VARCHAR(20))` with `{once}` beside it, which the engine writes as `{user}`, who can lose rights."""

    def __enter__(self) -> Self:
        self.run(TABLE, ONCE)
        if self.kind == "postgres":
            self.run("CREATE ROLE {user} LOGIN PASSWORD 'secret-one'")
        elif self.kind == "mariadb":
            self.run("CREATE USER {user} IDENTIFIED BY 'secret-one'")
        if self.server:
            self.run(GRANT, GRANT_ONCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, value, trace)
        if self.server:
            self.run("DROP USER {user}")

    def rows(self) -> dict[str, tuple[Any, ...]]:
        """(a, b) by id."""
        return {row[0]: tuple(row[1:]) for row in self.run("SELECT id, a, b FROM {t}")}

    def connection(self, user: str = "", password: str = "secret-one") -> Connection:
        return super().connection(user or self.name, password)
