"""missing="keep": however many changes meet in a batch, the table ends as if each had been written by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.stack import stack


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_columns_left_alone(kind: str, module: Path, tmp_path: Path) -> None:
    with stack(kind, module, tmp_path, options=', missing="keep"') as run:
        run.redis.hset("person:there", mapping={"first_name": "old", "seq": 1})
        run.start()
        run.redis.hset("person:there", mapping={"first_name": "old", "seq": 1})
        run.drain()
        with run.redis.pipeline() as pipe:  # a transaction: one batch
            pipe.hset("person:kept", mapping={"first_name": "Ada", "seq": 36})
            pipe.hdel("person:kept", "seq")
            pipe.delete("person:there")
            pipe.hset("person:there", "first_name", "new")
            pipe.hset("person:gone", mapping={"first_name": "x", "seq": 2})
            pipe.delete("person:gone")
            pipe.execute()
        run.drain()
        assert run.target.rows() == {"kept": ("Ada", 36), "there": ("new", None)}
