"""Which table of a database, and which column of it is the primary key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from writebehind.connectors.connection import BaseSqlConnection
from writebehind.errors import ConfigError, NotBuiltError


class BaseSqlConnector:
    """A table that changes go to.

    Args:
        connection: where the table is; many connectors may share one.
        tableName: of the table; "schema.table" names its schema too. A part in double quotes or backticks may hold a dot.
        pk: name of the primary key's column.
        exactlyOnceTableName: of a table ``(id, val)`` in the same database; None (the default): at least once.
    """

    serves: ClassVar[str] = ""
    """The kind of connection that it works with."""

    def __init__(self, connection: BaseSqlConnection, tableName: str, pk: str, exactlyOnceTableName: str | None = None) -> None:
        kind = getattr(connection, "kind", None)
        if not self.serves:
            raise NotBuiltError(f"a {type(self).__name__} of its own is not served by this version")
        if kind != self.serves:
            raise ConfigError(f"{type(self).__name__} needs a connection of its kind, not {type(connection).__name__}")
        if not isinstance(pk, str) or not pk:
            raise ConfigError(f"pk of {type(self).__name__} is {pk!r}, not a column's name")
        self.connection = connection
        self.tableName = tableName
        self.pk = pk
        self.exactlyOnceTableName = exactlyOnceTableName
        self.schema, self.table = split_table(tableName)
        if exactlyOnceTableName is not None:
            split_table(exactlyOnceTableName)

    @property
    def kind(self) -> str:
        """The name of the native sink that serves it."""
        return self.serves

    def TableName(self) -> str:
        """The table's name, as it was given."""
        return self.tableName

    def PrimaryKey(self) -> str:
        """The name of the primary key's column."""
        return self.pk

    def PrepereQueries(self, mappings: Mapping[str, str]) -> None:
        """Does nothing: the core prepares its statements from the catalog."""

    def WriteData(self, data: Sequence[Mapping[str, Any]]) -> None:
        """Raises NotBuiltError: batches are written by the core, not from Python."""
        raise NotBuiltError("WriteData is not served by this version; the engine writes the batches")

    def sink_options(self) -> dict[str, Any]:
        """What the core needs to open its sink; without `driver` and timeouts, which have defaults there."""
        return {**self.connection.sink_options(), "exactly_once_table": self.exactlyOnceTableName or ""}

    def credentials(self) -> Callable[[], dict[str, Any]] | None:
        """What the core calls before each connect; None where nothing can have changed."""
        return self.connection.sink_options if self.connection.is_dynamic else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.connection!r}, {self.tableName!r}, {self.pk!r})"


class MySqlConnector(BaseSqlConnector):
    """A table of MySQL or MariaDB."""

    serves = "mysql"


class PostgresConnector(BaseSqlConnector):
    """A table of PostgreSQL."""

    serves = "postgres"


class SQLiteConnector(BaseSqlConnector):
    """A table of a SQLite file."""

    serves = "sqlite"


def split_table(name: str) -> tuple[str, str]:
    """Takes "schema.table" apart.

    Returns:
        Schema ("": the connection's default) and table, both without their quotes.

    Raises:
        ConfigError: there is no name, or more than two parts.
    """
    parts: list[str] = []
    rest = name if isinstance(name, str) else ""
    while rest:
        quote = rest[0] if rest[0] in '"`' else ""
        part, found, rest = rest[1:].partition(quote) if quote else rest.partition(".")
        if quote and (not found or (rest and not rest.startswith("."))):
            raise ConfigError(f"the table's name {name!r} has a quote that does not end")
        rest = rest[1:] if quote else rest
        parts.append(part)
        if not rest and found == ".":
            parts.append("")
    if not 1 <= len(parts) <= 2 or not all(parts):
        raise ConfigError(f"the table's name is {name!r}, not 'table' or 'schema.table'")
    return (parts[0], parts[1]) if len(parts) == 2 else ("", parts[0])
