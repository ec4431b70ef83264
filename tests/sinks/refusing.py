"""Whole batches that a target refuses for one thing: writing pauses instead of rejecting all."""

from __future__ import annotations

import redis

from writebehind import Engine
from writebehind.testing import wait_until


def batches_that_are_refused(engine: Engine, client: redis.Redis) -> None:
    """Two batches of 100 changes of a pipeline `sql`, of the keys `p:*`, whose `n` is -1: the second must not be rejected."""
    for batch in range(2):
        with client.pipeline() as together:  # a transaction: one batch
            for i in range(100):
                together.hset(f"p:{batch * 100 + i}", "n", "-1")
            together.execute()
        if batch == 0:
            assert engine.drain()
    assert client.xlen("writebehind:{sql}:rejected") == 100
    wait_until(lambda: "every row of two batches was refused for one cause" in engine.status()["sql"]["message"], 20, "the pause")
    assert client.xlen("writebehind:{sql}:rejected") == 100
    assert client.xlen("writebehind:{sql}:stream") == 100
