"""Cassandra (and what speaks its protocol: ScyllaDB, DataStax): tables of a keyspace. The driver is imported at the first connect."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, ClassVar

from writebehind.connectors.connection import BaseSqlConnection, Path, Setting, ask, given_options
from writebehind.connectors.connector import BaseSqlConnector
from writebehind.connectors.tls import check_context, client_context
from writebehind.errors import ConfigError
from writebehind.sinks import sink_options

CONSISTENCIES = ("ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE")


class CqlConnection(BaseSqlConnection):
    """A Cassandra cluster. In plain text, unless an option of TLS is given.

    Args:
        user, password: who logs in; "" for a cluster that asks nobody.
        db: hosts to begin with, with spaces between them; the driver finds the others.
        keyspace: of the tables; "" where each table's name has it (``keyspace.table``).
        port: of every node. Default 9042.
        consistency: how many replicas must have a row before it counts as written. Default LOCAL_QUORUM.
        local_dc: the datacenter to write to; None (default): that of the hosts.
        ssl_required, ssl_ca, ssl_cert, ssl_key, ssl_verify: as for MySqlConnection.
    """

    kind: ClassVar[str] = "cassandra"

    def __init__(
        self,
        user: Setting,
        password: Setting,
        db: Setting,
        keyspace: Setting,
        *,
        port: int | str | Callable[[], int | str] = 9042,
        consistency: str = "LOCAL_QUORUM",
        local_dc: str | None = None,
        ssl_required: bool | None = None,
        ssl_ca: Path | None = None,
        ssl_cert: Path | None = None,
        ssl_key: Path | None = None,
        ssl_verify: bool | None = None,
    ) -> None:
        super().__init__(user, password, db)
        self._keyspace, self._port = keyspace, port
        if consistency not in CONSISTENCIES:
            raise ConfigError(f"consistency is {consistency!r}, not one of {', '.join(CONSISTENCIES)}")
        self.consistency, self.local_dc = consistency, local_dc
        self._tls = given_options(ssl_required=ssl_required, ssl_ca=ssl_ca, ssl_cert=ssl_cert, ssl_key=ssl_key, ssl_verify=ssl_verify)
        check_context(self._tls)

    @property
    def password(self) -> str:
        return self.passwd

    @property
    def keyspace(self) -> str:
        return str(ask(self._keyspace))

    @property
    def port(self) -> int:
        port = str(ask(self._port))
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(f"port of CqlConnection is {port!r}, not a port's number")
        return int(port)

    def hosts(self) -> list[str]:
        """Where to begin.

        Raises:
            ConfigError: `db` names none.
        """
        hosts = self.db.split()
        if not hosts:
            raise ConfigError("db of CqlConnection names no host", "for example 'cassandra1 cassandra2'")
        return hosts

    def ssl_context(self) -> ssl.SSLContext | None:
        """Made of the files as they are now; None: plain text."""
        return client_context(self._tls)

    def sink_options(self) -> dict[str, Any]:
        raise ConfigError("CqlConnection is no connection of a native sink")


class CqlConnector(BaseSqlConnector):
    """A table of Cassandra.

    Every write carries the time of its change (the ID of its stream entry: milliseconds and number, as microseconds), so that whatever is
    written again or late changes nothing: the later change wins, as between all clients of Cassandra. It follows that

    - a row that another client wrote since, by its own clock, keeps that client's values; one that it wrote before gets ours;
    - Redis's clock is what counts: keep it in step with that of Cassandra's other clients. Where it falls behind over a flush or a
      failover, the changes after that get a lead over those before, which the table ``writebehind_times`` of the keyspace keeps; it is
      made where it is not there.

    Each row is a statement of its own, many at a time. A field that the hash lacks is NULL.

    Args:
        connection: a CqlConnection.
        tableName: ``table`` or ``keyspace.table``; where there is no table of that very name, it is tried in lower case, as CQL does.
        pk: its primary key's column.
        exactlyOnceTableName: must be None: Cassandra has no transaction over rows. What is written twice is the same row.
    """

    serves = "cassandra"
    has_one_key = True
    connection: CqlConnection

    def __init__(self, connection: CqlConnection, tableName: str, pk: str, exactlyOnceTableName: str | None = None) -> None:
        super().__init__(connection, tableName, pk, exactlyOnceTableName)
        if exactlyOnceTableName is not None:
            raise ConfigError(
                "exactly once is not possible with Cassandra, which has no transaction over rows",
                "leave out exactlyOnceTableName: each write carries the time of its change, so that a repeated one changes nothing",
            )

    def sink_options(self) -> dict[str, Any]:
        return sink_options(self._make_sink, None)

    def credentials(self) -> None:
        # The sink asks the connection before each connect.
        return None

    def schema_sql(self, keys: list[str], columns: list[str]) -> list[str]:
        """A CREATE TABLE statement, for `writebehind schema`; no database is asked."""
        from writebehind.sinks.cassandra_cql import TimesTable, create_table

        (pk,) = keys
        keyspace = self.schema or self.connection.keyspace
        return [create_table(keyspace, self.table, pk, columns), *([TimesTable(keyspace).create()] if keyspace else [])]

    def _make_sink(self) -> Any:
        from writebehind.sinks.cassandra import CassandraSink

        return CassandraSink(self.connection)
