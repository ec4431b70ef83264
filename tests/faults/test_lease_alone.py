"""A target without a fence: the lease alone keeps an engine that was frozen from writing, also where it can't ask Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from .engines import another, freeze, name, stand_by, wake, works
from .stack import stack
from writebehind.overview import read_pipeline
from writebehind.testing import wait_until

RECIPE = """\
from writebehind import RGWriteBehind
from writebehind.connectors import RedisConnection, RedisConnector

connector = RedisConnector(RedisConnection("127.0.0.1", {port}), "copy")
RGWriteBehind(GB, "person", {{"first_name": "first", "seq": "seq"}}, connector, "persons", version="99.99.99")
"""


def test_a_frozen_leader_that_hears_nothing_of_redis_writes_nothing(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes with changes in its socket that another engine has written, and overwritten, since."""
    monkeypatch.setenv("WRITEBEHIND_LEASE_MS", "1200")
    with stack("sqlite", module, tmp_path, proxied=True) as run:
        assert run.link is not None
        run.engine.recipe.write_text(RECIPE.format(port=run.server.port))
        leader, standby = run.engine, another(run)
        standby.redis_url = run.server.url
        copies = [f"copy:{key}" for key in range(50)]

        def written() -> set[str | None]:
            return {run.redis.hget(copy, "first") for copy in copies}

        run.start()
        try:
            run.hset(0, 50, first_name="first")
            run.drain()
            stand_by(run, standby)
            freeze(leader)
            run.hset(0, 50, first_name="old")
            works(run, standby, 20)
            run.drain()
            assert written() == {"old"}
            run.hset(0, 50, first_name="new")
            run.drain()
            run.link.is_mute = True
            wake(leader)
            wait_until(lambda: name(leader) in read_pipeline(run.redis, "persons").standbys, 20, "its question for the lease")
            run.link.is_mute = False
            run.link.cut()
            wait_until(lambda: "has taken over: what is under way here is dropped" in leader.log, 20, "the word of the one that woke")
            stand_by(run, leader)
            assert written() == {"new"}
        finally:
            wake(leader)
            leader.kill()
            standby.kill()
