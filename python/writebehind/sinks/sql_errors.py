"""What an error of a driver means, by SQLSTATE or by the database's own number: that decides what happens next."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

from sqlalchemy.exc import DBAPIError

MESSAGE_LENGTH = 500


class Fault(Enum):
    """Whose fault an error is."""

    LOST = "the connection, or the server behind it"
    DATA = "a value"
    CONSTRAINT = "a constraint, which another order of changes may satisfy"
    SETUP = "the login, or the database's name: only a person can mend it"
    OTHER = "unknown: tried again"


# Where drivers' exception classes or SQLSTATEs don't tell. Sources: the databases' lists of errors.
_CONSTRAINT: dict[str, set[int]] = {
    "mysql": {1048, 1062, 1169, 1216, 1217, 1242, 1364, 1451, 1452, 1557, 1586, 1761, 1762, 1859, 3819, 4025},
    "oracle": {1, 1400, 1407, 2290, 2291, 2292},
    "mssql": {515, 547, 2601, 2627},
}
_DATA: dict[str, set[int]] = {
    "mysql": {1118, 1263, 1264, 1265, 1292, 1300, 1365, 1366, 1367, 1406, 1411, 1416, 1441, 1526, 1644, 1690, 1748, 3140, 3141, 3144, 3156}
    | {3157, 3158, 3854, 3988, 4078},
    # Too large, no number, no date, no partition, an unstable set of rows (30926), and RAISE_APPLICATION_ERROR.
    "oracle": {910, 1401, 1426, 1438, 1461, 1465, 1722, 1830, 1839, 1840, 1841, 1843, 1847, 1850, 1851, 1852, 1858, 1861, 1862, 12899}
    | {14400, 22835, 30926, 40441, 40442}
    | set(range(20000, 21000)),
    # Out of range, no number, no date, too long, a key too large for its index, a row met twice (8672), XML, JSON.
    "mssql": {220, 232, 241, 242, 244, 245, 248, 295, 296, 517, 535, 1946, 2628, 8114, 8115, 8134, 8152, 8169, 8672, 13608, 13609}
    | set(range(9400, 9500)),
    "snowflake": {100035, 100038, 100040, 100046, 100078, 100090, 100132},
    "db2": {-438, -788},
}
_LOST: dict[str, set[int]] = {
    "mysql": {1040, 1053, 1077, 1079, 1080, 1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1290, 1836, 1927}
    | {2002, 2003, 2006, 2013, 2055, 3169, 4031},
    "oracle": {28, 1012, 1033, 1034, 1089, 1090, 1092, 2396, 3113, 3114, 3135, 12170, 12514, 12537, 12541, 12543, 16456, 25408},
    "mssql": {596, 3906, 4060, 6005, 10053, 10054, 10060},
}
_SETUP: dict[str, set[int]] = {
    "mysql": {1044, 1045, 1049, 1130, 1251, 1698, 1820, 1862, 3118, 3159},
    "oracle": {1005, 1017, 1045, 12154, 12505, 28000, 28001},
    "mssql": {4064, 18452, 18456, 18470, 18486, 18487, 18488},
    "snowflake": {250001, 390100, 390144, 390422},
    "db2": {-30082, -1060},
}
# The first prefix that fits decides.
_STATES = (
    ("08", Fault.LOST),
    ("21", Fault.DATA),  # two rows of a batch meet in one
    ("22", Fault.DATA),
    ("23", Fault.CONSTRAINT),
    ("25006", Fault.LOST),  # read-only: a standby now
    ("28", Fault.SETUP),
    ("3D000", Fault.SETUP),
    ("45", Fault.DATA),  # SIGNAL
    ("40003", Fault.LOST),
    ("54000", Fault.DATA),
    ("57P", Fault.LOST),
    ("25P03", Fault.LOST),
    ("53300", Fault.LOST),
    ("HYT0", Fault.LOST),  # timed out: nobody knows what the connection is still busy with
    ("IM", Fault.SETUP),  # the ODBC driver manager's own
    ("P0001", Fault.DATA),
    ("", Fault.OTHER),
)
# psycopg2 has no SQLSTATE of a failed connect.
_SETUP_WORDS = re.compile(
    r"password authentication failed|no password supplied|(role|database) .* does not exist|pg_hba"
    r"|Can't open lib|unable to open database file"
)


def judge(dialect: str, error: DBAPIError) -> Fault:
    """Whose fault is it?"""
    family = _family(dialect)
    if error.connection_invalidated:
        return Fault.LOST
    number = _number(family, error.orig)
    for fault, numbers in (
        (Fault.CONSTRAINT, _CONSTRAINT),
        (Fault.DATA, _DATA),
        (Fault.SETUP, _SETUP),
        (Fault.LOST, _LOST),
    ):
        if number in numbers.get(family, ()):
            return fault
    if family == "mssql" and number >= 50000:
        return Fault.DATA  # THROW and RAISERROR
    state = sqlstate(error.orig)
    found = next(fault for prefix, fault in _STATES if state.startswith(prefix))
    if found is not Fault.OTHER:
        return found
    return {"IntegrityError": Fault.CONSTRAINT, "DataError": Fault.DATA}.get(type(error).__name__, Fault.OTHER)


def judge_connect(dialect: str, error: DBAPIError) -> Fault:
    """Whose fault is it that no connection was made? LOST unless a person must mend it."""
    if _SETUP_WORDS.search(str(error.orig)):
        return Fault.SETUP
    return Fault.SETUP if judge(dialect, error) is Fault.SETUP else Fault.LOST


def is_certainly_undone(error: DBAPIError) -> bool:
    """Of a COMMIT that failed: did the database say that it rolled back?"""
    state = sqlstate(error.orig)
    return not error.connection_invalidated and state[:2] in ("40", "23", "22") and state != "40003"


def message(error: BaseException) -> str:
    """What the driver says, in one line, without the statement and its values."""
    arguments, diag = error.args, getattr(error, "diag", None)
    if primary := getattr(diag, "message_primary", None):
        # PostgreSQL's: the text as a whole has an excerpt of the statement too.
        detail = getattr(diag, "message_detail", None)
        text = f"{primary} DETAIL: {detail}" if detail else primary
    else:
        # PyMySQL: (number, text); pyodbc: (SQLSTATE, text).
        text = arguments[1] if len(arguments) == 2 and isinstance(arguments[1], str) else str(error)
    line = " ".join(str(text).split())
    return line[:MESSAGE_LENGTH] or type(error).__name__


# How messages name a constraint or an index. MySQL has the value before it, the others behind.
_KEY = re.compile(r"for key ['\"]([^'\"]+)['\"]")
_NAMED = re.compile(r"constraint ['\"`(]([^'\"`)]+)['\"`)]", re.IGNORECASE)


def cause(error: BaseException) -> str:
    """What refused a row, in words that are the same for every row that it refuses; without a name, what the driver says."""
    if keys := _KEY.findall(str(error)):
        return f"key {keys[-1]}"
    # Of PostgreSQL the first line: its details show the row.
    text = getattr(getattr(error, "diag", None), "message_primary", None) or message(error)
    named = _NAMED.search(text)
    return f"constraint {named.group(1)}" if named else str(text)


def sqlstate(error: Any) -> str:
    """The five characters, wherever the driver puts them; "" where it has none."""
    for attribute in ("sqlstate", "pgcode"):
        state = getattr(error, attribute, None)
        if isinstance(state, str) and len(state) == 5:
            return state
    first = error.args[0] if getattr(error, "args", ()) else ""
    if isinstance(first, dict):  # pg8000
        return str(first.get("C", ""))
    if isinstance(first, str) and re.fullmatch(r"[0-9A-Z]{5}", first):  # pyodbc
        return first
    found = re.search(r"SQLSTATE[=: ]+'?([0-9A-Z]{5})\b", str(error))  # ibm_db
    return found.group(1) if found else ""


def _family(dialect: str) -> str:
    return {"mariadb": "mysql", "ibm_db_sa": "db2"}.get(dialect, dialect)


def _number(family: str, error: Any) -> int:
    first = error.args[0] if getattr(error, "args", ()) else None
    for found in (getattr(error, "errno", None), getattr(first, "code", None), first):
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    pattern = {"oracle": r"ORA-(\d+)", "mssql": r"\((\d+)\) \(SQL", "db2": r"SQLCODE=(-?\d+)"}.get(family)
    match = re.search(pattern, str(error)) if pattern else None
    return int(match.group(1)) if match else 0
