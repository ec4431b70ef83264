"""What a Redis server is and allows: questions that the engine and `configure` ask it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from writebehind.errors import ConfigError, RedisUnavailable, WritebehindError
from writebehind.module import loadmodule_line

if TYPE_CHECKING:
    from redis import Redis

    from writebehind.redis_url import RedisAddress

OLDEST = (7, 0, 0)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Read once, by `inspect`.

    Args:
        name: "Redis" or "Valkey".
        version: of it, as it says.
        compatible: the version of Redis that it is compatible with, as three numbers.
        is_cluster: runs in cluster mode.
        is_replica: of another server.
        has_module: writebehind.so is loaded.
        appendonly: the AOF is on; None: unknown.
        appendfsync: "always", "everysec" or "no"; "": CONFIG GET is not allowed.
        maxmemory: in bytes; 0: no limit; None: unknown.
        maxmemory_policy: its name; "" unknown.
        replicas: how many are connected.
        min_replicas: what min-replicas-to-write says; None: unknown.
    """

    name: str
    version: str
    compatible: tuple[int, ...]
    is_cluster: bool
    is_replica: bool
    has_module: bool
    appendonly: bool | None
    appendfsync: str
    maxmemory: int | None
    maxmemory_policy: str
    replicas: int
    min_replicas: int | None

    @property
    def has_module_categories(self) -> bool:
        """The server lets a module put its commands into ACL categories."""
        return self.compatible >= (7, 2, 0)


@contextmanager
def redis_errors(address: RedisAddress) -> Iterator[None]:
    """Turns the exceptions of redis-py into ours; the messages name the server, never the password.

    Raises:
        ConfigError: a wrong password, user, database or privilege.
        RedisUnavailable: not reachable, or not now.
    """
    import redis.exceptions as errors

    try:
        yield
    except (errors.AuthenticationError, errors.AuthorizationError) as error:
        raise _login_refused(address, str(error)) from None
    except errors.NoPermissionError as error:
        raise ConfigError(
            f"Redis at {address} refuses a command: {error}",
            "writebehind configure prints the ACL lines that are needed",
        ) from None
    except (errors.BusyLoadingError, errors.ReadOnlyError) as error:
        raise RedisUnavailable(f"Redis at {address}: {error}") from None
    except (errors.ConnectionError, errors.TimeoutError, OSError) as error:
        raise _unreachable(address, error) from None
    except errors.OutOfMemoryError as error:
        raise RedisUnavailable(f"Redis at {address} is full: {error}", "raise its maxmemory, or let an engine write what waits") from None
    except errors.ResponseError as error:
        text = str(error)
        if text.startswith(("NOAUTH", "WRONGPASS")) or "without any password configured" in text or "unknown command 'AUTH'" in text:
            raise _login_refused(address, text) from None
        if "unknown command" in text and "wb." in text.lower():
            raise module_missing(address) from None
        raise ConfigError(f"Redis at {address}: {text}") from None


def _login_refused(address: RedisAddress, text: str) -> ConfigError:
    # A server that does not know AUTH repeats its arguments.
    shown = text.partition(", with args")[0]
    who = f"user '{address.user}'" if address.user else "the default user"
    return ConfigError(
        f"Redis at {address} refuses the login of {who}: {shown}", "check user and password: redis://user:password@host:port/db"
    )


def _unreachable(address: RedisAddress, error: Exception) -> WritebehindError:
    from writebehind.redis_tls import diagnose, meaning

    found = meaning(error, address.host or "the master")
    if found is None and not address.unix_socket and not address.sentinels and not isinstance(error.__context__, ConnectionRefusedError):
        found = diagnose(address.host, address.port, address.tls)
    if found is not None:
        return ConfigError(f"Redis at {address}: {found[0]}", found[1])
    return RedisUnavailable(f"Redis at {address} can't be reached: {error}")


# A command that an operator needs is not refused by a server above its maxmemory: it takes a few bytes at most.
_THOUGH_FULL = "#!lua flags=allow-oom\nreturn redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))"


def write_though_full(client: Redis, command: str, key: str, *words: str) -> Any:
    """Runs a command of one key also where the server's memory is full.

    Args:
        command: its name; the key is its first word.
        words: the others.
    """
    import redis.exceptions as errors

    try:
        return client.execute_command(command, key, *words)
    except errors.OutOfMemoryError:
        return client.eval(_THOUGH_FULL, 1, key, command, *words)


def module_missing(address: RedisAddress) -> ConfigError:
    """The error of a server without our module; its hint says how to load it."""
    return ConfigError(
        f"Redis at {address} runs without the writebehind module",
        f"writebehind configure --redis {address} loads it where that is allowed; or add to redis.conf and restart: {loadmodule_line()}",
    )


def inspect(client: Redis) -> ServerFacts:
    """Asks a server what it is."""
    info: dict[str, Any] = client.info("server", "replication", "cluster", "memory", "persistence")
    name = "Valkey" if "valkey_version" in info else "Redis"
    compatible = str(info.get("redis_version", "0.0.0"))
    config = _config(client, "appendfsync", "min-replicas-to-write")
    return ServerFacts(
        name=name,
        version=str(info.get("valkey_version", compatible)),
        compatible=tuple(int(part) for part in compatible.split(".")[:3] if part.isdecimal()),
        is_cluster=str(info.get("cluster_enabled", 0)) == "1",
        is_replica=info.get("role") == "slave",
        has_module=_has_module(client),
        appendonly=str(info["aof_enabled"]) == "1" if "aof_enabled" in info else None,
        appendfsync=config.get("appendfsync", ""),
        maxmemory=int(info["maxmemory"]) if "maxmemory" in info else None,
        maxmemory_policy=str(info.get("maxmemory_policy", "")),
        replicas=int(info.get("connected_slaves", 0)),
        min_replicas=int(config["min-replicas-to-write"]) if "min-replicas-to-write" in config else None,
    )


def require_usable(client: Redis, address: RedisAddress) -> list[str]:
    """Checks that a pipeline can run on this server.

    Returns:
        Warnings, one sentence each.

    Raises:
        ConfigError: a cluster, too old, or without the module.
        RedisUnavailable: not reachable, or a replica.
    """
    with redis_errors(address):
        facts = inspect(client)
    if facts.is_cluster:
        raise ConfigError(f"Redis at {address} is a cluster, which this version does not serve", "use a standalone server")
    if facts.compatible < OLDEST:
        raise ConfigError(f"{facts.name} at {address} is {facts.version}; 7.0 is the oldest that is served")
    if not facts.has_module:
        raise module_missing(address)
    if facts.is_replica:
        raise RedisUnavailable(f"Redis at {address} is a replica; the engine needs its master")
    return persistence_warnings(facts)


def persistence_warnings(facts: ServerFacts) -> list[str]:
    """What may lose changes that wait in Redis, one sentence each."""
    warnings = []
    if facts.appendonly is False:
        warnings.append("the AOF is off: changes that wait are lost when Redis dies (appendonly yes)")
    elif facts.appendfsync == "no":
        warnings.append("appendfsync is no: a crash of the machine may lose changes that wait (appendfsync everysec)")
    if facts.replicas and facts.min_replicas == 0:
        warnings.append(
            "min-replicas-to-write is 0: a master that is cut off from its replicas goes on taking changes, which a failover discards "
            "(min-replicas-to-write 1)"
        )
    return warnings + eviction_warnings(facts.maxmemory_policy)


def eviction_warnings(policy: str) -> list[str]:
    """What a maxmemory-policy may do to changes that wait, one sentence each."""
    if not policy.startswith("allkeys-"):
        return []
    return [f"maxmemory-policy is {policy}: Redis may evict the streams of changes that wait (use noeviction or a volatile- policy)"]


def require_aof(client: Redis, address: RedisAddress, name: str) -> None:
    """Checks that a pipeline with wait_aof can run on this server.

    Raises:
        ConfigError: it has no AOF, or neither WAITAOF nor appendfsync always.
    """
    with redis_errors(address):
        facts = inspect(client)
    if facts.appendonly is False:
        raise ConfigError(f"pipeline '{name}': wait_aof: Redis at {address} writes no AOF", "set appendonly yes, or leave wait_aof out")
    if facts.compatible < (7, 2, 0) and facts.appendfsync != "always":
        found = f"appendfsync is {facts.appendfsync}" if facts.appendfsync else "CONFIG GET, to ask for appendfsync, is not allowed"
        raise ConfigError(
            f"pipeline '{name}': wait_aof: {facts.name} {facts.version} at {address} can't be asked to wait for its AOF, and {found}",
            "set appendfsync always, or use 7.2 or later",
        )


def _config(client: Redis, *names: str) -> dict[str, str]:
    from redis.exceptions import ResponseError

    try:
        return {str(name): str(value) for name, value in client.config_get(*names).items()}
    except ResponseError:  # managed servers forbid CONFIG
        return {}


def _has_module(client: Redis) -> bool:
    from redis.exceptions import ResponseError

    try:
        client.execute_command("WB.LIST")
    except ResponseError as error:
        return "unknown command" not in str(error)
    return True
