"""MongoDB: collections of a database. The driver is imported at the first connect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from writebehind.connectors.connection import Path, Setting, ask, given_options, without_login
from writebehind.errors import ConfigError
from writebehind.sinks import sink_options


class MongoConnection:
    """A MongoDB server, replica set or sharded cluster. Every argument may be a callable.

    Args:
        user, password: who logs in, as they are (nothing is escaped); "" or None for a server that asks nobody.
        db: ``host[:port][,host[:port]…][/name][?option=value]``, as in a connection string.
        authSource: the database that knows the user. Default: admin.
        conn_string: a whole connection string (``mongodb://…``, ``mongodb+srv://…``); the other four are then not looked at.
        tls: True: TLS, or no connection; the certificate must be for the host, from a CA of tlsCAFile or else of the system's store.
            Default: True with any of the others, else as the connection string says.
        tlsCAFile: file of the CAs to trust (PEM).
        tlsCertificateKeyFile: our own certificate and its key, in one file (PEM).
        tlsAllowInvalidHostnames: True: any host that the CA signed for.
    """

    kind: ClassVar[str] = "mongodb"

    def __init__(
        self,
        user: Setting | None,
        password: Setting | None,
        db: Setting | None,
        authSource: Setting | None = "admin",
        conn_string: Setting | None = None,
        *,
        tls: bool | None = None,
        tlsCAFile: Path | None = None,
        tlsCertificateKeyFile: Path | None = None,
        tlsAllowInvalidHostnames: bool | None = None,
    ) -> None:
        self._user, self._password, self._db = user, password, db
        self._auth_source, self._conn_string = authSource, conn_string
        files = given_options(tlsCAFile=tlsCAFile, tlsCertificateKeyFile=tlsCertificateKeyFile)
        self._tls: dict[str, Any] = dict(files)
        if tlsAllowInvalidHostnames is not None:
            self._tls["tlsAllowInvalidHostnames"] = tlsAllowInvalidHostnames
        if tls is False and self._tls:
            raise ConfigError(f"tls is false, but {next(iter(self._tls))} is given")
        if tls is not None or self._tls:
            self._tls["tls"] = tls is not False

    @property
    def user(self) -> str:
        return str(ask(self._user) or "")

    @property
    def passwd(self) -> str:
        return str(ask(self._password) or "")

    @property
    def password(self) -> str:
        return self.passwd

    @property
    def db(self) -> str:
        return str(ask(self._db) or "")

    @property
    def is_dynamic(self) -> bool:
        """True where an argument is a callable, so that a connect must ask again."""
        return any(callable(setting) for setting in (self._user, self._password, self._db, self._auth_source, self._conn_string))

    def client_options(self) -> dict[str, Any]:
        """What `MongoClient` is given: where, who, and TLS.

        Raises:
            ConfigError: there is neither `db` nor `conn_string`.
        """
        whole = ask(self._conn_string)
        if whole:
            return {"host": str(whole), **self._tls}
        if not self.db:
            raise ConfigError("MongoConnection has neither db nor conn_string", "for example 'localhost:27017'")
        options: dict[str, Any] = {"host": self.db if "://" in self.db else f"mongodb://{self.db}", **self._tls}
        if self.user:
            options |= {"username": self.user, "password": self.passwd, "authSource": str(ask(self._auth_source) or "admin")}
        return options

    def __repr__(self) -> str:
        place = self._conn_string or self._db
        return f"{type(self).__name__}({'<callable>' if callable(place) else without_login(str(place))!r})"


class MongoConnector:
    """A collection of MongoDB: a document for each hash, with a member for each mapped field.

    Values are text, and binary where they are no UTF-8; so is the primary key, whatever it looks like. A field that the hash lacks is
    removed from the document; members that no field is mapped to are left alone.

    Args:
        connection: a MongoConnection.
        db: the database's name.
        tableName: the collection's.
        pk: the member that holds the primary key; it should have a unique index, or be `_id`.
        exactlyOnceTableName: of a collection in the same database whose documents ``{_id, val}`` keep the position, moved in one
            transaction with each batch; that needs a replica set (of one server, at least) or a sharded cluster. None (the default): at
            least once.
    """

    kind: ClassVar[str] = "mongodb"
    has_one_key = True

    def __init__(self, connection: MongoConnection, db: str, tableName: str, pk: str, exactlyOnceTableName: str | None = None) -> None:
        if getattr(connection, "kind", None) != self.kind:
            raise ConfigError(f"MongoConnector needs a MongoConnection, not {type(connection).__name__}")
        for what, name, wrong in (
            ("db", db, '/\\. "$\0'),
            ("tableName", tableName, "$\0"),
            ("exactlyOnceTableName", tableName if exactlyOnceTableName is None else exactlyOnceTableName, "$\0"),
        ):
            if not isinstance(name, str) or not name or any(letter in wrong for letter in name) or name.startswith("system."):
                raise ConfigError(f"{what} of MongoConnector is {name!r}, which can't be the name of {_KINDS[what]}")
        if tableName == exactlyOnceTableName:
            raise ConfigError(f"'{tableName}' can't be both the collection and the one that keeps the position")
        self.connection = connection
        self.database = self.schema = db
        self.tableName = self.table = tableName
        self.pk = pk
        self.exactlyOnceTableName = exactlyOnceTableName
        self.check_columns([])

    def check_columns(self, columns: Iterable[str]) -> None:
        """Raises ConfigError for a member's name that MongoDB would misread or refuse; asked when a pipeline is declared."""
        for name in (self.pk, *columns):
            if not isinstance(name, str) or not name:
                raise ConfigError(f"pk of MongoConnector is {name!r}, not a member's name")
            if name.startswith("$") or "." in name or "\0" in name:
                raise ConfigError(
                    f"MongoDB would misread the member's name {name!r} of collection '{self.tableName}'",
                    "a name begins with no '$', and holds no '.', which means a member of a member",
                )
            if name == "_id" and self.pk != "_id":
                raise ConfigError(f"a field is mapped to '_id' of collection '{self.tableName}', which never changes", "make it the pk")

    def TableName(self) -> str:
        """The collection's name."""
        return self.tableName

    def PrimaryKey(self) -> str:
        """The name of the member that holds the primary key."""
        return self.pk

    def sink_options(self) -> dict[str, Any]:
        return sink_options(self._make_sink, self.exactlyOnceTableName)

    def credentials(self) -> Callable[[], dict[str, Any]] | None:
        # The sink asks the connection before each connect.
        return None

    def schema_sql(self, keys: list[str], columns: list[str]) -> list[str]:
        """What makes the collection's index, for `writebehind schema`, in the words of mongosh; no server is asked."""
        del keys, columns
        from writebehind.sinks.mongo_rows import create_index

        return [] if self.pk == "_id" else [create_index(self.tableName, self.pk)]

    def _make_sink(self) -> Any:
        from writebehind.sinks.mongo import MongoSink

        return MongoSink(self.connection, self.database, self.tableName, self.pk, self.exactlyOnceTableName)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.connection!r}, {self.database!r}, {self.tableName!r}, {self.pk!r})"


_KINDS = {"db": "a database", "tableName": "a collection", "exactlyOnceTableName": "a collection"}
