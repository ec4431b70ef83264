"""Where a database is and who logs in.

User, password and database may each be a callable that returns it (a secret store, a rotating token): it is asked anew before each
connect. No text that a connection makes of itself holds the password. Options of TLS are keywords, or stand behind `db` as in a URL
(``host:port/name?sslmode=verify-full``); their files are read anew at each connect.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from writebehind.connectors.tls import MYSQL, POSTGRES, mysql_driver, postgres_driver
from writebehind.errors import ConfigError, NotBuiltError, TargetUnavailable, WritebehindError

Setting = str | Callable[[], str]
"""A text, or a callable that returns it."""

Path = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """`host[:port]/name[?option=value]`, taken apart; port 0 is the database's own default."""

    host: str
    port: int
    database: str
    options: Mapping[str, str] = field(default_factory=dict)


def parse_database(text: str, known: tuple[str, ...] = ()) -> DatabaseAddress:
    """Reads the `db` of a connection.

    Args:
        text: ``host[:port]/name``; an IPv6 address stands in brackets. Options may follow behind a `?`.
        known: names of options.

    Raises:
        ConfigError: it is nothing of the kind.
        NotBuiltError: an option is not `known`.
    """
    place, _, query = text.partition("?")
    address, slash, database = place.partition("/")
    if "@" in address:
        raise ConfigError("db holds an '@' before its '/'", "user and password are arguments of their own; db is host:port/database")
    # A character set is the one option that recipes carry and that changes nothing: the driver speaks UTF-8 anyway.
    options = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name != "charset"}
    for name in options:
        if name not in known:
            shown = f"'{name}'" if f"{name}=" in query and name.isidentifier() else "behind the '?'"  # perhaps the rest of a password
            raise NotBuiltError(f"the database option {shown} is not served by this version; leave it out of db")
    host, colon, port = address.rpartition(":") if not address.endswith("]") else (address, "", "")
    if not colon:
        host, port = address, "0"
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not slash or not host or not database or not port.isdecimal() or int(port) > 65535:
        # Its text is not shown: who mixes up the arguments has put the password there.
        raise ConfigError("db is not host:port/database", "for example 'localhost:5432/test'")
    return DatabaseAddress(host, int(port), database, options)


class BaseSqlConnection:
    """A database server, a login and a database's name.

    Args:
        user: who logs in.
        passwd: the password.
        db: ``host[:port]/name``.
    """

    kind: ClassVar[str] = ""
    """The name of the native sink that serves it."""

    tls_options: ClassVar[tuple[str, ...]] = ()
    """The names that may stand behind `db`."""

    def __init__(self, user: Setting, passwd: Setting, db: Setting) -> None:
        self._user = user
        self._passwd = passwd
        self._db = db
        self._tls: dict[str, str] = {}

    @property
    def user(self) -> str:
        return str(ask(self._user))

    @property
    def passwd(self) -> str:
        return str(ask(self._passwd))

    @property
    def db(self) -> str:
        return str(ask(self._db))

    @property
    def is_dynamic(self) -> bool:
        """True where an argument is a callable, so that a connect must ask again."""
        return any(callable(setting) for setting in (self._user, self._passwd, self._db))

    def sink_options(self) -> dict[str, Any]:
        """What the core needs to connect: kind, host, port, user, password, database, and where there are any, options of the driver.

        Raises:
            ConfigError: `db` or an option of TLS can't be read.
        """
        address = parse_database(self.db, self.tls_options)
        driver = self._driver({**address.options, **self._tls})
        return {
            "kind": self.kind,
            "host": address.host,
            "port": address.port,
            "user": self.user,
            "password": self.passwd,
            "database": address.database,
            **({"driver": driver} if driver else {}),
        }

    def _driver(self, tls: Mapping[str, str]) -> dict[str, str]:
        return dict(tls)

    def __repr__(self) -> str:
        db = "<callable>" if callable(self._db) else without_login(self._db)
        return f"{type(self).__name__}({db!r})"


class MySqlConnection(BaseSqlConnection):
    """MySQL or MariaDB; the port's default is 3306. In plain text, unless an option of TLS is given.

    Args:
        user: who logs in.
        passwd: the password.
        db: ``host[:port]/name``.
        ssl_required: TLS, or no connection; by itself it keeps out listeners, not impostors. Default: True with any of the others.
        ssl_ca: file of the CAs to trust (PEM).
        ssl_cert: our own certificate (PEM).
        ssl_key: its key, without a passphrase.
        ssl_verify: the certificate must be for the host of `db`, from a CA of ssl_ca or else of the system's store. Default: True with
            ssl_ca; False with ssl_ca checks the CA alone.
    """

    kind = "mysql"
    tls_options = MYSQL

    def __init__(
        self,
        user: Setting,
        passwd: Setting,
        db: Setting,
        *,
        ssl_required: bool | None = None,
        ssl_ca: Path | None = None,
        ssl_cert: Path | None = None,
        ssl_key: Path | None = None,
        ssl_verify: bool | None = None,
    ) -> None:
        super().__init__(user, passwd, db)
        self._tls = given_options(ssl_required=ssl_required, ssl_ca=ssl_ca, ssl_cert=ssl_cert, ssl_key=ssl_key, ssl_verify=ssl_verify)
        self._driver(self._tls)

    def _driver(self, tls: Mapping[str, str]) -> dict[str, str]:
        return mysql_driver(tls)


class PostgresConnection(BaseSqlConnection):
    """PostgreSQL; the port's default is 5432. The options are libpq's; files are in PEM.

    Args:
        user: who logs in.
        passwd: the password.
        db: ``host[:port]/name``.
        sslmode: disable, allow, prefer, require, verify-ca or verify-full. Default: verify-full with sslrootcert, require with another
            of the options, else libpq's own: prefer, which takes plain text from a server without TLS.
        sslrootcert: file of the CAs to trust.
        sslcert: our own certificate.
        sslkey: its key, which only its owner may read.
    """

    kind = "postgres"
    tls_options = POSTGRES

    def __init__(
        self,
        user: Setting,
        passwd: Setting,
        db: Setting,
        *,
        sslmode: str | None = None,
        sslrootcert: Path | None = None,
        sslcert: Path | None = None,
        sslkey: Path | None = None,
    ) -> None:
        super().__init__(user, passwd, db)
        self._tls = given_options(sslmode=sslmode, sslrootcert=sslrootcert, sslcert=sslcert, sslkey=sslkey)
        self._driver(self._tls)

    def _driver(self, tls: Mapping[str, str]) -> dict[str, str]:
        return postgres_driver(tls)


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
        return str(ask(self._file))

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


def ask(setting: Any) -> Any:
    """The setting, or what it returns where it is a callable.

    Raises:
        TargetUnavailable: the callable failed. Its message is not shown: it may hold the secret.
    """
    try:
        return setting() if callable(setting) else setting
    except WritebehindError:
        raise
    except Exception as error:  # noqa: BLE001 - a recipe's callable may raise anything
        *_, last = traceback.extract_tb(error.__traceback__)
        place = f"{last.filename}:{last.lineno}"
        raise TargetUnavailable(f"the callable that gives the credentials failed: {type(error).__name__}, raised at {place}") from None


def given_options(**options: str | os.PathLike[str] | bool | None) -> dict[str, str]:
    """Those that are not None, as text."""
    return {name: str(value) for name, value in options.items() if value is not None}


def without_login(db: str) -> str:
    """A text of an address as it may be shown: someone may have put user:password@ in front, as in a URL, or a secret into an option."""
    return db.rpartition("@")[2].partition("?")[0]
