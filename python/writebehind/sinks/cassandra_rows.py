"""Rows of one plan → bound statements of Cassandra's driver, and the driver's cluster, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from writebehind.errors import ConfigError
from writebehind.sinks.base import Cell, Row
from writebehind.sinks.cassandra_cql import CqlColumn, Statements
from writebehind.sinks.cassandra_times import Stamps

if TYPE_CHECKING:
    from writebehind.connectors.cassandra import CqlConnection

CONNECT_S = 5.0
STATEMENT_S = 15.0


class Unfit(Exception):
    """A value that Cassandra could not store."""

    def __init__(self, column: CqlColumn, value: Any, reason: str) -> None:
        self.column, self.value, self.reason = column, str(value)[:200], reason


class RowWriter:
    """Rows of one plan → bound statements."""

    def __init__(self, plan_id: int, statements: Statements, prepare: Any) -> None:
        self.plan_id = plan_id
        self._statements = statements
        self._prepare = prepare
        self._prepared: dict[str, Any] = {}

    def statements(self, row: Row, stamps: Stamps) -> list[Any]:
        """In any order: their timestamps put them in theirs.

        Raises:
            Unfit: a value can't be stored.
        """
        is_delete, replaces, cells, _, id = row
        assert id is not None, "each row has a change"
        stamp = stamps.of(id)
        keys = [_value(key, cell) for key, cell in zip(self._statements.keys, cells, strict=False)]
        made = []
        if is_delete or replaces:
            # Of equal times the delete wins: over what an earlier change wrote it shall, over this one it must not.
            made.append(self._bound(self._statements.delete(), [stamp if is_delete else stamp - 1, *keys]))
        if not is_delete:
            made.append(self._insert(keys, cells[len(keys) :], stamp))
        return made

    def _insert(self, keys: list[Any], cells: Sequence[Cell], stamp: int) -> Any:
        from cassandra.query import UNSET_VALUE

        values, left_out = list(keys), set()
        for place, (target, cell) in enumerate(zip(self._statements.columns, cells, strict=True)):
            if cell is not ...:
                values.append(_value(target, cell))
            elif target.is_json:
                left_out.add(place)  # no function takes an argument that is not set
            else:
                values.append(UNSET_VALUE)
        return self._bound(self._statements.insert(frozenset(left_out)), [*values, stamp])

    def _bound(self, statement: str, values: list[Any]) -> Any:
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = self._prepare(statement)
        return prepared.bind(values)


def _value(target: CqlColumn, cell: Any) -> Any:
    if cell is None:
        return None
    try:
        return target.convert(cell)
    except (ValueError, OverflowError) as error:
        raise Unfit(target, cell, str(error)) from None


def cluster_of(given: CqlConnection) -> Callable[[], Any]:
    """What makes it, and looks its hosts up."""
    try:
        from cassandra import ConsistencyLevel
        from cassandra.auth import PlainTextAuthProvider
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
        from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
    except ImportError as error:
        raise ConfigError(f"the driver of Cassandra can't be loaded: {error}", "pip install 'writebehind[cassandra]'") from None
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(given.local_dc or "")),
        consistency_level=ConsistencyLevel.name_to_value[given.consistency],
        request_timeout=STATEMENT_S,
    )
    user = given.user
    return partial(
        Cluster,
        given.hosts(),
        port=given.port,
        auth_provider=PlainTextAuthProvider(user, given.password) if user else None,
        ssl_context=given.ssl_context(),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=CONNECT_S,
        control_connection_timeout=CONNECT_S,
    )
