"""A database of its own for each example, and a way to ask it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from writebehind.testing import MariaDBServer, PostgresServer


class Ask(Protocol):
    def __call__(self, statement: str) -> Sequence[Sequence[Any]]: ...


@dataclass
class Database:
    """Where it is, as a connection's `db` and as environment variables of the recipes; and a way to ask it."""

    address: str
    query: Ask
    environment: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def postgres(postgres_server: PostgresServer, unique: str) -> Iterator[Database]:
    import psycopg2

    def connect(name: str) -> Any:
        connection = psycopg2.connect(host="127.0.0.1", port=postgres_server.port, user="wb", password="wb", dbname=name)
        connection.autocommit = True
        return connection

    with connect("wb").cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {unique}")
    own = connect(unique)

    def query(statement: str) -> Sequence[Sequence[Any]]:
        with own.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    address = f"127.0.0.1:{postgres_server.port}/{unique}"
    yield Database(address, query, {"PGUSER": "wb", "PGPASSWORD": "wb", "RECIPE_DB": address})
    own.close()


@pytest.fixture
def mysql(mariadb_server: MariaDBServer, unique: str) -> Iterator[Database]:
    import pymysql

    own = pymysql.connect(host="127.0.0.1", port=mariadb_server.port, user="wb", password="wb", autocommit=True, charset="utf8mb4")

    def query(statement: str) -> Sequence[Sequence[Any]]:
        with own.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    query(f"CREATE DATABASE {unique} CHARACTER SET utf8mb4")
    query(f"USE {unique}")
    address = f"127.0.0.1:{mariadb_server.port}/{unique}"
    yield Database(address, query, {"RECIPE_USER": "wb", "RECIPE_PASSWORD": "wb", "RECIPE_DB": address})
    query(f"DROP DATABASE {unique}")
    own.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    file = tmp_path / "example.db"

    def query(statement: str) -> Sequence[Sequence[Any]]:
        connection = sqlite3.connect(file, timeout=30)
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()

    return Database(str(file), query, {"RECIPE_DB": str(file)})
