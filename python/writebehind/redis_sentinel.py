"""Redis Sentinel: who the Sentinels of a service are, and a connection of redis-py that goes to its master, as the core's does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis import Connection

from writebehind.errors import ConfigError, RedisUnavailable
from writebehind.redis_tls import RedisTls, TlsConnection

if TYPE_CHECKING:
    from writebehind.redis_url import RedisAddress

PORT = 26379
_PATIENCE_S = 1.0  # one that is away must not keep us from asking the next


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Who knows where the master is.

    Args:
        addresses: host and port of each, asked in turn.
        service: the name that they know the master by.
        user: to log in to them, not to the servers; "": their default user.
        password: "": no AUTH.
    """

    addresses: tuple[tuple[str, int], ...]
    service: str
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return ",".join(_shown(host, port) for host, port in self.addresses)

    def core(self) -> dict[str, Any]:
        """The mapping that `_core.Pipeline` takes as `redis`'s `sentinels`."""
        return {"addresses": list(self.addresses), "service": self.service, "user": self.user, "password": self.password}


def read_addresses(text: str) -> tuple[tuple[str, int], ...]:
    """Reads `host[:port][,host[:port]]…`; an IPv6 address stands in brackets.

    Raises:
        ConfigError: it is not that.
    """
    return tuple(_read_address(one) for one in text.split(","))


def _read_address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, str(PORT)
    if not host.strip("[]"):
        raise ConfigError("the Redis URL names no Sentinel", "redis+sentinel://host:port,host:port/service")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError("the port of a Sentinel in the Redis URL is not a number between 1 and 65535")
    return host.strip("[]"), int(port)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def find_master(sentinels: Sentinels, tls: RedisTls | None) -> tuple[str, int]:
    """Asks one Sentinel after the other where the master is.

    Raises:
        ConfigError: none of those that answer knows the service, or it refuses the login.
        RedisUnavailable: none answers.
    """
    from redis.exceptions import RedisError

    silent: list[str] = []
    refused: list[str] = []
    for host, port in sentinels.addresses:
        who = f"Sentinel at {_shown(host, port)}"
        try:
            found = _ask(_own_address(sentinels, host, port, tls), sentinels.service)
        except (RedisError, OSError) as error:
            text = str(error).partition(", with args")[0]
            (refused if _is_login(error, text) else silent).append(f"{who}: {text}")
            continue
        if found is not None:
            return found
        refused.append(f"{who} knows no service '{sentinels.service}'")
    if refused:
        is_login = all("knows no service" not in one for one in refused)
        hint = "sentinel_username and sentinel_password of the Redis URL are the Sentinels' own login"
        raise ConfigError("; ".join(refused), hint if is_login else "the Redis URL is redis+sentinel://host:port/service/db")
    raise RedisUnavailable(f"no Sentinel of '{sentinels.service}' answers: " + "; ".join(silent))


def _own_address(sentinels: Sentinels, host: str, port: int, tls: RedisTls | None) -> RedisAddress:
    from writebehind.redis_url import RedisAddress

    return RedisAddress(host=host, port=port, user=sentinels.user, password=sentinels.password, tls=tls)


def _ask(sentinel: RedisAddress, service: str) -> tuple[str, int] | None:
    with sentinel.client(timeout_s=_PATIENCE_S) as client:
        found: Any = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
    return None if not found else (str(found[0]), int(found[1]))


def _is_login(error: Exception, text: str) -> bool:
    from redis.exceptions import AuthenticationError, NoPermissionError

    return isinstance(error, AuthenticationError | NoPermissionError) or text.startswith(("NOAUTH", "WRONGPASS", "NOPERM"))


class MasterConnection(TlsConnection):
    """A connection to whoever is the master when it connects.

    Args:
        sentinels: who says so.
        tls: the options, to Sentinels and servers alike; None: in plain text.
        others: of redis-py's Connection.
    """

    def __init__(self, *, sentinels: Sentinels, tls: RedisTls | None, **others: Any) -> None:
        super().__init__(tls=tls or RedisTls(), redis_connect_func=_sign_in, **others)
        self._sentinels, self._is_plain = sentinels, tls is None

    def _connect(self) -> Any:
        self.host, self.port = find_master(self._sentinels, None if self._is_plain else self._tls)
        return Connection._connect(self) if self._is_plain else super()._connect()


def _sign_in(connection: Any) -> None:
    connection.on_connect()
    connection.send_command("INFO", "replication")
    reply = connection.read_response()
    text = reply.decode() if isinstance(reply, bytes) else str(reply)
    if "role:master" in text.split():
        return
    connection.disconnect()
    where = _shown(connection.host, connection.port)
    raise RedisUnavailable(f"Redis at {where} is a replica, though Sentinel calls it the master: a failover is under way")
