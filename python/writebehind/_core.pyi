"""The C++ core. Everything that can block releases the GIL; failures are the classes of `writebehind.errors`."""

from typing import Any

__version__: str

def sink_kinds() -> list[str]:
    """The native sinks of this build: of "mysql", "null", "postgres", "sqlite"."""

def schema_sql(kind: str, definition: str, exactly_once_table: str) -> list[str]:
    """CREATE TABLE statements for a definition (JSON, docs/protocol.md); "" names no exactly-once table."""

def explain(sink: dict[str, Any], definition: str) -> list[str]:
    """The statements that a batch under this definition runs; connects to the database for the types."""

def set_logging(level: str, json: bool) -> None:
    """Level "debug", "info", "warning" or "error"; lines go to stderr."""

class Pipeline:
    """One pipeline's engine: reader, writers and settler, each a thread of its own.

    Args:
        config: a mapping with
            name: of the pipeline
            definition: its JSON, registered again if Redis comes back without it
            redis: {host, port, db, user, password, connect_timeout_ms, unix_socket, tls, sentinels: {addresses, service, user, password}}
            sink: {factory} of a Python sink (writebehind.sinks), or
                {kind, host, port, user, password, database, exactly_once_table, connect_timeout_ms, statement_timeout_ms, driver}
            options: {batch, duration_ms, max_batch_rows, max_batch_bytes, writers, retry_interval_ms, constraint_grace_ms,
                stop_on_reject, once, wait_replicas, wait_aof}
            transform: None, or a callable on each upsert (writebehind.Pipeline)
            credentials: None, or a callable that returns {user, password, ...} to put over `sink` before each connect
    """

    def __init__(self, config: dict[str, Any]) -> None: ...
    def check(self, definition: str) -> list[str]:
        """Opens the target once and compares the definition with its catalog; returns warnings.

        Raises:
            ConfigError: a missing table, a wrong column, a wrong password.
            TargetUnavailable: not reachable now; `start` would go on trying.
        """

    def start(self) -> None: ...
    def stop(self, timeout_ms: int) -> bool:
        """Ends reading, lets batches under way finish; False: a driver call still hangs after the timeout."""

    def wait(self, timeout_ms: int) -> bool:
        """True once the pipeline has ended by itself: drained with `once`, or halted."""

    def status(self) -> dict[str, Any]:
        """state, message, written, coalesced, filtered, rejected, skipped, batches, retries, bytes, settled_id, lag_ms."""

class TableCheck:
    """Compares a table with hashes of Redis; locks and changes nothing.

    Args:
        config: as of Pipeline.
    """

    def __init__(self, config: dict[str, Any]) -> None: ...
    def open(self) -> None:
        """Connects and reads the catalog.

        Raises:
            ConfigError: a missing table, a wrong column, a wrong password; a target whose rows can't be read.
            TargetUnavailable: not reachable now.
        """

    def compare(self, hashes: list[tuple[bytes, list[tuple[bytes, bytes]] | None]]) -> list[tuple[str, str, str, str]]:
        """For each key with the fields of its hash: (kind, column, redis, table).

        The kind is "equal", "differs" (the first column that does, its value by Redis and in the table), "missing" (no row), "refused" (the
        engine would reject it; `redis` says why) or "dropped" (by the transform).
        Of an absent key (None) "equal", or "extra": it has a row.
        """

    def next_page(self, rows: int) -> list[bytes]:
        """The Redis keys of the next rows, in the order of the primary key; empty behind the last."""
