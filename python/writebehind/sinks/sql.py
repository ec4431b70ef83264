"""The sink of every database that SQLAlchemy has a dialect for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from writebehind.connectors.connector import split_table
from writebehind.errors import CheckpointMoved, CommitInDoubt, ConfigError, RowsRefused, TargetUnavailable, WritebehindError
from writebehind.sinks import Move, Plan, Row, Sink, Table
from writebehind.sinks.sql_catalog import Described, describe
from writebehind.sinks.sql_connect import connect, durability_warnings
from writebehind.sinks.sql_errors import Fault, cause, is_certainly_undone, judge, message
from writebehind.sinks.sql_rows import Refused, RowWriter
from writebehind.sinks.sql_search import Search

if TYPE_CHECKING:
    from writebehind.connectors.sql import AlchemyConnection

_DATA_ERRORS = (UnicodeError, OverflowError)
"""What drivers raise of their own for a value that they can't send."""


class SqlSink(Sink):
    """Writes each batch in one transaction, by one connection.

    Args:
        given: where to connect; asked anew at each `open`.
        exactly_once_table: ``(id, val)``; None: at least once.
    """

    def __init__(self, given: AlchemyConnection, exactly_once_table: str | None = None) -> None:
        self._given = given
        self._connection: Connection | None = None
        self._described: dict[tuple[str, str], Described] = {}
        self._writer: RowWriter | None = None
        self._once: sa.Table | None = None
        self._once_name = exactly_once_table
        if exactly_once_table:
            schema, name = split_table(exactly_once_table)
            self._once = sa.Table(name, sa.MetaData(), sa.Column("id", sa.String), sa.Column("val", sa.String), schema=schema or None)

    def open(self) -> None:
        self.close()
        self._connection = connect(self._given)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        self._writer = None
        if connection is not None:
            with suppress(Exception):
                connection.close()
            with suppress(Exception):
                connection.engine.dispose()

    def cancel(self) -> None:
        connection = self._connection
        if connection is None or connection.closed:
            return
        link: Any = connection.connection.dbapi_connection
        for verb in ("cancel", "interrupt"):  # psycopg and oracledb, sqlite3
            if callable(end := getattr(link, verb, None)):
                end()
                return

    def warnings(self) -> list[str]:
        with self._transaction() as connection:
            return durability_warnings(connection)

    def describe(self, schema: str, table: str) -> Table:
        with self._transaction() as connection:
            found = describe(connection, schema, table)
        if self._once is not None and not found.transactional:
            raise ConfigError(f"table '{table}' has no transactions, so that exactly once can't be had", "use ENGINE=InnoDB")
        self._described[schema, table] = found
        self._writer = None
        return found.table()

    # The exactly-once table.

    def load_checkpoint(self, id: str) -> str:
        if self._once is None:
            return "0-0"
        with self._transaction() as connection:
            try:
                stored = self._stored(connection, id)
            except exc.DBAPIError as error:
                if judge(connection.dialect.name, error) is Fault.LOST:
                    raise
                connection.rollback()
                raise self._once_missing(connection, error) from None
            if stored is None:
                # Who else made it meanwhile made the same.
                with suppress(exc.IntegrityError):
                    connection.execute(self._once.insert().values(id=id, val="0-0"))
                    connection.commit()
                    return "0-0"
                connection.rollback()
                stored = self._stored(connection, id)
        return stored or "0-0"

    def forget_checkpoint(self, id: str) -> None:
        if self._once is None:
            return
        with self._transaction() as connection:
            connection.execute(self._once.delete().where(self._once.c.id == id))
            connection.commit()

    def _stored(self, connection: Connection, id: str) -> str | None:
        assert self._once is not None
        stored = connection.execute(sa.select(self._once.c.val).where(self._once.c.id == id)).scalar()
        return None if stored is None else str(stored).strip()

    def _once_missing(self, connection: Connection, error: exc.DBAPIError) -> Exception:
        from writebehind.sinks.sql_schema import once_table

        assert self._once is not None
        if sa.inspect(connection).has_table(self._once.name, self._once.schema):
            return _shown(error)
        hint = once_table(connection.dialect, self._once.schema or "", self._once.name)
        return ConfigError(f"the exactly-once table '{self._once_name}' is not there", hint)

    def _compare_and_set(self, id: Any, before: Any, after: Any) -> Any:
        assert self._once is not None
        return self._once.update().where(self._once.c.id == id, self._once.c.val == before).values(val=after)

    def _move(self, connection: Connection, move: Move) -> bool:
        """The compare-and-set, first in the transaction; False: this very batch is committed already."""
        id, before, after = move
        moved = connection.execute(self._compare_and_set(id, before, after)).rowcount
        if moved > 0:
            return True
        if moved < 0:
            raise ConfigError(f"the driver of {connection.dialect.name} counts no changed rows, so that exactly once can't be had")
        stored = self._stored(connection, id)
        if stored == after:
            return False
        if stored is None:
            raise CheckpointMoved(f"checkpoint '{id}' is gone from the exactly-once table")
        raise CheckpointMoved(f"checkpoint '{id}' holds {stored}, not {before}: another engine moved it")

    # Writing.

    def write(self, plan: Plan, rows: Sequence[Row], move: Move | None) -> None:
        if not rows and move is None:
            return
        with self._transaction() as connection:
            writer = self._writer_for(connection, plan)
            values = writer.values(rows)
            tasks = writer.tasks(rows)

            def begin() -> bool:
                return move is None or self._move(connection, move)

            try:
                if begin():
                    _attempt(connection, lambda: writer.run(tasks, values))
                    _commit(connection)
                return
            except Refused:
                connection.rollback()
            search = Search(connection, begin, lambda some: _attempt(connection, lambda: writer.run(some, values)))
            if not search.run(tasks):
                return
            connection.rollback()
            if search.refused:
                raise RowsRefused(writer.refusal(row, rows[row], why) for row, why in sorted(search.refused.items()))
            # Two rows met in one statement: apart, each can be written.
            if begin():
                _attempt(connection, lambda: writer.run(tasks, values, one_by_one=True))
                _commit(connection)

    def _writer_for(self, connection: Connection, plan: Plan) -> RowWriter:
        if self._writer is None or self._writer.plan.id != plan.id:
            where = plan.schema, plan.table
            if where not in self._described:
                self._described[where] = describe(connection, *where)
            self._writer = RowWriter(connection, plan, self._described[where])
        return self._writer

    def explain(self, plan: Plan) -> list[str]:
        with self._transaction() as connection:
            statements = self._writer_for(connection, plan).explain()
            if self._once is not None:
                statements.insert(0, self._compare_and_set(sa.bindparam("id"), sa.bindparam("before"), sa.bindparam("after")))
            return [str(statement.compile(dialect=connection.dialect)) for statement in statements]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """What was begun in here and not committed is rolled back; errors of the driver become what the core understands."""
        if self._connection is None:
            raise TargetUnavailable("not connected")
        connection = self._connection
        try:
            yield connection
        except exc.DBAPIError as error:
            if judge(connection.dialect.name, error) is Fault.LOST:
                raise TargetUnavailable(message(error.orig or error)) from None
            raise _shown(error) from None
        except Refused as refused:
            raise WritebehindError(f"refused as a whole: {refused}") from None
        finally:
            with suppress(exc.SQLAlchemyError):
                connection.rollback()


def _attempt(connection: Connection, run: Callable[[], None]) -> None:
    try:
        run()
    except exc.DBAPIError as error:
        raise _refused_or(connection, error) from None
    except _DATA_ERRORS as error:
        raise Refused(message(error), False) from None


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except exc.DBAPIError as error:
        if is_certainly_undone(error):
            raise _refused_or(connection, error) from None  # a constraint may be deferred until here
        raise CommitInDoubt(f"the answer to COMMIT never came: {message(error.orig or error)}") from None


def _refused_or(connection: Connection, error: exc.DBAPIError) -> Exception:
    fault = judge(connection.dialect.name, error)
    if fault in (Fault.DATA, Fault.CONSTRAINT):
        said = error.orig or error
        return Refused(message(said), fault is Fault.CONSTRAINT, cause(said))
    return error


def _shown(error: exc.DBAPIError) -> Exception:
    """The driver's own: SQLAlchemy's text has the whole statement behind it."""
    return error.orig if isinstance(error.orig, Exception) else error
