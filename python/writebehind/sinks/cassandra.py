"""The sink of Cassandra: a prepared statement for each row, many under way at a time, each with its change's time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from writebehind.errors import ConfigError, RefusedRow, RowsRefused, TargetUnavailable
from writebehind.sinks.base import Move, Plan, Row, Sink, Table
from writebehind.sinks.cassandra_cql import TIMES, Statements, TimesTable, column, described, qualified
from writebehind.sinks.cassandra_rows import RowWriter, Unfit, cluster_of
from writebehind.sinks.cassandra_times import Stamps, Times, ordered

if TYPE_CHECKING:
    from writebehind.connectors.cassandra import CqlConnection

UNDER_WAY = 128
"""Statements that are sent before the first must have been answered: what bounds both the memory and the load on the cluster."""

_COLUMNS = "SELECT column_name, type, kind FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
_PERIODIC = "SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'"
_WEAK = ("ANY", "ONE", "LOCAL_ONE")
_IN_ONE_PLACE = (*_WEAK, "LOCAL_QUORUM")
"""What asks nothing of other datacenters: nor does the table of the times then."""


class CassandraSink(Sink):
    """Writes rows; each writer has a session of its own.

    Args:
        given: where to connect; asked anew at each `open`.
    """

    def __init__(self, given: CqlConnection) -> None:
        self._given = given
        self._cluster: Any = None
        self._session: Any = None
        self._described: dict[tuple[str, str], tuple[str, dict[str, tuple[str, str]]]] = {}
        self._writer: RowWriter | None = None
        self._stream = "", ""
        self._streams: list[str] = []  # identities of those that were written, in their order
        self._times: Times | None = None
        self._stamps: Stamps | None = None  # None: the lead of the stream is not known yet
        self._answers: SimpleQueue[_Answer] = SimpleQueue()

    @property
    def _place(self) -> str:
        return f"cassandra {self._given.db}"

    def open(self) -> None:
        self.close()
        self.stream(*self._stream)
        make = cluster_of(self._given)
        from writebehind.sinks.cassandra_errors import raised

        try:
            self._cluster = make()
            self._session = self._cluster.connect()
        except Exception as error:  # noqa: BLE001 - of many classes; told apart there
            self.close()
            raise raised(error, self._place) from None

    def close(self) -> None:
        cluster, self._cluster, self._session, self._writer = self._cluster, None, None, None
        if cluster is not None:
            with suppress(Exception):
                cluster.shutdown()

    def cancel(self) -> None:
        # To shut the driver down would not do: what it waits for, it waits for until it times out.
        self._answers.put(None)

    def warnings(self) -> list[str]:
        found = []
        if self._given.consistency in _WEAK:
            found.append(f"consistency is {self._given.consistency}: what one machine loses may be lost, though it counts as written")
        with suppress(Exception):  # Cassandra 3 has no such table, and a user may not see it
            if self._session.execute(_PERIODIC).one()[0] == "periodic":
                found.append("commitlog_sync is periodic: the last writes are lost if all machines that have them fail at once")
        if (keyspace := self._given.keyspace) and (why := self._lacks_times(keyspace)):
            found.append(
                f"changes after a flush or failover of Redis to a clock that is behind may lose against older ones, for want of a table: "
                f"{TimesTable(keyspace).create()} ({why})"
            )
        return found

    def _lacks_times(self, keyspace: str) -> str:
        """Makes the table of the times where it is not there; why that can't be, or ""."""
        from cassandra import InvalidRequest, Unauthorized

        from writebehind.sinks.cassandra_errors import message, raised

        if list(self._execute(_COLUMNS, (keyspace, TIMES))):
            return ""
        try:
            self._session.execute(TimesTable(keyspace).create())
        except (InvalidRequest, Unauthorized) as error:
            return message(error)
        except Exception as error:  # noqa: BLE001 - of many classes; told apart there
            raise raised(error, self._place) from None
        return ""

    def stream(self, origin: str, identity: str) -> None:
        if origin != self._stream[0]:
            self._streams = []
        if identity not in self._streams:
            self._streams.append(identity)
        self._stream, self._times, self._stamps = (origin, identity), None, None

    def _stamps_for(self, plan: Plan, first: str) -> Stamps:
        """Those of the stream, of which this writer's first change is `first`."""
        if self._stamps is None:
            keyspace = plan.schema or self._given.keyspace
            lead = 0
            if self._stream[0] and not self._lacks_times(keyspace):
                before = self._streams[: self._streams.index(self._stream[1])]
                self._times = Times(self._execute_times, TimesTable(keyspace), *self._stream, before)
                lead = self._times.lead(first)
            self._stamps = Stamps(lead)
        return self._stamps

    def describe(self, schema: str, table: str) -> Table:
        name, found = self._columns(schema, table)
        if any(cql_type == "counter" for _, cql_type, _ in found):
            raise ConfigError(f"table '{table}' has counters, which can be added to but not set")
        self._described[schema, table] = name, {column: (cql_type, kind) for column, cql_type, kind in found}
        self._writer = None
        keys = [column for column, _, kind in found if kind in ("partition_key", "clustering")]
        return {
            "columns": [
                {**described(cql_type), "name": name, "type": cql_type, "nullable": name not in keys, "primary_key": name in keys}
                for name, cql_type, _ in found
            ],
            "unique_keys": [keys],
            "transactional": False,
        }

    def _columns(self, schema: str, table: str) -> tuple[str, list[tuple[str, str, str]]]:
        """The table's name as it may stand in a statement; name, type and kind of its columns."""
        keyspace = schema or self._given.keyspace
        if not keyspace:
            raise ConfigError(f"no keyspace is named for table '{table}'", "name it in CqlConnection, or as keyspace.table")
        for name in dict.fromkeys((table, table.lower())):  # CQL folds names that are not quoted
            found = [tuple(row) for row in self._execute(_COLUMNS, (keyspace, name))]
            if found:
                return qualified(keyspace, name), found
        raise ConfigError(f"no table '{keyspace}.{table}' in the cluster", "writebehind schema prints a CREATE TABLE to start from")

    def write(self, plan: Plan, rows: Sequence[Row], move: Move | None) -> None:
        del move
        from writebehind.sinks.cassandra_errors import cause, raised, refusal

        writer = self._writer_for(plan)
        ids = [id for *_, id in rows if id is not None]
        if not ids:
            return
        stamps = self._stamps_for(plan, min(ids, key=ordered))
        sent: list[tuple[int, Any]] = []
        refused: dict[int, RefusedRow] = {}
        for index, row in enumerate(rows):
            try:
                sent += [(index, statement) for statement in writer.statements(row, stamps)]
            except Unfit as unfit:
                refused[index] = RefusedRow(index, unfit.reason, unfit.column.name, unfit.column.type, unfit.value)
        if refused:
            raise RowsRefused(refused.values())
        if self._times is not None:
            self._times.reach(max(map(stamps.of, ids)))
        # What is written of a batch that fails is written again, with the same times: that changes nothing.
        for index, error in self._all_of(sent):
            reason = refusal(error)
            if reason is None:
                raise raised(error, self._place) from None
            refused[index] = RefusedRow(index, reason, cause=cause(reason))
        if refused:
            raise RowsRefused(refused[index] for index in sorted(refused))
        stamps.written(ids)

    def _all_of(self, statements: Sequence[tuple[int, Any]]) -> Iterator[tuple[int, Exception]]:
        """Runs them; yields the errors as they come. Who stops asking leaves what is under way to itself."""
        answers: SimpleQueue[_Answer] = SimpleQueue()
        self._answers = answers
        under_way = 0
        for index, statement in statements:
            if under_way == UNDER_WAY:
                yield from _next_of(answers)
                under_way -= 1
            future = self._session.execute_async(statement)
            future.add_callbacks(_succeeded, _failed, callback_args=(answers, index), errback_args=(answers, index))
            under_way += 1
        for _ in range(under_way):
            yield from _next_of(answers)

    def _writer_for(self, plan: Plan) -> RowWriter:
        if self._session is None:
            raise TargetUnavailable(f"{self._place}: not connected")
        if self._writer is None or self._writer.plan_id != plan.id:
            where = plan.schema, plan.table
            if where not in self._described:
                self.describe(*where)
            self._writer = RowWriter(plan.id, self._statements(plan), self._prepare)
        return self._writer

    def _statements(self, plan: Plan) -> Statements:
        table, found = self._described[plan.schema, plan.table]
        for name, _, _ in plan.columns:
            cql_type, kind = found[name]
            if cql_type.startswith("list<"):
                hint = f"make it frozen<{cql_type}>, or a set"
                raise ConfigError(f"column '{name}' of {table} is a list: what is written twice would be in it twice", hint)
            if kind == "static":
                raise ConfigError(f"column '{name}' of {table} is static: all rows of a partition share it")
        columns = [[column(name, found[name][0]) for name, _, _ in some] for some in (plan.keys, plan.columns)]
        return Statements(table, *columns)

    def _prepare(self, statement: str) -> Any:
        from writebehind.sinks.cassandra_errors import raised

        try:
            prepared = self._session.prepare(statement)
        except Exception as error:  # noqa: BLE001 - of many classes; told apart there
            raise raised(error, self._place) from None
        prepared.is_idempotent = True
        return prepared

    def _execute(self, statement: Any, values: tuple[Any, ...]) -> Any:
        from writebehind.sinks.cassandra_errors import raised

        if self._session is None:
            raise TargetUnavailable(f"{self._place}: not connected")
        try:
            return self._session.execute(statement, values)
        except Exception as error:  # noqa: BLE001 - of many classes; told apart there
            raise raised(error, self._place) from None

    def _execute_times(self, statement: str, values: tuple[Any, ...]) -> Any:
        """So that each sees what the one before wrote, also where that took effect only after it seemed to have failed."""
        from cassandra import ConsistencyLevel
        from cassandra.query import SimpleStatement

        is_local = self._given.consistency in _IN_ONE_PLACE
        serial = ConsistencyLevel.LOCAL_SERIAL if is_local else ConsistencyLevel.SERIAL
        level = ConsistencyLevel.LOCAL_QUORUM if is_local else ConsistencyLevel.QUORUM
        if statement.startswith("SELECT"):
            level = serial
        return self._execute(SimpleStatement(statement, consistency_level=level, serial_consistency_level=serial), values)

    def explain(self, plan: Plan) -> list[str]:
        if (plan.schema, plan.table) not in self._described:
            self.describe(plan.schema, plan.table)
        statements = self._statements(plan)
        return [statements.insert(), statements.delete()]


_Answer = tuple[int, Exception | None] | None
"""A row's place and its error; None: the call is cancelled."""


def _next_of(answers: SimpleQueue[_Answer]) -> Iterator[tuple[int, Exception]]:
    answer = answers.get()
    if answer is None:
        raise TargetUnavailable("cancelled")
    index, error = answer
    if error is not None:
        yield index, error


def _succeeded(result: Any, answers: SimpleQueue[_Answer], index: int) -> None:
    del result
    answers.put((index, None))


def _failed(error: Exception, answers: SimpleQueue[_Answer], index: int) -> None:
    answers.put((index, error))
