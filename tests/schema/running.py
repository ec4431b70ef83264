"""An engine on a table of the tests, and what it says."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import redis

from tests.schema.tables import Table
from writebehind import Engine, Pipeline
from writebehind.log import Log
from writebehind.testing import RedisServer, wait_until


class Running(AbstractContextManager["Running"]):
    """Pipeline `p`: fields a and b of p:<id> to columns of the same names; `options` are the pipeline's."""

    def __init__(self, table: Table, server: RedisServer, client: redis.Redis, *, once: bool = True, **options: Any) -> None:
        self.table, self.redis = table, client
        values = {"retry_interval_s": 0.2, "constraint_grace": 0.3, "mapping": {"a": "a", "b": "b"}, "connector": table.connector(once=once), **options}
        self.engine = Engine(server.url, [Pipeline(name="p", prefix="p", **values)], log=Log("error"))

    def __enter__(self) -> Running:
        self.engine.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.engine.stop()

    def hset(self, *ids: object, **fields: object) -> None:
        """The same fields to each p:<id>, in one transaction: one batch. A `uuid` asks for an answer."""
        uuid = fields.pop("uuid", None)
        with self.redis.pipeline() as pipe:
            for one in ids:
                pipe.hset(f"p:{one}", mapping={**fields, **({"#": f"={uuid}"} if uuid else {})})  # type: ignore[arg-type]
            pipe.execute()

    def batch(self, *ids: int) -> None:
        """A row of its own values to each p:<id>, in one transaction: one batch."""
        with self.redis.pipeline() as pipe:
            for one in ids:
                pipe.hset(f"p:{one}", mapping={"a": one, "b": f"b{one}"})
            pipe.execute()

    @property
    def waiting(self) -> int:
        return int(self.redis.xlen("writebehind:{p}:stream"))  # type: ignore[arg-type]

    @property
    def status(self) -> dict[str, Any]:
        return self.engine.status()["p"]

    @property
    def message(self) -> str:
        return str(self.status["message"])

    def says(self, *words: str) -> str:
        """The message, once it holds all of these words."""
        wait_until(lambda: all(word in self.message for word in words), 20, f"a message with {words}: {self.message!r}")
        return self.message

    def drain(self) -> None:
        assert self.engine.drain(20), f"{self.waiting} wait: {json.dumps(self.status)}"

    def rejected(self) -> list[str]:
        """The keys in the rejected stream."""
        return [fields["key"] for _, fields in self.redis.xrange("writebehind:{p}:rejected")]

    def answer(self, key: str, uuid: str) -> list[dict[str, str]]:
        """All entries of an answer, once there is one."""
        stream = f"{{{key}}}{uuid}"
        assert self.redis.xread({stream: "0-0"}, block=20_000), self.status
        return [fields for _, fields in self.redis.xrange(stream)]
