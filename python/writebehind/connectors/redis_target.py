"""Redis and Valkey as targets: rows as hashes under a prefix of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from writebehind.connectors.connection import Path, Setting, ask
from writebehind.connectors.tls import redis_tls
from writebehind.errors import ConfigError
from writebehind.sinks import sink_options


class RedisConnection:
    """Another Redis or Valkey server. In plain text, unless an option of TLS is given.

    Args:
        host: name or address; a path that begins with "/" is a Unix socket.
        port: TCP port.
        password: None (the default): no AUTH.
        username: of the ACL; None (the default): the default user.
        ssl: True: TLS; None (the default): where an option of it is given. The others are those of a rediss:// URL, with its defaults:
        ssl_cert_reqs: "required" or "none".
        ssl_ca_certs, ssl_certfile, ssl_keyfile: files in PEM, read anew at each connect.
        ssl_check_hostname: the certificate must be for `host`.

    Raises:
        ConfigError: options contradict each other.
    """

    kind: ClassVar[str] = "redis"

    def __init__(
        self,
        host: Setting,
        port: int | str | Callable[[], int | str],
        password: Setting | None = None,
        *,
        username: Setting | None = None,
        ssl: bool | None = None,
        ssl_cert_reqs: str | None = None,
        ssl_ca_certs: Path | None = None,
        ssl_certfile: Path | None = None,
        ssl_keyfile: Path | None = None,
        ssl_check_hostname: bool | None = None,
    ) -> None:
        self._host, self._port, self._password, self._user = host, port, password, username
        files = {"ssl_ca_certs": ssl_ca_certs, "ssl_certfile": ssl_certfile, "ssl_keyfile": ssl_keyfile}
        given = {"ssl_cert_reqs": ssl_cert_reqs, "ssl_check_hostname": ssl_check_hostname}
        given |= {name: None if file is None else os.fspath(file) for name, file in files.items()}
        self._tls = redis_tls(ssl, {name: value for name, value in given.items() if value is not None})
        if self._tls is not None and not callable(host) and host.startswith("/"):
            raise ConfigError("RedisConnection has options of TLS, which a Unix socket does not speak")

    @property
    def host(self) -> str:
        return str(ask(self._host))

    @property
    def port(self) -> int:
        port = str(ask(self._port))
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(f"port is {port!r}, not a TCP port")
        return int(port)

    @property
    def password(self) -> str | None:
        password = ask(self._password)
        return None if password is None else str(password)

    @property
    def username(self) -> str | None:
        username = ask(self._user)
        return None if username is None else str(username)

    @property
    def is_dynamic(self) -> bool:
        return any(callable(setting) for setting in (self._host, self._port, self._password, self._user))

    def sink_options(self) -> dict[str, Any]:
        login = {"user": self.username or "", "password": self.password or ""}
        return {"kind": "redis", "host": self.host, "port": self.port, **login, "database": "0", "tls": self._tls}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'<callable>' if callable(self._host) else self._host!r})"


class RedisClusterConnection:
    """A Redis Cluster.

    Args:
        host, port: of one of its nodes.
        cluster_nodes: of several, as ``[{"host": …, "port": …}]``; asked one after the other.
        password: None (the default): no AUTH.
    """

    kind: ClassVar[str] = "redis-cluster"

    def __init__(
        self,
        host: Setting | None = None,
        port: int | str | Callable[[], int | str] | None = None,
        cluster_nodes: Sequence[dict[str, Any]] | Callable[[], Sequence[dict[str, Any]]] | None = None,
        password: Setting | None = None,
    ) -> None:
        self._host, self._port, self._nodes, self._password = host, port, cluster_nodes, password

    @property
    def host(self) -> str | None:
        host = ask(self._host)
        return None if host is None else str(host)

    @property
    def port(self) -> int | None:
        port = ask(self._port)
        return None if port is None else int(port)

    @property
    def cluster_nodes(self) -> Sequence[dict[str, Any]]:
        return ask(self._nodes) or ()

    @property
    def password(self) -> str | None:
        password = ask(self._password)
        return None if password is None else str(password)

    def nodes(self) -> list[tuple[str, int]]:
        """Host and port of each node that is to be asked.

        Raises:
            ConfigError: none is named.
        """
        named = [(str(node["host"]), int(node["port"])) for node in self.cluster_nodes]
        if self.host is not None:
            named.append((self.host, self.port or 6379))
        if not named:
            raise ConfigError("RedisClusterConnection names no node", "give host and port, or cluster_nodes")
        return named

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'<callable>' if callable(self._host) else self._host!r})"


class _RedisTarget:
    """What the connectors share; each is a `writebehind.pipeline.Connector`."""

    schema = ""
    pk = "HashBackendPK"
    has_one_key = True
    exactlyOnceTableName: str | None = None

    def __init__(self, prefix: str) -> None:
        if not isinstance(prefix, str) or not prefix:
            raise ConfigError(f"the prefix of {type(self).__name__} is {prefix!r}, not the text before the ':' of the new keys")
        self.table = prefix

    def TableName(self) -> str:
        """The prefix: rows are `<prefix>:<primary key>`."""
        return self.table

    def PrimaryKey(self) -> str:
        """The name of the primary key; no field of the hash."""
        return self.pk

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.table!r})"


class RedisConnector(_RedisTarget):
    """Hashes `<newPrefix>:<primary key>` of another Redis or Valkey, or of a cluster.

    Args:
        connection: a RedisConnection or a RedisClusterConnection.
        newPrefix: of the keys there.
        exactlyOnceTableName: of a hash there that keeps the position, moved in one step with each batch; None (the default): at least
            once. Not with a cluster, which has no such step.
    """

    def __init__(self, connection: Any, newPrefix: str, exactlyOnceTableName: str | None = None) -> None:
        super().__init__(newPrefix)
        if getattr(connection, "kind", None) not in ("redis", "redis-cluster"):
            raise ConfigError(f"RedisConnector needs a RedisConnection or a RedisClusterConnection, not {type(connection).__name__}")
        if exactlyOnceTableName is not None and connection.kind == "redis-cluster":
            raise ConfigError("exactly once is not possible with a Redis Cluster as the target", "leave out exactlyOnceTableName")
        self.connection = connection
        self.exactlyOnceTableName = exactlyOnceTableName

    @property
    def kind(self) -> str:
        return str(self.connection.kind)

    def sink_options(self) -> dict[str, Any]:
        if self.connection.kind == "redis-cluster":
            from writebehind.sinks.redis_cluster import RedisClusterSink

            return sink_options(lambda: RedisClusterSink(self.connection), None)
        return {**self.connection.sink_options(), "exactly_once_table": self.exactlyOnceTableName or ""}

    def credentials(self) -> Callable[[], dict[str, Any]] | None:
        dynamic = self.connection.kind == "redis" and self.connection.is_dynamic
        return self.connection.sink_options if dynamic else None


class SimpleHashConnector(_RedisTarget):
    """Hashes `<newPefix>:<primary key>` of the pipeline's own Redis.

    Args:
        newPefix: of the new keys (spelled so); not one that the pipeline captures.
    """

    kind = "redis"
    is_same_server = True

    def __init__(self, newPefix: str) -> None:
        super().__init__(newPefix)

    def sink_options(self) -> dict[str, Any]:
        """The engine puts the address of its own Redis in."""
        return {"kind": "redis", "exactly_once_table": ""}

    def credentials(self) -> Callable[[], dict[str, Any]] | None:
        return None
