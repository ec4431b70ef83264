"""Reads the URL of a Redis server.

``redis://[[user]:password@]host[:port][/db]``, ``rediss://…`` for TLS, ``unix://[[user]:password@]/path[?db=N]``, or
``redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/service[/db]`` (``rediss+sentinel://`` for TLS to Sentinels and servers).
Parts are percent-decoded, so a password may hold any character. The query of TLS may hold ``ssl_cert_reqs``, ``ssl_ca_certs``,
``ssl_certfile``, ``ssl_keyfile`` and ``ssl_check_hostname``; ``RedisTls`` says what they mean. User and password are those of the servers;
the Sentinels' own are ``sentinel_username`` and ``sentinel_password`` of the query.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from writebehind.errors import ConfigError

if TYPE_CHECKING:
    from redis import Redis

    from writebehind.redis_sentinel import Sentinels
    from writebehind.redis_tls import RedisTls

_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
DEFAULT = "redis://127.0.0.1:6379/0"
ENVIRONMENT = "WRITEBEHIND_REDIS"
_FORM = "redis[s]://[user:password@]host:port/db"
_SENTINEL_FORM = "redis[s]+sentinel://[user:password@]host:port,host:port/service/db"
_SENTINEL = "+sentinel"
_SENTINEL_LOGIN = {"sentinel_username": "user", "sentinel_password": "password"}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is, and as whom to log in; the password is in no text that this makes.

    Args:
        host: name or address. Default "127.0.0.1".
        port: TCP port. Default 6379.
        db: number of the database (SELECT). Default 0.
        user: ACL user; "": the default user.
        password: "": no AUTH.
        unix_socket: path; not "": instead of host and port.
        tls: how to speak TLS; None (default): in plain text.
        sentinels: who says where the master is, instead of host and port; None (default): nobody.
    """

    host: str = "127.0.0.1"
    port: int = 6379
    db: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    unix_socket: str = ""
    tls: RedisTls | None = None
    sentinels: Sentinels | None = None

    def __str__(self) -> str:
        if self.unix_socket:
            return f"unix://{self.unix_socket}?db={self.db}"
        if self.sentinels is not None:
            return f"redis{'' if self.tls is None else 's'}{_SENTINEL}://{self.sentinels}/{self.sentinels.service}/{self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'redis' if self.tls is None else 'rediss'}://{host}:{self.port}/{self.db}"

    def core(self) -> dict[str, Any]:
        """The mapping that `_core.Pipeline` takes as `redis`."""
        return {
            "host": self.host,
            "port": self.port,
            "db": self.db,
            "user": self.user,
            "password": self.password,
            "connect_timeout_ms": 5000,
            "unix_socket": self.unix_socket,
            "tls": self.tls and self.tls.core(),
            "sentinels": self.sentinels and self.sentinels.core(),
        }

    def sink(self) -> dict[str, Any]:
        """This server as a target: what `_core.Pipeline` takes as `sink`, without its kind."""
        where = {"host": self.unix_socket or self.host, "port": self.port, "sentinels": self.sentinels and self.sentinels.core()}
        return {**where, "user": self.user, "password": self.password, "database": str(self.db), "tls": self.tls and self.tls.core()}

    def client(self, *, timeout_s: float = 5.0, decode: bool = True) -> Redis:
        """A redis-py client; connects at its first command.

        Args:
            timeout_s: of the connect and of each reply, in seconds; default 5.
            decode: replies as str (bytes that are no UTF-8 as surrogates); False: as bytes.
        """
        from redis import ConnectionPool, Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        settings: dict[str, Any] = {
            "db": self.db,
            "username": self.user or None,
            "password": self.password or None,
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "decode_responses": decode,
            "encoding_errors": "surrogateescape",
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        if self.unix_socket:
            return Redis(unix_socket_path=self.unix_socket, **settings)
        if self.sentinels is not None:
            from writebehind.redis_sentinel import MasterConnection

            return Redis.from_pool(
                ConnectionPool(connection_class=MasterConnection, sentinels=self.sentinels, tls=self.tls, **settings),
            )
        if self.tls is None:
            return Redis(host=self.host, port=self.port, **settings)
        from writebehind.redis_tls import TlsConnection

        return Redis.from_pool(ConnectionPool(connection_class=TlsConnection, host=self.host, port=self.port, tls=self.tls, **settings))


def parse_redis_url(url: str) -> RedisAddress:
    """Reads a Redis URL.

    Args:
        url: as in the head of this module.

    Raises:
        ConfigError: it is not one; the message never holds the password.
    """
    scheme, _, rest = url.partition("://")
    scheme = "redis+sentinel" if scheme == "redis-sentinel" else scheme
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _sentinel_address(scheme.removesuffix(_SENTINEL), rest)
    return _server_address(url)


def _sentinel_address(scheme: str, rest: str) -> RedisAddress:
    """All but the Sentinels and the service is read as that of a single server."""
    from writebehind.redis_sentinel import Sentinels, read_addresses

    end = min((at for at in (rest.find(mark) for mark in "/?#") if at >= 0), default=len(rest))
    login, at, hosts = rest[:end].rpartition("@")
    tail, _, query = rest[end:].partition("?")
    if "@" in tail or "#" in rest[end:]:
        raise ConfigError("the Redis URL holds a '/' or '#' before its '@'", "in a password, write them as %2F and %23")
    service, _, db = tail.strip("/").partition("/")
    own = {_SENTINEL_LOGIN[name]: values[-1] for name, values in parse_qs(query).items() if name in _SENTINEL_LOGIN}
    others = "&".join(option for option in query.split("&") if option and option.partition("=")[0] not in _SENTINEL_LOGIN)
    address = _server_address(f"{scheme}://{login}{at}sentinel/{db}" + (f"?{others}" if others else ""))
    if not service:
        raise ConfigError("the Redis URL names no service", _SENTINEL_FORM)
    return replace(address, host="", sentinels=Sentinels(read_addresses(hosts), unquote(service), **own))


def _server_address(url: str) -> RedisAddress:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError("the Redis URL can't be read", _FORM) from None
    # What stands behind them may be the rest of a password: it is never shown.
    if parts.fragment:
        raise ConfigError("the Redis URL holds a '#'", "in a password, write it as %23")
    if "@" in parts.query or (parts.scheme != "unix" and "@" in parts.path):
        raise ConfigError("the Redis URL holds a '/' or '?' before its '@'", "in a password, write them as %2F and %3F")
    if parts.scheme == "unix":
        return replace(_login(parts), unix_socket=unquote(parts.path), db=_query_db(_query(parts)))
    if parts.scheme not in ("redis", "rediss"):
        raise ConfigError(f"'{parts.scheme or _no_password(url)}' is no Redis URL scheme", _FORM)
    try:
        port = parts.port or 6379
    except ValueError:
        raise ConfigError("the port of the Redis URL is not a number between 1 and 65535") from None
    path = parts.path.strip("/")
    if path and not path.isdecimal():
        raise ConfigError("the database of the Redis URL is not a number", _FORM)
    query = _query(parts)
    db = int(path) if path else _query_db(query)
    tls = _tls(query) if parts.scheme == "rediss" else None
    return replace(_login(parts), host=unquote(parts.hostname or "127.0.0.1"), port=port, db=db, tls=tls)


def address_of(url: str | RedisAddress | None) -> RedisAddress:
    """The address of `url`; None: of the environment's WRITEBEHIND_REDIS, or else redis://127.0.0.1:6379/0."""
    if isinstance(url, RedisAddress):
        return url
    return parse_redis_url(url or os.environ.get(ENVIRONMENT) or DEFAULT)


def _login(parts: SplitResult) -> RedisAddress:
    return RedisAddress(user=unquote(parts.username or ""), password=unquote(parts.password or ""))


def _query(parts: SplitResult) -> dict[str, str]:
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    known = {"db"}
    if parts.scheme == "rediss":
        from writebehind.redis_tls import RedisTls

        known |= {option.name for option in fields(RedisTls)}
    for name in sorted(set(query) - known):
        if name.startswith("ssl_") and parts.scheme == "redis":
            raise ConfigError(f"the Redis URL has the option '{name}', but is not rediss://")
        shown = f" '{name}'" if f"{name}=" in parts.query else ""  # else it may be the rest of a password
        raise ConfigError(f"the Redis URL has an unknown option{shown}", f"it may have {', '.join(sorted(known))}")
    return query


def _tls(query: dict[str, str]) -> RedisTls:
    from writebehind.redis_tls import RedisTls

    given: dict[str, Any] = {name: value for name, value in query.items() if name != "db"}
    check = given.get("ssl_check_hostname", "true").lower()
    if check not in _BOOLEANS:
        raise ConfigError(f"ssl_check_hostname is '{check}', not true or false")
    return RedisTls(**{**given, "ssl_check_hostname": _BOOLEANS[check]})


def _query_db(query: dict[str, str]) -> int:
    text = query.get("db", "0")
    if not text.isdecimal():
        raise ConfigError(f"the database of the Redis URL is a number, not '{text}'")
    return int(text)


def _no_password(url: str) -> str:
    return url.rpartition("@")[2]
