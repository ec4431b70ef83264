"""What errors of drivers mean, as the drivers write them: those of servers that the tests can't have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import exc

from writebehind.sinks.sql_errors import Fault, cause, is_certainly_undone, judge, judge_connect, message, sqlstate


def error(*arguments: Any, lost: bool = False, kind: type[exc.DBAPIError] = exc.DBAPIError, **attributes: Any) -> exc.DBAPIError:
    driver = Exception(*arguments)
    for name, value in attributes.items():
        setattr(driver, name, value)
    return kind("UPDATE t SET secret = 1", {}, driver, connection_invalidated=lost)


def odbc(state: str, number: int, text: str = "says") -> exc.DBAPIError:
    return error(state, f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]It {text} (7). ({number}) (SQLExecDirectW)")


def ora(number: int, text: str = "says") -> exc.DBAPIError:
    return error(SimpleNamespace(code=number, message=f"ORA-{number:05}: {text}"))


def db2(state: str, code: int) -> exc.DBAPIError:
    return error(f"ibm_db_dbi::Error: [IBM][CLI Driver][DB2/LINUXX8664] SQL{-code:04}N  It says.  SQLSTATE={state} SQLCODE={code}")


@pytest.mark.parametrize(
    ("dialect", "given", "fault"),
    [
        ("mssql", odbc("23000", 2627), Fault.CONSTRAINT),
        ("mssql", odbc("23000", 515), Fault.CONSTRAINT),
        ("mssql", odbc("22001", 2628), Fault.DATA),
        ("mssql", odbc("42000", 8114), Fault.DATA),
        ("mssql", odbc("42000", 8672), Fault.DATA),
        ("mssql", odbc("42000", 50001), Fault.DATA),
        ("mssql", odbc("42S02", 208), Fault.OTHER),
        ("mssql", odbc("42000", 229), Fault.OTHER),
        ("mssql", odbc("40001", 1205), Fault.OTHER),
        ("mssql", odbc("28000", 18456), Fault.SETUP),
        ("mssql", odbc("08S01", 10054), Fault.LOST),
        ("mssql", error("HYT00", "[HYT00] Login timeout expired (0) (SQLDriverConnect)"), Fault.LOST),
        ("oracle", ora(1), Fault.CONSTRAINT),
        ("oracle", ora(1400), Fault.CONSTRAINT),
        ("oracle", ora(12899), Fault.DATA),
        ("oracle", ora(20001), Fault.DATA),
        ("oracle", ora(942), Fault.OTHER),
        ("oracle", ora(60), Fault.OTHER),
        ("oracle", ora(1017), Fault.SETUP),
        ("oracle", ora(3113), Fault.LOST),
        ("oracle", error("ORA-00001: unique constraint (HR.PK) violated"), Fault.CONSTRAINT),
        ("ibm_db_sa", db2("23505", -803), Fault.CONSTRAINT),
        ("ibm_db_sa", db2("22001", -433), Fault.DATA),
        ("ibm_db_sa", db2("21506", -788), Fault.DATA),
        ("ibm_db_sa", db2("75000", -438), Fault.DATA),
        ("ibm_db_sa", db2("42704", -204), Fault.OTHER),
        ("ibm_db_sa", db2("40001", -911), Fault.OTHER),
        ("ibm_db_sa", db2("08001", -30081), Fault.LOST),
        ("snowflake", error("100072 (22000): NULL result", errno=100072, sqlstate="22000"), Fault.DATA),
        ("snowflake", error("100090 (42P18): Duplicate row", errno=100090, sqlstate="42P18"), Fault.DATA),
        ("snowflake", error("002003 (42S02): no such table", errno=2003, sqlstate="42S02"), Fault.OTHER),
        ("snowflake", error("250001 (08001): wrong password", errno=250001, sqlstate="08001"), Fault.SETUP),
        ("postgresql", error({"C": "23505", "M": "duplicate"}), Fault.CONSTRAINT),
        ("postgresql", error("gone", pgcode="57P01"), Fault.LOST),
        ("mysql", error(1644, "SIGNAL"), Fault.DATA),
        ("mysql", error(1290, "read only"), Fault.LOST),
        ("mysql", error(1146, "no table"), Fault.OTHER),
        ("other", error("x", kind=exc.IntegrityError), Fault.CONSTRAINT),
        ("other", error("x", kind=exc.DataError), Fault.DATA),
        ("other", error("x", kind=exc.OperationalError), Fault.OTHER),
        ("other", error("x", kind=exc.IntegrityError, lost=True), Fault.LOST),
    ],
)
def test_whose_fault_it_is(dialect: str, given: exc.DBAPIError, fault: Fault) -> None:
    assert judge(dialect, given) is fault
    assert judge_connect(dialect, given) is (Fault.SETUP if fault is Fault.SETUP else Fault.LOST)


def test_only_a_rollback_that_the_database_tells_of_is_certain() -> None:
    assert is_certainly_undone(odbc("40001", 1205))
    assert is_certainly_undone(db2("23505", -803))
    for doubtful in (odbc("08S01", 10054), error("x"), error("x", pgcode="40001", lost=True), error("x", pgcode="40003")):
        assert not is_certainly_undone(doubtful)


def test_messages_have_no_statement() -> None:
    assert message(Exception(1062, "Duplicate  entry\n'a'")) == "Duplicate entry 'a'"
    given = odbc("23000", 2627)
    assert "secret" not in message(given.orig or given)
    assert sqlstate(given.orig) == "23000"
    assert len(message(Exception("x" * 10_000))) == 500


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Exception(1062, "Duplicate entry 'for key 'x'' for key 'mail'"), "key mail"),
        (Exception(1452, "a foreign key constraint fails (`wb`.`t`, CONSTRAINT `t_fk` FOREIGN KEY (`p`) REFERENCES `q` (`id`))"), "constraint t_fk"),
        (Exception("ORA-00001: unique constraint (WB.MAIL) violated"), "constraint WB.MAIL"),
        (Exception("23000", "Violation of UNIQUE KEY constraint 'UQ_t'. The duplicate key value is (5)."), "constraint UQ_t"),
        (Exception("CHECK constraint failed: n > 0"), "CHECK constraint failed: n > 0"),
    ],
)
def test_the_cause_has_no_value_in_it(given: Exception, told: str) -> None:
    assert cause(given) == told
