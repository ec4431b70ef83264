"""CREATE TABLE statements in a dialect's words, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable

from writebehind.connectors.connector import split_table
from writebehind.errors import ConfigError
from writebehind.sinks.sql_errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from writebehind.connectors.sql import AlchemyConnection

KEY_LENGTH = 255
KEY_LENGTHS = 768
"""Of all columns of a key: 3,072 bytes, the most of InnoDB, in four a character."""
ID_LENGTH = 512
VALUE_LENGTH = 64


def create_tables(
    given: AlchemyConnection, table: tuple[str, str], keys: Sequence[str], columns: Sequence[str], exactly_once_table: str | None
) -> list[str]:
    """A table whose columns are all text, to be refined, and the exactly-once table where there is one."""
    url = given.url()
    try:
        dialect = url.get_dialect()()
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise ConfigError(f"{url.drivername} can't be loaded: {message(error)}", f"pip install 'writebehind[{given.extra}]'") from None
    length = min(KEY_LENGTH, KEY_LENGTHS // len(keys))
    named = [sa.Column(key, _text(dialect, length), primary_key=True, nullable=False) for key in keys]
    made = [_created(dialect, *table, *named, *(sa.Column(column, _text(dialect)) for column in columns))]
    if exactly_once_table:
        made.append(once_table(dialect, *split_table(exactly_once_table)))
    return made


def once_table(dialect: Dialect, schema: str, name: str) -> str:
    """CREATE TABLE for the exactly-once table."""
    id = sa.Column("id", _text(dialect, ID_LENGTH), primary_key=True, nullable=False)
    return _created(dialect, schema, name, id, sa.Column("val", _text(dialect, VALUE_LENGTH), nullable=False))


def _text(dialect: Dialect, length: int = 0) -> Any:
    if dialect.name in ("mysql", "mariadb") and length:
        # Its default makes 'A', 'a' and 'a ' one key.
        return sa.dialects.mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    if not length:
        return sa.UnicodeText()
    return sa.Unicode(length) if dialect.name == "mssql" else sa.String(length)


def _created(dialect: Dialect, schema: str, name: str, *columns: sa.Column[Any]) -> str:
    table = sa.Table(name, sa.MetaData(), *columns, schema=schema or None)
    text = str(CreateTable(table).compile(dialect=dialect)).strip()
    # For a person, not for a driver that would halve a name's percent signs.
    return text.replace("%%", "%") if getattr(dialect.identifier_preparer, "_double_percents", False) else text
