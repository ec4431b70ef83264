"""The sink of MongoDB: a bulk write for each batch, in a transaction with the position where that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from writebehind.errors import CheckpointMoved, CommitInDoubt, ConfigError, RefusedRow, RowsRefused, TargetUnavailable, WritebehindError
from writebehind.sinks.base import Move, Plan, Row, Sink
from writebehind.sinks.mongo_rows import create_index, operation, refusal, said, shown, too_large

if TYPE_CHECKING:
    from writebehind.connectors.mongo import MongoConnection

_TIMEOUTS = {"serverSelectionTimeoutMS": 5000, "connectTimeoutMS": 5000, "socketTimeoutMS": 60_000}

_LOGIN = (13, 18, 8000)  # Unauthorized, AuthenticationFailed, and Atlas's own
_NO_TRANSACTIONS = (20, 59, 263, 9)  # IllegalOperation (no replica set), CommandNotFound, OperationNotSupportedInTransaction, FailedToParse


class MongoSink(Sink):
    """Writes documents; each writer has a client of its own.

    Args:
        given: where to connect; asked anew at each `open`.
        database, collection: where the documents are.
        pk: the member with the primary key, for the warning of a missing index.
        exactly_once: the collection of the positions, ``{_id, val}``; None: at least once.
    """

    def __init__(self, given: MongoConnection, database: str, collection: str, pk: str, exactly_once: str | None) -> None:
        self._given = given
        self._names = database, collection
        self._pk = pk
        self._once_name = exactly_once
        self._client: Any = None
        self._documents: Any = None
        self._once: Any = None

    def open(self) -> None:
        self.close()
        make, concern = _driver()
        options = self._given.client_options()
        try:
            self._client = make(**options)
            self._client.admin.command("ping")
        except Exception as error:  # noqa: BLE001 - of many classes; told apart there
            self.close()
            raise _at_connect(error, str(options["host"]), str(options.get("password", ""))) from None
        database = self._client.get_database(self._names[0], write_concern=concern)
        self._documents = database[self._names[1]]
        if self._once_name is not None:
            self._once = database[self._once_name]
            if not self._is_replicated():
                raise self._no_transactions("it is a single server, and no replica set")

    def close(self) -> None:
        client, self._client, self._documents, self._once = self._client, None, None, None
        if client is not None:
            with suppress(Exception):
                client.close()

    def warnings(self) -> list[str]:
        if self._pk == "_id":
            return []
        with self._told():
            found = self._documents.index_information().values()
        if any(index.get("unique") and [name for name, _ in index["key"]] == [self._pk] for index in found):
            return []
        name, statement = self._names[1], create_index(self._names[1], self._pk)
        return [
            f"'{self._pk}' of collection '{name}' has no unique index: writes read all of it, and may make a document twice: {statement}"
        ]

    # The collection of the positions.

    def load_checkpoint(self, id: str) -> str:
        if self._once is None:
            return "0-0"
        from pymongo.errors import OperationFailure

        # In a transaction, which shows at the start whether there are any.
        try:
            with self._told(but=OperationFailure), self._transaction() as session:
                stored = self._once.find_one({"_id": id}, session=session)
                if stored is None:
                    self._once.insert_one({"_id": id, "val": "0-0"}, session=session)
        except OperationFailure as error:
            if error.code in _NO_TRANSACTIONS:
                raise self._no_transactions(said(error.details.get("errmsg", error) if error.details else error)) from None
            raise _shown(error) from None
        return "0-0" if stored is None else str(stored.get("val", "0-0"))

    def forget_checkpoint(self, id: str) -> None:
        if self._once is not None:
            with self._told():
                self._once.delete_one({"_id": id})

    def _is_replicated(self) -> bool:
        servers = self._client.topology_description.server_descriptions().values()
        return any(server.server_type_name != "Standalone" for server in servers)

    def _no_transactions(self, why: str) -> ConfigError:
        return ConfigError(
            f"exactly once needs transactions, which the MongoDB server has not: {why}",
            "rs.initiate() makes a replica set of it (started with --replSet); or leave out exactlyOnceTableName",
        )

    def _move(self, move: Move, session: Any) -> bool:
        """The compare-and-set, first in the transaction; False: this very batch is committed already."""
        id, before, after = move
        if self._once.update_one({"_id": id, "val": before}, {"$set": {"val": after}}, session=session).matched_count:
            return True
        stored = (self._once.find_one({"_id": id}, session=session) or {}).get("val")
        if stored == after:
            return False
        if stored is None:
            raise CheckpointMoved(f"checkpoint '{id}' is gone from collection '{self._once_name}'")
        raise CheckpointMoved(f"checkpoint '{id}' holds {stored}, not {before}: another engine moved it")

    # Writing.

    def write(self, plan: Plan, rows: Sequence[Row], move: Move | None) -> None:
        if self._documents is None:
            raise TargetUnavailable("not connected")
        refused = [RefusedRow(index, found.reason, found.column) for index, row in enumerate(rows) if (found := too_large(plan, row))]
        if refused:
            raise RowsRefused(refused)
        # Deletes first: a value of a UNIQUE index that one sets free may be wanted by an upsert. The driver would send them last.
        order = sorted(range(len(rows)), key=lambda index: not rows[index][0])
        deletes = sum(is_delete for is_delete, *_ in rows)
        operations = [operation(plan, rows[index]) for index in order]
        with self._told():
            if move is not None:
                refused = self._commit(plan, operations, move)
            else:
                # What is written of a batch that is refused is written again, and changes nothing.
                refused = self._run(plan, operations[:deletes]) or _moved(self._run(plan, operations[deletes:]), deletes)
        if refused:
            placed = sorted((order[row.row], row) for row in refused)
            raise RowsRefused([_at(row, index) for index, row in placed])

    def _run(self, plan: Plan, operations: Sequence[Any], session: Any = None) -> list[RefusedRow]:
        """Applies all that can be; in a transaction, which the first error ends, what stands before that."""
        from pymongo.errors import BulkWriteError

        if not operations:
            return []
        try:
            self._documents.bulk_write(operations, ordered=session is not None, session=session)
        except BulkWriteError as error:
            failed = error.details.get("writeErrors") or []
            refused = [found for one in failed if (found := refusal(one, plan))]
            other = next((one for one in failed if refusal(one, plan) is None), None) or next(
                iter(error.details.get("writeConcernErrors", ())), None
            )
            if other is not None or not refused:
                raise WritebehindError(said((other or {}).get("errmsg", error))) from None
            return sorted(refused, key=lambda row: row.row)
        return []

    def _commit(self, plan: Plan, operations: Sequence[Any], move: Move) -> list[RefusedRow]:
        refused: list[RefusedRow] = []
        with suppress(_Undone), self._transaction() as session:
            if self._move(move, session):
                refused = self._run(plan, operations, session)
                if refused:
                    raise _Undone
        # The error ended the transaction: the rows behind the refused one are tried in others, for what each says of them alone.
        while refused and (start := refused[-1].row + 1) < len(operations):
            more: list[RefusedRow] = []
            with suppress(_Undone), self._transaction() as session:
                more = self._run(plan, operations[start:], session)
                raise _Undone
            if not more:
                break
            refused += _moved(more, start)
        return refused

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """Committed at its end, unless something is raised."""
        from pymongo.errors import PyMongoError
        from pymongo.read_concern import ReadConcern

        with self._client.start_session() as session:
            session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=self._documents.write_concern)
            try:
                yield session
            except BaseException:
                with suppress(PyMongoError):
                    session.abort_transaction()
                raise
            try:
                session.commit_transaction()
            except PyMongoError as error:
                if error.has_error_label("UnknownTransactionCommitResult"):
                    raise CommitInDoubt(f"the answer to commitTransaction never came: {said(error)}") from None
                raise

    @contextmanager
    def _told(self, but: type[BaseException] | tuple[()] = ()) -> Iterator[None]:
        """Errors of the driver become what the core understands."""
        from pymongo.errors import ConnectionFailure, InvalidOperation, PyMongoError

        try:
            yield
        except (ConnectionFailure, InvalidOperation) as error:  # the latter: the client was closed
            raise TargetUnavailable(said(error)) from None
        except but:
            raise
        except PyMongoError as error:
            raise _shown(error) from None

    def explain(self, plan: Plan) -> list[str]:
        return shown(plan)


class _Undone(Exception):
    """Ends a transaction that shall not be committed."""


def _driver() -> tuple[Any, Any]:
    try:
        from pymongo import MongoClient
        from pymongo.write_concern import WriteConcern
    except ImportError as error:
        raise ConfigError(f"the driver of MongoDB can't be loaded: {error}", "pip install 'writebehind[mongodb]'") from None

    def make(host: str, **options: Any) -> Any:
        # What the connection string says itself goes before.
        ours: dict[str, Any] = {name: value for name, value in _TIMEOUTS.items() if f"{name.lower()}=" not in host.lower()}
        return MongoClient(host, appname="writebehind", **ours, **options)

    # `done` means durable: in the journal of most of the members.
    return make, WriteConcern("majority", j=True)


def _at_connect(error: Exception, place: str, password: str) -> Exception:
    from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError

    text = said(error).replace(password, "***") if password else said(error)
    where = "mongodb " + place.rpartition("@")[2].removeprefix("mongodb://").partition("?")[0]
    if isinstance(error, OperationFailure) and error.code in _LOGIN:
        return ConfigError(f"can't sign in to {where}: {said((error.details or {}).get('errmsg', 'refused'))}")
    if isinstance(error, ConnectionFailure):
        return (ConfigError if "CERTIFICATE_VERIFY_FAILED" in text else TargetUnavailable)(f"can't connect to {where}: {text}")
    if isinstance(error, ConfigurationError | ValueError | TypeError | OSError):
        # A connection string that it can't read may be shown in the text, and the password in it.
        return ConfigError(f"can't connect to {where}: {_without_urls(text)}")
    return TargetUnavailable(f"can't connect to {where}: {text}") if isinstance(error, PyMongoError) else error


def _without_urls(text: str) -> str:
    return " ".join("***" if "@" in word else word for word in text.split())


def _shown(error: Exception) -> WritebehindError:
    details = getattr(error, "details", None) or {}
    return WritebehindError(said(details.get("errmsg", error)))


def _at(row: RefusedRow, index: int) -> RefusedRow:
    return replace(row, row=index)


def _moved(refused: Sequence[RefusedRow], start: int) -> list[RefusedRow]:
    """Rows that were counted from `start` on."""
    return [_at(row, row.row + start) for row in refused]
