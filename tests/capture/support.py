"""What the module's tests share: pipelines, their entries, and whole datasets to compare."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from tests.capture.entries import Entry, decode
from writebehind.testing import RedisServer, wait_until

REGISTRY = "writebehind:registry"


def stream_of(pipeline: str = "p") -> str:
    return f"writebehind:{{{pipeline}}}:stream"


def register(client: redis.Redis, pipeline: str = "p", pattern: str = "person:*", **definition: Any) -> int:
    """Registers a pipeline over the fields a and b, unless `definition` says otherwise; `fields=None`: all fields, by name."""
    content = {"pattern": pattern, "fields": ["a", "b"], **definition}
    if content["fields"] is None:
        del content["fields"]
    return client.execute_command("WB.REGISTER", pipeline, json.dumps(content))


def listed(client: redis.Redis, pipeline: str = "p") -> dict[str, Any]:
    """The pipeline's line of WB.LIST."""
    for flat in client.execute_command("WB.LIST"):
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
        line = {name.decode(): value.decode() if isinstance(value, bytes) else value for name, value in pairs}
        if line["name"] == pipeline:
            return line
    raise LookupError(pipeline)


def identity(client: redis.Redis, pipeline: str = "p") -> str:
    return str(listed(client, pipeline)["identity"])


def registration(client: redis.Redis, pipeline: str = "p") -> dict[str, Any]:
    text = client.hget(REGISTRY, pipeline)
    assert text is not None, f"{REGISTRY} has no {pipeline}"
    return json.loads(text)


def saved(client: redis.Redis, pipeline: str = "p") -> list[str]:
    """The identities in the key, once they are those in memory."""
    wait_until(lambda: registration(client, pipeline)["identities"][-1] == identity(client, pipeline), 5, "the registration")
    return registration(client, pipeline)["identities"]


def raw_entries(client: redis.Redis, pipeline: str = "p") -> list[tuple[bytes, bytes]]:
    found = []
    for entry_id, fields in client.xrange(stream_of(pipeline)):
        assert list(fields) == [b"w1"]
        found.append((entry_id, fields[b"w1"]))
    return found


def entries(client: redis.Redis, pipeline: str = "p") -> list[Entry]:
    return [decode(packed) for _, packed in raw_entries(client, pipeline)]


def changes(client: redis.Redis, pipeline: str = "p") -> list[tuple[Any, ...]]:
    """(op, key) of each delete, (op, key, fields) of each upsert, oldest first."""
    return [(e.op, e.key.decode()) if e.op == "d" else (e.op, e.key.decode(), e.fields) for e in entries(client, pipeline)]


def drain(client: redis.Redis, pipeline: str = "p") -> list[tuple[Any, ...]]:
    """`changes`, after which none waits."""
    found = changes(client, pipeline)
    client.xtrim(stream_of(pipeline), maxlen=0)
    return found


def hset(client: redis.Redis, key: str, operation: str, **fields: Any) -> int:
    """HSET with a `#` field."""
    pairs = [word for pair in fields.items() for word in pair]
    return client.execute_command("HSET", key, *pairs, "#", operation)


def answer(client: redis.Redis, key: str, uuid: str) -> dict[bytes, bytes] | None:
    """The answer to the writer, None if there is none."""
    found = client.xrange(f"{{{key}}}{uuid}")
    assert len(found) <= 1
    return found[0][1] if found else None


def _typed(client: redis.Redis, key: bytes) -> Any:
    kind = client.type(key)
    if kind == b"hash":
        return kind, client.hgetall(key)
    if kind == b"stream":
        info = client.execute_command("XINFO", "STREAM", key)
        pairs = info.items() if isinstance(info, dict) else zip(info[::2], info[1::2], strict=True)
        told = {k.decode() if isinstance(k, bytes) else k: v for k, v in pairs}
        return kind, client.xrange(key), told["last-generated-id"], told["length"]
    if kind == b"string":
        return kind, client.get(key)
    if kind == b"list":
        return kind, client.lrange(key, 0, -1)
    if kind == b"vectorset":  # its graph is drawn by lot, on each server anew
        return kind, client.execute_command("VCARD", key)
    return kind, client.dump(key)


def dataset(server: RedisServer) -> dict[tuple[int, bytes], Any]:
    """Every key of every database: its value, and when it expires."""
    found = {}
    for index in range(16):
        with contextlib.closing(redis.Redis(port=server.port, db=index)) as client:
            for key in client.keys():
                found[index, key] = (_typed(client, key), client.execute_command("PEXPIRETIME", key))
    return found


def wait_for_replica(master: redis.Redis, replica: redis.Redis) -> None:
    """Until the replica has all that the master sent."""

    def same() -> bool:
        told = replica.info("replication")
        return told["master_link_status"] == "up" and told["slave_repl_offset"] == master.info("replication")["master_repl_offset"]

    wait_until(same, 20, "the replica's offset")


@contextlib.contextmanager
def replayed(server: RedisServer) -> Iterator[RedisServer]:
    """A server without the module that has loaded a copy of `server`'s AOF."""
    with contextlib.closing(redis.Redis(port=server.port)) as client:  # a replica writes its AOF anew after each sync

        def settled() -> bool:
            told = client.info("persistence")
            return told["aof_rewrite_in_progress"] == told["aof_rewrite_scheduled"] == 0

        wait_until(settled, 20, "the AOF")
    copy = RedisServer("--appendonly", "yes", server=server.server)
    shutil.copytree(server.directory / "appendonlydir", copy.directory / "appendonlydir")
    with copy:
        yield copy


def aof_text(server: RedisServer) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(Path(server.directory / "appendonlydir").iterdir()))


def assert_no_operation_field(server: RedisServer) -> None:
    """Neither the dataset nor the AOF holds a field named `#`."""
    for (_, key), (value, _) in dataset(server).items():
        if value[0] == b"hash":
            assert b"#" not in value[1], key
    assert b"\r\n$1\r\n#\r\n" not in aof_text(server)


def assert_replicated(server: RedisServer, replica: RedisServer) -> None:
    """Master, replica and AOF replay hold the same."""
    with contextlib.closing(redis.Redis(port=server.port)) as m, contextlib.closing(redis.Redis(port=replica.port)) as r:
        wait_for_replica(m, r)
    expected = dataset(server)
    assert dataset(replica) == expected
    with replayed(server) as copy:
        assert dataset(copy) == expected


def assert_equal_everywhere(server: RedisServer, replica: RedisServer) -> None:
    """Master, replica and AOF replay hold the same, and no `#`."""
    assert_replicated(server, replica)
    assert_no_operation_field(server)
    assert_no_operation_field(replica)
