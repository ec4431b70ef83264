"""What each type of each database makes of a text: `type: {text in the hash: value in the row, or Refused}`.

Values of PostgreSQL and MariaDB are as the database writes them (bytes in hexadecimal), those of SQLite as its driver reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refused:
    """Rejected alone, by name.

    Args:
        reason: a part of it.
    """

    reason: str


Cases = dict[str | bytes, Any]


def same(*texts: str) -> Cases:
    return {text: text for text in texts}


def refused(reason: str, *texts: str | bytes) -> Cases:
    return {text: Refused(reason) for text in texts}


def integers(low: int, high: int) -> Cases:
    spelled: Cases = {"+5": "5", " 7 ": "7", "05": "5", "-0": "0", "0": "0", "": Refused("empty, not an integer")}
    beyond = refused("out of range", str(low - 1), str(high + 1), "9" * 30)
    return {**spelled, **same(str(low), str(high)), **beyond, **refused("not an integer", "1.5", "1e2", "0x10", "1_0", "１", "abc", "+")}


def signed(bits: int) -> Cases:
    return integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def unsigned(bits: int) -> Cases:
    return integers(0, (1 << bits) - 1)


def booleans(yes: str, no: str) -> Cases:
    told: Cases = dict.fromkeys(("1", "true", "TRUE", "t", "yes", "Y", "on"), yes)
    told.update(dict.fromkeys(("0", "false", "False", "f", "no", "n", "OFF"), no))
    return told


# Of numeric(7,2): half is rounded away from zero, what is too wide is refused.
DECIMALS: Cases = {
    "1.235": "1.24", "-1.235": "-1.24", "1.2": "1.20", "1e2": "100.00", ".5": "0.50", "-0": "0.00", "99999.994": "99999.99",
    **refused("out of range", "99999.995", "100000", "1e30"), **refused("not a number", "1,5", "abc", "1.2.3"), "": Refused("empty, not a number"),
}  # fmt: skip
TEXTS = same("", "abc", "é日😀", "'\"\\", "%s ", "NUL", "{,}", "?$1")
NOT_UTF8 = refused("not valid UTF-8", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"abc\xf0\x9f")
BYTES: Cases = {"": "", "a": "61", b"\x00\xff'\\": "00ff275c", b"\xed\xa0\x80": "eda080"}
DATES: Cases = {
    "2024-02-29": "2024-02-29", "20240229": "2024-02-29", "2024-2-9": "2024-02-09", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31",
    "2024-02-29T23:30:00-05:00": "2024-02-29",
    **refused("not an ISO 8601 date", "2023-02-29", "2024-13-01", "0000-00-00", "01/02/2024", "1709208000", "now"), "": Refused("empty, not a date"),
}  # fmt: skip
NO_TIMES = {**refused("not an ISO 8601 time", "10", "10:60:00", "10:20:60", "10:20:30Z", "1709208000"), "": Refused("empty, not a time")}
# An epoch is no timestamp: nothing says whether it counts seconds or milliseconds.
NO_TIMESTAMPS = {
    **refused("not an ISO 8601 timestamp", "1709208000", "1709208000.5", "2024-02-30 00:00:00", "2024-02-29 24:00:00", "2024-02-29 10:20:30 CET", "now"),
    "": Refused("empty, not a timestamp"),
}
UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
UUIDS: Cases = {
    UUID: UUID, UUID.upper(): UUID, f"{{{UUID.replace('-', '')}}}": UUID,
    **refused("not a UUID", UUID[:-1], f"{UUID}0", UUID.replace("a0", "g0")), "": Refused("empty, not a UUID"),
}  # fmt: skip
NO_JSON = {**refused("not valid JSON", "{a: 1}", "{} x", "007", "NaN", "'a'", '"\\x"', b'"\xff"'), "": Refused("empty, not JSON")}

POSTGRES: dict[str, Cases] = {
    "smallint": signed(16), "integer": signed(32), "bigint": signed(64), "oid": unsigned(32),
    "numeric": {"1.50": "1.50", "nan": "NaN", "inf": "Infinity", "12345678901234567890.12": "12345678901234567890.12", "": Refused("empty")},
    "numeric(7,2)": {**DECIMALS, "nan": "NaN", "inf": Refused("no infinity")},
    "numeric(4,-2)": {"1250": "1300", "9999999": Refused("numeric field overflow")},
    "real": {"0.1": "0.1", "1e10": "1e+10", "nan": "NaN", "-inf": "-Infinity", "1e39": Refused("out of range"), "": Refused("empty"), "x": Refused("number")},
    "double precision": {"0.1": "0.1", "-0": "-0", "NaN": "NaN", "Infinity": "Infinity", "1e400": Refused("out of range"), "0x1p3": Refused("not a number")},
    "boolean": {**booleans("true", "false"), **refused("not a boolean", "2", "maybe"), "": Refused("empty, not a boolean")},
    "text": {**TEXTS, **NOT_UTF8, "a\0b": Refused("holds a NUL byte")},
    "varchar(3)": {**same("", "abc", "é日😀"), "abc  ": "abc", **refused("longer than 3 characters", "abcd", "é日😀x")},
    "char(3)": {"a": "a", "": "", "abcd": Refused("longer than 3 characters")},
    '"char"': {"a": "a", **refused("longer than 1 bytes", "ab", "é")},
    "name": {"n" * 63: "n" * 63, "n" * 64: Refused("longer than 63 bytes")},
    "citext": same("Abc", ""),
    "bytea": BYTES,
    "date": {**DATES, "infinity": "infinity", "10000-01-01": "10000-01-01"},
    "time": {"10:20:30": "10:20:30", "1:02": "01:02:00", "10:20:30.1234567": "10:20:30.123457", "24:00:00": "24:00:00", "24:00:01": Refused("out of range"), **NO_TIMES},
    "time(3)": {"10:20:30.12345": "10:20:30.123"},
    "timetz": {"10:20:30+02": "10:20:30+02", "25:00:00+02": Refused("out of range")},
    "timestamp": {
        "2024-02-29": "2024-02-29 00:00:00", "2024-02-29T10:20:30Z": "2024-02-29 10:20:30", "2024-02-29 10:20:30.123456+02:00": "2024-02-29 08:20:30.123456",
        "2024-02-29T23:30:00-0530": "2024-03-01 05:00:00", "-infinity": "-infinity", "10000-01-01": "10000-01-01 00:00:00", **NO_TIMESTAMPS,
    },
    "timestamp(0)": {"2024-02-29T10:20:30.5": "2024-02-29 10:20:31"},
    "timestamptz": {
        "2024-02-29T10:20:30Z": "2024-02-29 10:20:30+00", "2024-02-29T10:20:30+02:00": "2024-02-29 08:20:30+00",
        "2024-02-29 10:20:30": "2024-02-29 10:20:30+00", **NO_TIMESTAMPS,
    },
    "interval": {"1 day": "1 day", "P1DT2H": "1 day 02:00:00", **refused("invalid input syntax", "1 parsec", "")},
    "uuid": UUIDS,
    "json": {**same('{"a":  1}', "null", '"\\u0000"'), **NO_JSON},
    "jsonb": {'{"b": 1,"a":2}': '{"a": 2, "b": 1}', '"\\u0000"': Refused("Unicode escape"), **NO_JSON},
    "mood": {**same("sad", "o'k", "a,b"), **refused("not one of the enumeration's labels", "Sad", "", "1")},
    "integer[]": {"{1,NULL}": "{1,NULL}", "{}": "{}", **refused("malformed array literal", "1,2", ""), "{x}": Refused("invalid input syntax")},
    "varchar(2)[]": {'{"a,",b}': '{"a,",b}', "{abc}": Refused("too long")},
    "short": {**same("12345", ""), "123456": Refused("longer than 5"), "bad": Refused("violates check constraint")},
    "positive": {"1": "1", "x": Refused("not an integer"), "-1": Refused("violates check constraint")},
    "money": {"12.345": "$12.35", "-1": "-$1.00", "": Refused("empty"), "x": Refused("invalid input syntax")},
    "inet": {"10.0.0.1/8": "10.0.0.1/8", "::1": "::1/128", **refused("invalid input syntax", "300.0.0.1", "")},
    "bit(3)": {"101": "101", **refused("does not match type bit(3)", "1011", "10"), "x2": Refused("does not match")},
    "varbit(3)": {"10": "10", "": "", "1011": Refused("too long"), "2": Refused("binary digit")},
    "int4range": {"[1,5)": "[1,5)", "[5,1]": Refused("range")},
}  # fmt: skip

MARIADB: dict[str, Cases] = {
    "tinyint": signed(8), "tinyint unsigned": unsigned(8), "smallint": signed(16), "smallint unsigned": unsigned(16),
    "mediumint": signed(24), "mediumint unsigned": unsigned(24), "int": signed(32), "int unsigned": unsigned(32),
    "bigint": signed(64), "bigint unsigned": unsigned(64),
    "boolean": {**booleans("1", "0"), "7": "7", **refused("not an integer", "maybe"), "": Refused("empty")},
    "decimal(7,2)": {**DECIMALS, **refused("column has no", "nan", "inf")},
    "decimal(7,2) unsigned": {"1.235": "1.24", "-0.001": Refused("negative")},
    "decimal(40,2)": same("123456789012345678901234567890.12"),
    "float": {"0.1": "0.1", **refused("column has no", "nan", "-inf"), "1e39": Refused("out of range"), "": Refused("empty")},
    "double": {"0.1": "0.1", "1e300": "1e300", **refused("column has no", "NaN", "Infinity"), "1e400": Refused("out of range")},
    "double unsigned": {"1.5": "1.5", "-1.5": Refused("negative")},
    "bit": {"1": "1", "yes": "1", "2": Refused("out of range")},
    "bit(9)": {"511": "511", "512": Refused("out of range")},
    "bit(64)": {str(2**64 - 1): str(2**64 - 1)},
    "year": {**same("2024", "1901", "2155"), "0": "0000", **refused("not a year", "24", "1900", "2156"), **refused("not an integer", "1.50"), "": Refused("empty")},
    "varchar(3)": {**same("", "abc", "é日😀", "a\0b"), "abc  ": "abc", **refused("longer than 3 characters", "abcd", "é日😀x"), **NOT_UTF8},
    "char(3)": {"a": "a", "": "", "abcd": Refused("longer than 3 characters")},
    "tinytext": {**TEXTS, "é" * 127: "é" * 127, "é" * 128: Refused("longer than 255 bytes")},
    "varchar(3) CHARACTER SET latin1": {**same("é", "abc"), **refused("Incorrect string value", "日", "aé😀")},
    "tinytext CHARACTER SET latin1": {"é" * 255: "é" * 255, "é" * 256: Refused("too long")},
    "varchar(3) CHARACTER SET utf8mb3": {"é日": "é日", "😀": Refused("Incorrect string value")},
    "binary(3)": {"": "000000", "a": "610000", b"\xff\x00a": "ff0061", "abcd": Refused("longer than 3 bytes")},
    "varbinary(4)": {**BYTES, "abcde": Refused("longer than 4 bytes")},
    "blob": BYTES,
    "date": {**DATES, **refused("not an ISO 8601 date", "infinity", "10000-01-01")},
    "time": {"10:20": "10:20:00", "-838:59:59": "-838:59:59", "100:00:00": "100:00:00", "10:20:30.9": "10:20:30", "839:00:00": Refused("out of range"), **NO_TIMES},
    "time(3)": {"10:20:30.1239": "10:20:30.123"},
    "datetime": {"2024-02-29T10:20:30Z": "2024-02-29 10:20:30", "2024-02-29T10:20:30.9+02:00": "2024-02-29 08:20:30", **NO_TIMESTAMPS},
    "datetime(6)": {"2024-02-29": "2024-02-29 00:00:00.000000", "9999-12-31T23:59:59.999999": "9999-12-31 23:59:59.999999"},
    "timestamp NULL": {
        "2024-02-29T10:20:30Z": "2024-02-29 10:20:30", "2024-02-29 10:20:30+02": "2024-02-29 08:20:30",
        **refused("Incorrect datetime value", "1969-12-31 23:59:59", "2038-01-19 03:14:08"), **NO_TIMESTAMPS,
    },
    "uuid": UUIDS,
    "json": {**same('{"a":  1}', "null", '"\\u0000"'), "[" * 40 + "]" * 40: Refused("CONSTRAINT"), **NO_JSON},
    "enum('sad','o''k','a,b','b\\\\c','1')": {**same("sad", "o'k", "a,b", "b\\c", "1"), "SAD": "sad", **refused("not one of", "", "2", "c")},
    "set('a','b','c')": {"c,A,c": "a,c", **same("", "b"), **refused("not labels of the set", "1", "3", "a,d", "a,,b", "a,")},
    "inet6": {"::1": "::1", **refused("Incorrect inet6 value", "x", "")},
}  # fmt: skip

SQLITE: dict[str, Cases] = {
    "INTEGER": {text: int(value) if isinstance(value, str) else value for text, value in signed(64).items()},
    "BIGINT UNSIGNED": {str(2**63 - 1): 2**63 - 1, str(2**63): Refused("out of range")},
    "REAL": {"0.1": 0.1, "5": 5.0, "inf": float("inf"), "nan": Refused("no NaN"), "1e400": Refused("out of range"), "": Refused("empty")},
    "DECIMAL(7,2)": {
        "1.235": 1.235, "5.0": 5, str(2**63 - 1): 2**63 - 1, "1e300": 1e300, "0.12345678901234567890": 0.12345678901234568, "9007199254740992.0": 2**53,
        **refused("more digits than the column keeps", "12345678901234567890.12", str(2**63 + 1), "9007199254740993.5"), "1e400": Refused("out of range"),
        **refused("column has no", "nan", "inf"), "": Refused("empty"),
    },
    "BOOLEAN": {**{text: int(value) for text, value in booleans("1", "0").items()}, **refused("not a boolean", "2", "maybe"), "": Refused("empty")},
    "TEXT": {**TEXTS, **NOT_UTF8, **same("007", "a\0b", "1.50")},
    "VARCHAR(3)": same("longer than three", "007"),
    "BLOB": {"": b"", b"\x00\xff": b"\x00\xff", "5": b"5"},
    "DATE": {**DATES, "infinity": Refused("ISO 8601")},
    "TIME": {"10:20": "10:20:00", "10:20:30.123456789": "10:20:30.123456789", "24:00:01": Refused("out of range"), **NO_TIMES},
    "DATETIME": {"2024-02-29T10:20:30.123456Z": "2024-02-29 10:20:30.123456", "2024-02-29T00:30:00+02:00": "2024-02-28 22:30:00", **NO_TIMESTAMPS},
    "UUID": UUIDS,
    "JSON": {**same('{"a":  1}', "null", '"\\u0000"'), "7": 7, "1.5": 1.5, **refused("as a number, written otherwise", "1.50", "1e3", "9" * 30), **NO_JSON},
    "": {**same("007", "", "x"), b"\xff": Refused("not valid UTF-8")},
    "STUFF": {"7": 7, "1.5": 1.5, "x": "x", "": "", **refused("as a number, written otherwise", "007", "1.50", "1e3", "0.00001", "9" * 30)},
}  # fmt: skip

# What SQLAlchemy's drivers or Python's own types make otherwise; None: all of that type.
DIFFERS: dict[str, dict[str, set[str | bytes] | None]] = {
    "postgres": {
        "oid": {"-1"}, "numeric": {"inf"}, "double precision": {"-0"}, '"char"': None, "name": None, "date": {"infinity", "10000-01-01"},
        "time": {"10:20:30.1234567", "24:00:00"}, "timetz": None, "timestamp": {"-infinity", "10000-01-01"}, "money": {""},
    },
    "mariadb": {"json": {'"\\x"'}, "enum('sad','o''k','a,b','b\\\\c','1')": {"b\\c"}},
    "sqlite": {"UUID": None, "STUFF": None},  # it says of both that they are NUMERIC
}  # fmt: skip

TYPES = {"postgres": POSTGRES, "mariadb": MARIADB, "sqlite": SQLITE}
