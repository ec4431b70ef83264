"""The one place that writes CQL, and what turns canonical text into what Cassandra's driver takes; neither needs the driver."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from writebehind.sinks import TableColumn

Convert = Callable[[Any], Any]

_SCALARS: dict[str, TableColumn] = {
    "ascii": {"kind": "text"},
    "text": {"kind": "text"},
    "varchar": {"kind": "text"},
    "boolean": {"kind": "boolean"},
    "tinyint": {"kind": "integer", "bits": 8},
    "smallint": {"kind": "integer", "bits": 16},
    "int": {"kind": "integer", "bits": 32},
    "bigint": {"kind": "integer", "bits": 64},
    "varint": {"kind": "numeric"},
    "decimal": {"kind": "numeric"},
    "float": {"kind": "float", "bits": 32, "allows_nan": True, "allows_infinity": True},
    "double": {"kind": "float", "bits": 64, "allows_nan": True, "allows_infinity": True},
    "date": {"kind": "date"},
    "time": {"kind": "time"},
    "timestamp": {"kind": "timestamp", "with_zone": True},
    "uuid": {"kind": "uuid"},
    "timeuuid": {"kind": "uuid"},
    "blob": {"kind": "bytes"},
    "inet": {"kind": "other"},
    "duration": {"kind": "other"},
}


def described(cql_type: str) -> TableColumn:
    """The members of a TableColumn that tell its type. Collections, tuples, vectors and user types take JSON."""
    return {**_SCALARS.get(cql_type, {"kind": "json"})}


@dataclass(frozen=True, slots=True)
class CqlColumn:
    """A column that is written: its name, its type as Cassandra spells it, and how its values are made."""

    name: str
    type: str
    convert: Convert
    is_json: bool
    """The server reads the value from JSON."""

    @property
    def marker(self) -> str:
        return "fromJson(?)" if self.is_json else "?"


def column(name: str, cql_type: str) -> CqlColumn:
    """For the statements; `convert` raises ValueError with a reason for what Cassandra could not store."""
    if cql_type in _CONVERTERS:
        return CqlColumn(name, cql_type, _CONVERTERS[cql_type], False)
    is_word = _SCALARS.get(cql_type, {}).get("kind") == "other"
    return CqlColumn(name, cql_type, json.dumps if is_word else str, True)


@dataclass(frozen=True, slots=True)
class Statements:
    """What is run on one table."""

    table: str
    keys: Sequence[CqlColumn]
    columns: Sequence[CqlColumn]

    def insert(self, left_out: frozenset[int] = frozenset()) -> str:
        """Parameters: keys, columns, timestamp. A row is there also where all its columns are NULL, which an UPDATE would not do.

        Args:
            left_out: places in `columns`.
        """
        written = [*self.keys, *(column for place, column in enumerate(self.columns) if place not in left_out)]
        names = ", ".join(quoted(column.name) for column in written)
        markers = ", ".join(column.marker for column in written)
        return f"INSERT INTO {self.table} ({names}) VALUES ({markers}) USING TIMESTAMP ?"

    def delete(self) -> str:
        """Parameters: timestamp, keys."""
        where = " AND ".join(f"{quoted(key.name)} = {key.marker}" for key in self.keys)
        return f"DELETE FROM {self.table} USING TIMESTAMP ? WHERE {where}"


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(keyspace: str, table: str) -> str:
    """A table's name."""
    return f"{quoted(keyspace)}.{quoted(table)}"


def create_table(keyspace: str, table: str, pk: str, columns: Sequence[str]) -> str:
    """A draft, all columns text."""
    lines = ",\n".join(f"  {quoted(name)} text" for name in columns)
    name = qualified(keyspace, table) if keyspace else quoted(table)
    return f"CREATE TABLE {name} (\n  {quoted(pk)} text PRIMARY KEY" + (f",\n{lines}" if lines else "") + "\n)"


def timestamp_of(id: str) -> int:
    """Microseconds of a stream entry's ID: a thousand a millisecond, one each.

    Later entries have greater ones, as long as Redis captures less than a million changes a second; where it is more, or Redis's clock
    stepped back (IDs then count on in one millisecond), see `Stamps` in cassandra_times.py.
    """
    milliseconds, _, number = id.partition("-")
    return int(milliseconds) * 1000 + int(number)


TIMES = "writebehind_times"


@dataclass(frozen=True, slots=True)
class TimesTable:
    """What is run on the table of the times (see cassandra_times.py), of which each keyspace has its own."""

    keyspace: str

    @property
    def _name(self) -> str:
        return qualified(self.keyspace, TIMES)

    def create(self) -> str:
        columns = "origin text, identity text, born bigint, lead bigint, reached bigint, PRIMARY KEY (origin, identity)"
        return f"CREATE TABLE IF NOT EXISTS {self._name} ({columns})"

    def streams(self) -> str:
        """Parameters: origin."""
        return f"SELECT identity, born, lead, reached FROM {self._name} WHERE origin = %s"

    def add(self) -> str:
        """Parameters: origin, identity, born, lead. Whoever is first."""
        return f"INSERT INTO {self._name} (origin, identity, born, lead) VALUES (%s, %s, %s, %s) IF NOT EXISTS"

    def raise_lead(self) -> str:
        """Parameters: lead, origin, identity, the lead before."""
        return f"UPDATE {self._name} SET lead = %s WHERE origin = %s AND identity = %s IF lead = %s"

    def raise_reached(self) -> str:
        """Parameters: reached, reached, origin, identity. As its own time: of many writers' the highest stays."""
        return f"UPDATE {self._name} USING TIMESTAMP %s SET reached = %s WHERE origin = %s AND identity = %s"


# What the core made canonical, as the driver wants it.


def _ascii(text: str) -> str:
    if not text.isascii():
        raise ValueError("not ASCII, which is all that the column takes")
    return text


def _varint(text: str) -> int:
    number = Decimal(text)
    if number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None


def _timeuuid(text: str) -> uuid.UUID:
    made = uuid.UUID(text)
    if made.version != 1:
        raise ValueError("a UUID without a time in it: its version is not 1")
    return made


def _fraction(text: str, digits: int) -> int:
    """The digits behind the point, as many as are kept, the next one rounded half up."""
    kept = (text + "0" * digits)[:digits]
    return int(kept) + (text[digits : digits + 1] >= "5")


def _nanoseconds(text: str) -> Any:
    from cassandra.util import Time

    whole, _, fraction = text.partition(".")
    hours, minutes, seconds = (int(part) for part in whole.split(":"))
    # Never rounded up: midnight is another day's.
    nanoseconds = ((hours * 60 + minutes) * 60 + seconds) * 10**9 + int((fraction + "0" * 9)[:9])
    if nanoseconds >= 86400 * 10**9:
        raise ValueError("not a time of a day")
    return Time(nanoseconds)


_EPOCH = dt.datetime(1970, 1, 1)


def _milliseconds(text: str) -> int:
    whole, _, fraction = text.removesuffix("+00:00").partition(".")
    return (dt.datetime.fromisoformat(whole) - _EPOCH) // dt.timedelta(milliseconds=1) + _fraction(fraction, 3)


_CONVERTERS: dict[str, Convert] = {
    "ascii": _ascii,
    **dict.fromkeys(("text", "varchar"), str),
    "boolean": partial(str.__eq__, "1"),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), int),
    "varint": _varint,
    "decimal": _decimal,
    **dict.fromkeys(("float", "double"), float),
    "date": dt.date.fromisoformat,
    "time": _nanoseconds,
    "timestamp": _milliseconds,
    "uuid": uuid.UUID,
    "timeuuid": _timeuuid,
    "blob": bytes,
}
