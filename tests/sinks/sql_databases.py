"""Databases behind SQLAlchemy's general connector, for tests: a table each, and a look into it by SQLAlchemy itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from writebehind.connectors import SQLAlchemyConnection, SQLAlchemyConnector
from writebehind.testing import MariaDBServer, PostgresServer

KINDS = ("sqlite", "postgres", "mariadb")


class Database:
    """One of KINDS.

    Args:
        kind: of it.
        url: SQLAlchemy's.
        name: of the table, which no other test has.
    """

    def __init__(self, kind: str, url: str, name: str) -> None:
        self.kind = kind
        self.url = url
        self.name = name
        self.once = f"{name}_once"
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)

    def create(self, columns: str, *more: str) -> None:
        """Makes the table, and the exactly-once table beside it."""
        self.run(f"CREATE TABLE {self.name} ({columns})", f"CREATE TABLE {self.once} (id VARCHAR(200) PRIMARY KEY, val VARCHAR(64))", *more)

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%") if self.kind != "sqlite" else statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def rows(self, columns: str = "*") -> list[tuple[Any, ...]]:
        return self.query(f"SELECT {columns} FROM {self.name} ORDER BY 1")

    def connection(self) -> SQLAlchemyConnection:
        return SQLAlchemyConnection(self.url)

    def connector(self, pk: str = "id", once: bool = False) -> SQLAlchemyConnector:
        return SQLAlchemyConnector(self.connection(), self.name, pk, self.once if once else None)

    def close(self) -> None:
        with self.engine.begin() as connection:
            for name in sa.inspect(connection).get_table_names():
                if name.startswith(self.name):
                    table = sa.Table(name, sa.MetaData())
                    table.drop(connection)
        self.engine.dispose()


def database(kind: str, servers: dict[str, PostgresServer | MariaDBServer], directory: Path, name: str) -> Database:
    if kind == "sqlite":
        return Database(kind, f"sqlite:///{directory / 'target.db'}", name)
    driver = {"postgres": "postgresql+psycopg2", "mariadb": "mariadb+pymysql"}[kind]
    return Database(kind, f"{driver}://wb:wb@127.0.0.1:{servers[kind].port}/wb", name)
