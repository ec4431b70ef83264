"""A Redis, a database with tables whose keys have fields of the hash, and an engine in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.sinks.sql_databases import Database
from writebehind.connectors import MySqlConnection, MySqlConnector, PostgresConnection, PostgresConnector, SQLiteConnection, SQLiteConnector
from writebehind.engine import Engine
from writebehind.pipeline import Pipeline
from writebehind.testing import RedisServer, wait_until


def shout(change: dict[str, Any]) -> dict[str, Any]:
    change["value"]["title"] = change["value"]["title"].upper()
    return change


class Run:
    """Its tables, each of a pipeline.

    persons: (country, person_id), of which the Redis key is one. places: (shelf, place), of which it is none. codes: (code), which compares
    without case.
    """

    def __init__(self, server: RedisServer, target: Database) -> None:
        self.server, self.target = server, target
        self.redis = redis.Redis(port=server.port, decode_responses=True, encoding_errors="replace")
        self.engine: Engine | None = None

    def connector(self, table: str, pk: str = "person_id") -> Any:
        place = f"127.0.0.1:{self.target.engine.url.port}/wb"
        name, once = f"{self.target.name}_{table}", f"{self.target.name}_once"
        match self.target.kind:
            case "sqlite":
                return SQLiteConnector(SQLiteConnection(str(self.target.engine.url.database)), name, pk, once)
            case "postgres":
                return PostgresConnector(PostgresConnection("wb", "wb", place), name, pk, once)
            case "mariadb":
                return MySqlConnector(MySqlConnection("wb", "wb", place), name, pk, once)
        raise LookupError(self.target.kind)

    def pipelines(self) -> list[Pipeline]:
        persons = {"name": "name", "seq": "seq"}
        return [
            Pipeline(
                name="persons",
                prefix="person",
                mapping=persons,
                connector=self.connector("persons"),
                keys=["country", "person_id"],
                expired="delete",
                constraint_grace=0.1,
            ),
            Pipeline(name="places", prefix="book", mapping={"s": "shelf", "t": "title", "n": "n"}, connector=self.connector("places"), keys=["shelf", "place"]),
            Pipeline(
                name="codes", prefix="code", mapping={"title": "title"}, connector=self.connector("codes"), keys=[{"code": "c"}], transform=shout
            ),
        ]

    def start(self) -> None:
        self.engine = Engine(self.server.url, self.pipelines()).start()

    def stop(self) -> None:
        if self.engine:
            self.engine.stop()
        self.engine = None

    def drain(self) -> None:
        assert self.engine
        assert self.engine.drain(60), self.engine.status()

    def rows(self, table: str = "persons") -> set[tuple[Any, ...]]:
        self.drain()
        columns = {"persons": "country, person_id, name, seq", "places": "shelf, place, title", "codes": "code, title"}[table]
        return set(self.target.query(f"SELECT {columns} FROM {self.target.name}_{table}"))

    def hset(self, key: str, operation: str = "", **fields: object) -> None:
        self.redis.hset(key, mapping={**fields, **({"#": operation} if operation else {})})  # type: ignore[arg-type]

    def together(self, *commands: tuple[object, ...]) -> None:
        """In a transaction: one batch."""
        with self.redis.pipeline() as pipe:
            for command in commands:
                pipe.execute_command(*command)
            pipe.execute()

    def answer(self, key: str, uuid: str) -> str:
        found = self.redis.xread({f"{{{key}}}{uuid}": "0-0"}, block=20_000)
        assert found, self.engine and self.engine.status()
        [(_, fields)] = found[0][1]
        return fields.get("error") or fields["status"]

    def no_strays(self) -> None:
        """Nothing is remembered of rows any more."""
        wait_until(lambda: not self.redis.keys("writebehind:*:strays"), 20, "the strays to go")

    def rejected(self) -> list[dict[str, str]]:
        return [fields for _, fields in self.redis.xrange("writebehind:{persons}:rejected")]


@contextmanager
def running(target: Database, module: Path) -> Iterator[Run]:
    """It runs; the tables are made, and gone afterwards."""
    nocase = {"sqlite": " COLLATE NOCASE", "postgres": " COLLATE keyed_nocase", "mariadb": ""}[target.kind]
    if target.kind == "postgres":
        target.run("CREATE COLLATION IF NOT EXISTS keyed_nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    name = target.name
    target.run(
        f"CREATE TABLE {name}_persons (country VARCHAR(9) NOT NULL, person_id INTEGER NOT NULL, name VARCHAR(20), seq INTEGER CHECK (seq < 1000), "
        "note VARCHAR(20) DEFAULT 'kept', PRIMARY KEY (country, person_id))",
        f"CREATE TABLE {name}_places (id VARCHAR(9), shelf VARCHAR(9) NOT NULL, place INTEGER NOT NULL, title VARCHAR(20), n INTEGER CHECK (n < 1000), "
        "note VARCHAR(20) DEFAULT 'new', UNIQUE (place, shelf))",
        f"CREATE TABLE {name}_codes (code VARCHAR(9){nocase} NOT NULL PRIMARY KEY, title VARCHAR(20))",
        f"CREATE TABLE {name}_once (id VARCHAR(200) PRIMARY KEY, val VARCHAR(64))",
        f"CREATE TABLE {name}_child (country VARCHAR(9), person_id INTEGER, FOREIGN KEY (country, person_id) REFERENCES {name}_persons (country, person_id))",
    )
    with RedisServer("--appendonly", "yes", "--appendfsync", "always", module=module) as server:
        run = Run(server, target)
        try:
            run.start()
            yield run
        finally:
            run.stop()
            run.redis.close()
            target.run(f"DROP TABLE {name}_child")
            target.close()
