"""Recipes in the style of rgsync on a database of the tests."""

from __future__ import annotations

from typing import Any

import redis

from tests.schema.tables import ONCE, Database
from writebehind import GearsBuilder, RGWriteBehind
from writebehind.testing import RedisServer

STREAM = "writebehind:{persons}:stream"


class Run:
    """Where the recipe of a test runs: its Redis, its database."""

    def __init__(self, server: RedisServer, client: redis.Redis, database: Database) -> None:
        self.server, self.redis, self.database = server, client, database

    def create(self, columns: str, *more: str) -> None:
        """The table of the test, and its exactly-once table."""
        self.database.run(f"CREATE TABLE {{t}} ({columns})", ONCE, *more)

    def recipe(self, mappings: dict[str, str], *, connector: Any = None, **options: Any) -> GearsBuilder:
        """A builder, not started, with a recipe as rgsync has them: keys person:<pk>, name persons."""
        builder = GearsBuilder(self.server.url)
        connector = connector or self.database.connector()
        values = {"keysPrefix": "person", "name": "persons", "version": "99.99.99", **options}
        RGWriteBehind(builder, mappings=mappings, connector=connector, **values)
        return builder

    def rows(self, columns: str = "*") -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.database.run(f"SELECT {columns} FROM {{t}} ORDER BY 1")]

    def rejected(self) -> list[str]:
        """The keys in the rejected stream."""
        return [fields["key"] for _, fields in self.redis.xrange("writebehind:{persons}:rejected")]
