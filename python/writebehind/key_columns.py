"""The `keys` option: which columns name a row, and whether the Redis key or a field of the hash is in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from writebehind.errors import ConfigError

KeyItem = str | tuple[str, str] | Mapping[str, str]
"""A column, or a column and the field of the hash that is in it: ``("col", "field")``, or ``{"col": "field"}``, which is what YAML makes of
``- col: field``."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of the key.

    Args:
        column: its name.
        field: of the hash; None: the Redis key, all behind the prefix.
    """

    column: str
    field: str | None = None


def key_columns(name: str, keys: Sequence[KeyItem] | None, pk: str, mapping: Mapping[str, str]) -> tuple[KeyColumn, ...]:
    """Reads the option.

    Args:
        name: of the pipeline, for messages.
        keys: as given; None: the connector's primary key alone.
        pk: the connector's: a column of this name holds the Redis key, unless its item names a field.
        mapping: field to column: it gives columns named alone their fields; what it has no field for is the field of the column's name.

    Raises:
        ConfigError: not such a list, or a column is there twice.
    """
    if keys is None:
        return (KeyColumn(pk),)
    if isinstance(keys, str | Mapping) or not isinstance(keys, Sequence) or not keys:
        raise ConfigError(f"pipeline '{name}': keys is {keys!r}, not a list of columns")
    fields = {column: field for field, column in mapping.items() if isinstance(field, str) and not field.startswith("_")}
    found: list[KeyColumn] = []
    for item in keys:
        column, field = _taken_apart(name, item)
        if field is None and column != pk:
            field = fields.get(column, column)
        if field is not None and fields.get(column, field) != field:
            raise ConfigError(
                f"pipeline '{name}': keys has field '{field}' for column '{column}', which the mapping has '{fields[column]}' for"
            )
        if column in (key.column for key in found):
            raise ConfigError(f"pipeline '{name}': keys names the column '{column}' twice")
        found.append(KeyColumn(column, field))
    return tuple(found)


def _taken_apart(name: str, item: Any) -> tuple[str, str | None]:
    parts: Sequence[Any] = (item, None)
    if isinstance(item, Mapping):
        parts = next(iter(item.items())) if len(item) == 1 else ()
    elif not isinstance(item, str):
        parts = item if isinstance(item, tuple | list) else ()
    if len(parts) == 2 and isinstance(parts[0], str) and parts[0] and (isinstance(item, str) or (isinstance(parts[1], str) and parts[1])):
        return parts[0], parts[1]
    raise ConfigError(f"pipeline '{name}': {item!r} in keys is neither 'column' nor ('column', 'field')")
