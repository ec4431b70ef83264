"""Types of SQLAlchemy's dialects → what the core's casts want to know, and canonical text → what a driver takes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import NullType, TypeEngine

from writebehind.sinks import TableColumn

Convert = Callable[[Any], Any]

# By the name that a dialect writes a type with; what is not here is told by its class (below).
_INTEGER_BITS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "YEAR": 16, "BIGINT": 64}
_JSON = {"JSON", "JSONB", "VARIANT", "OBJECT", "SNOWFLAKE_ARRAY", "MAP"}
_ZONED = {"DATETIMEOFFSET", "TIMESTAMP_TZ", "TIMESTAMP_LTZ"}
_MONEY = {"MONEY": (19, 4), "SMALLMONEY": (10, 4)}
_FLOATS = {"REAL", "FLOAT", "DOUBLE"}
_SINGLE = {"REAL", "BINARY_FLOAT"}
_MYSQL = ("mysql", "mariadb")
_MYSQL_BYTES = {"TINYTEXT": 2**8 - 1, "TEXT": 2**16 - 1, "MEDIUMTEXT": 2**24 - 1, "LONGTEXT": 2**32 - 1}
_MYSQL_HOURS = 838

# Dialects whose text comparisons ignore trailing spaces in every type.
_PADDING = {"mssql", "ibm_db_sa", "mysql", "mariadb"}


def described(type_: TypeEngine[Any], dialect: str, collation: str = "") -> TableColumn:
    """The members of a TableColumn that tell its type.

    Args:
        type_: as the Inspector found it.
        dialect: SQLAlchemy's name of it.
        collation: of the column, where the type does not know it.
    """
    name = type_.__visit_name__.upper()
    column: TableColumn = {"kind": "other"}
    if name in _JSON or isinstance(type_, sa.JSON):
        column["kind"] = "json"
        column["reads_numbers"] = dialect == "sqlite"
    elif name == "SET" and dialect in _MYSQL:
        column.update(
            {"kind": "enum", "labels": list(getattr(type_, "values", ())), "is_set": True, "case_insensitive": _is_ci(type_, collation)}
        )
    elif isinstance(type_, sa.Boolean):
        column["kind"] = "boolean"
    elif isinstance(type_, sa.Uuid):
        column["kind"] = "uuid"
    elif isinstance(type_, sa.Enum):
        column.update({"kind": "enum", "labels": list(type_.enums)})
        if dialect in _MYSQL:
            column["case_insensitive"] = _is_ci(type_, collation)
    elif isinstance(type_, sa.Float) or name in _FLOATS:
        column.update(_float(type_, name, dialect))
    elif isinstance(type_, sa.Numeric) or (dialect == "mssql" and name in _MONEY):  # Oracle's NUMBER is an Integer too
        column.update(_numeric(type_, name, dialect))
    elif name in _INTEGER_BITS or isinstance(type_, sa.Integer) or (name == "BIT" and dialect in _MYSQL):
        column.update(_integer(type_, name, dialect))
    elif isinstance(type_, sa.types.String):
        column.update(_text(type_, name, dialect, collation))
    elif isinstance(type_, sa.LargeBinary | sa.types._Binary):
        column.update({"kind": "bytes", "max_length": _length(type_)})
        if name == "BINARY":
            column["pads"] = True
    elif name in _ZONED or name == "TIMESTAMP_NTZ" or isinstance(type_, sa.DateTime):
        column.update({"kind": "timestamp", "with_zone": name in _ZONED or _has_zone(type_)})
    elif isinstance(type_, sa.Date):
        column["kind"] = "date"
    elif isinstance(type_, sa.Time):
        column["kind"] = "time"
        if dialect in _MYSQL:
            column["max_hours"] = _MYSQL_HOURS
    else:
        column["has_spellings"] = dialect != "sqlite"
    if dialect in _MYSQL and column["kind"] in ("numeric", "float"):
        column["is_unsigned"] = bool(getattr(type_, "unsigned", False))
    column["allows_nul"] = dialect != "postgresql"
    return column


def _integer(type_: TypeEngine[Any], name: str, dialect: str) -> TableColumn:
    bits = _INTEGER_BITS.get(name) or (64 if dialect == "sqlite" or isinstance(type_, sa.BigInteger) else 32)
    if isinstance(type_, sa.SmallInteger):
        bits = _INTEGER_BITS.get(name, 16)
    if name == "BIT":
        bits = int(getattr(type_, "length", None) or 1)
    is_unsigned = bool(getattr(type_, "unsigned", False)) or name == "BIT" or (name == "TINYINT" and dialect == "mssql")
    column: TableColumn = {"kind": "integer", "bits": bits, "is_unsigned": is_unsigned or name == "YEAR"}
    if name == "YEAR":
        column["is_year"] = True
    if dialect in _MYSQL:
        column["boolean_words"] = (name == "TINYINT" and getattr(type_, "display_width", None) == 1) or (name == "BIT" and bits == 1)
    return column


def _float(type_: TypeEngine[Any], name: str, dialect: str) -> TableColumn:
    # FLOAT(n) counts binary digits; MySQL's without n is single.
    digits = getattr(type_, "precision", None) or (0 if dialect in _MYSQL else 53)
    is_single = name in _SINGLE or (name == "FLOAT" and dialect != "oracle" and digits <= 24)
    has_nan = dialect in ("postgresql", "snowflake") or name.startswith("BINARY_")
    return {"kind": "float", "bits": 32 if is_single else 64, "allows_nan": has_nan, "allows_infinity": has_nan or dialect == "sqlite"}


def _numeric(type_: TypeEngine[Any], name: str, dialect: str) -> TableColumn:
    precision, scale = _MONEY.get(name) or (getattr(type_, "precision", None) or 0, getattr(type_, "scale", None) or 0)
    # SQLite rounds nothing; a negative scale rounds left of the point, which is left to the database.
    if dialect == "sqlite" or scale < 0:
        precision, scale = 0, 0
    column: TableColumn = {"kind": "numeric", "precision": precision, "scale": scale, "allows_nan": dialect == "postgresql"}
    if dialect == "sqlite":
        column["as_double"] = True
    return column


def _text(type_: TypeEngine[Any], name: str, dialect: str, collation: str) -> TableColumn:
    collation = (getattr(type_, "collation", None) or collation).lower()
    is_binary = collation.endswith("_bin") or "_bin2" in collation
    pads = dialect in _PADDING and not (dialect in _MYSQL and ("0900" in collation or "nopad" in collation))
    folds = collation.endswith("_ci") or (dialect == "mssql" and "_ci" in collation) or collation == "nocase" or name == "CITEXT"
    column: TableColumn = {
        "kind": "text",
        "max_length": 0 if dialect == "sqlite" else _length(type_),
        "ignores_spaces": pads or name in ("CHAR", "NCHAR"),
        "case_insensitive": folds and not is_binary,
    }
    # The database alone counts the bytes of other character sets.
    if dialect in _MYSQL and name in _MYSQL_BYTES and collation.startswith("utf8"):
        column["max_bytes"] = _MYSQL_BYTES[name]
    return column


def _is_ci(type_: TypeEngine[Any], collation: str) -> bool:
    return (getattr(type_, "collation", None) or collation).lower().endswith("_ci")


def _length(type_: TypeEngine[Any]) -> int:
    length = getattr(type_, "length", None)  # None, a number, or "max"
    return length if isinstance(length, int) and length > 0 else 0


def _has_zone(type_: TypeEngine[Any]) -> bool:
    return bool(getattr(type_, "timezone", False) or getattr(type_, "local_timezone", False))


def bind_type(type_: TypeEngine[Any], kind: str, dialect: str) -> TypeEngine[Any]:
    """What a value of such a column is bound as; NullType hands it to the driver as it is."""
    if kind in ("json", "enum", "other") or (dialect == "postgresql" and kind == "text"):
        return NullType()  # PostgreSQL: newer drivers cast to varchar, and no index of a char(n) serves that
    if dialect == "sqlite" and kind in ("numeric", "date", "time", "timestamp", "uuid"):
        return NullType()  # text, as SQLite's own functions and our native sink write it
    if dialect in _MYSQL and kind in ("time", "boolean"):
        return NullType()
    if dialect == "oracle" and kind in ("text", "bytes") and isinstance(type_, sa.Text | sa.LargeBinary):
        return _Lob(is_text=kind == "text")
    return type_


class _Lob(sa.types.UserDefinedType[Any]):
    """Bound as a LOB: SQLAlchemy binds VARCHAR, which Oracle takes for a LONG above 4,000 bytes, and refuses in a MERGE (ORA-01461)."""

    cache_ok = True

    def __init__(self, is_text: bool) -> None:
        self.is_text = is_text

    def get_col_spec(self, **options: Any) -> str:
        del options
        return "CLOB" if self.is_text else "BLOB"

    def get_dbapi_type(self, dbapi: Any) -> Any:
        return dbapi.CLOB if self.is_text else dbapi.BLOB


def converter(kind: str, with_zone: bool, dialect: str, bound: TypeEngine[Any]) -> Convert | None:
    """Canonical text → what the driver takes; None: the text itself. It raises ValueError for what Python can't hold."""
    if kind in ("text", "bytes", "json", "enum", "other"):
        return None
    if isinstance(bound, NullType) and kind != "boolean":
        return None
    if kind == "timestamp":
        # python-oracledb forgets a zone; our sessions are in UTC.
        return _instant if with_zone and dialect != "oracle" else _naive
    converters: dict[str, Convert] = {
        "boolean": _boolean,
        "integer": int,
        "numeric": Decimal,
        "float": float,
        "date": dt.date.fromisoformat,
        "time": _time,
        "uuid": uuid.UUID if getattr(bound, "as_uuid", True) else str,
    }
    return converters[kind]


def _boolean(text: str) -> bool:
    return text == "1"


def _microseconds(text: str) -> tuple[str, dt.timedelta]:
    """The text as far as Python's times go, and what the digits behind that round to."""
    whole, point, fraction = text.partition(".")
    digits = len(fraction) - len(fraction.lstrip("0123456789"))
    if not point or digits <= 6:
        return text, dt.timedelta(0)
    return f"{whole}.{fraction[:6]}{fraction[digits:]}", dt.timedelta(microseconds=int(fraction[6] >= "5"))


def _time(text: str) -> dt.time:
    # Never rounded up: midnight is another day's.
    return dt.time.fromisoformat(_microseconds(text)[0])


def _naive(text: str) -> dt.datetime:
    kept, more = _microseconds(text)
    return dt.datetime.fromisoformat(kept).replace(tzinfo=None) + more


def _instant(text: str) -> dt.datetime:
    kept, more = _microseconds(text)
    time = dt.datetime.fromisoformat(kept) + more
    return time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC)
