"""Where a database is and who logs in.

Each argument may be a callable that returns it (a secret store, a rotating token): it is asked anew before each connect. No text that
a connection makes of itself holds the password.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from writebehind.errors import ConfigError, NotBuiltError

Setting = str | Callable[[], str]
"""A text, or a callable that returns it."""


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """`host[:port]/name`, taken apart; port 0 is the database's own default."""

    host: str
    port: int
    database: str


def parse_database(text: str) -> DatabaseAddress:
    """Reads the `db` of a connection.

    Args:
        text: ``host[:port]/name``; an IPv6 address stands in brackets.

    Raises:
        ConfigError: it is nothing of the kind.
        NotBuiltError: options follow behind a `?` (TLS).
    """
    place, _, query = text.partition("?")
    # A character set is the one option that recipes carry and that changes nothing: the driver speaks UTF-8 anyway.
    options = [name for name, _ in parse_qsl(query, keep_blank_values=True) if name != "charset"]
    if options:
        raise NotBuiltError(f"the database option '{options[0]}' is not served by this version; leave it out of db")
    address, slash, database = place.partition("/")
    host, colon, port = address.rpartition(":") if not address.endswith("]") else (address, "", "")
    if not colon:
        host, port = address, "0"
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not slash or not host or not database or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"db is '{_shown(text)}', not host:port/database", "for example 'localhost:5432/test'")
    return DatabaseAddress(host, int(port), database)


class BaseSqlConnection:
    """A database server, a login and a database's name.

    Args:
        user: who logs in.
        passwd: the password.
        db: ``host[:port]/name``.
    """

    kind: ClassVar[str] = ""
    """The name of the native sink that serves it."""

    def __init__(self, user: Setting, passwd: Setting, db: Setting) -> None:
        self._user = user
        self._passwd = passwd
        self._db = db

    @property
    def user(self) -> str:
        return _value(self._user)

    @property
    def passwd(self) -> str:
        return _value(self._passwd)

    @property
    def db(self) -> str:
        return _value(self._db)

    @property
    def is_dynamic(self) -> bool:
        """True where an argument is a callable, so that a connect must ask again."""
        return any(callable(setting) for setting in (self._user, self._passwd, self._db))

    def sink_options(self) -> dict[str, Any]:
        """What the core needs to connect: kind, host, port, user, password, database.

        Raises:
            ConfigError: `db` can't be read.
        """
        address = parse_database(self.db)
        return {
            "kind": self.kind,
            "host": address.host,
            "port": address.port,
            "user": self.user,
            "password": self.passwd,
            "database": address.database,
        }

    def __repr__(self) -> str:
        db = "<callable>" if callable(self._db) else _shown(self._db)
        return f"{type(self).__name__}({db!r})"


class MySqlConnection(BaseSqlConnection):
    """MySQL or MariaDB; the port's default is 3306."""

    kind = "mysql"


class PostgresConnection(BaseSqlConnection):
    """PostgreSQL; the port's default is 5432."""

    kind = "postgres"


class SQLiteConnection(BaseSqlConnection):
    """A SQLite file, which must be there.

    Args:
        filePath: of the file; a relative path begins at the working directory.
    """

    kind = "sqlite"

    def __init__(self, filePath: Setting | os.PathLike[str]) -> None:
        super().__init__("", "", "")
        self._file = os.fspath(filePath) if isinstance(filePath, os.PathLike) else filePath

    @property
    def filePath(self) -> str:
        return _value(self._file)

    @property
    def is_dynamic(self) -> bool:
        return callable(self._file)

    def sink_options(self) -> dict[str, Any]:
        path = self.filePath
        if not path or path == ":memory:":
            raise ConfigError(f"filePath is '{path}', not a file", "each connection would have a database of its own")
        return {
            "kind": self.kind,
            "host": "",
            "port": 0,
            "user": "",
            "password": "",
            "database": os.path.abspath(path),
        }

    def __repr__(self) -> str:
        return f"SQLiteConnection({'<callable>' if callable(self._file) else self._file!r})"


def _value(setting: Setting) -> str:
    value = setting() if callable(setting) else setting
    return value if isinstance(value, str) else str(value)


def _shown(db: str) -> str:
    # Someone may have put user:password@ in front, as in a URL.
    return db.rpartition("@")[2]
