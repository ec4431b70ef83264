"""What people write today: a consumer group read by redis-py, written by psycopg2's execute_values."""

from __future__ import annotations

import time
from contextlib import ExitStack

import psycopg2
import psycopg2.extras
import redis

from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.stage import Engine, Postgres, database
from writebehind.testing import RedisServer

BATCH = 1000
UPSERT = (
    "INSERT INTO persons_limit (person_id, first, last, age) VALUES %s ON CONFLICT (person_id) DO UPDATE SET "
    "first = excluded.first, last = excluded.last, age = excluded.age"
)


def by_hand(options: Options) -> list[Figure]:
    """At least once, without an answer to anybody, without a look at types: the least of such a program."""
    rows = min(options.rows)
    figures = [
        Figure(f"drain PostgreSQL, {rows:,} {kind}, to Python by hand", "rows/s", "", "redis-py, execute_values")
        for kind in ("inserts", "updates")
    ]
    with ExitStack() as stack:
        base = stack.enter_context(database("PostgreSQL"))
        assert isinstance(base, Postgres)
        engine = Engine(stack, base)
        server = stack.enter_context(RedisServer())
        for round_ in range(options.rounds):
            base.empty()
            for pass_, figure in enumerate(figures):
                engine.load(rows, rows, 2 * round_ + pass_)
                base.settle()
                ours = rows / engine.drain()[0]
                _load(server, rows, 2 * round_ + pass_)
                base.settle()
                figure.add(ours, rows / _drain(server, base, rows))
    return figures


def _load(server: RedisServer, rows: int, round_: int) -> None:
    with redis.Redis(port=server.port) as client:
        client.delete("changes")
        client.xgroup_create("changes", "writer", "0", mkstream=True)
        for start in range(0, rows, 1000):
            pipe = client.pipeline(transaction=False)
            for i in range(start, min(start + 1000, rows)):
                pipe.xadd("changes", {"person_id": i, "first": f"first {i}", "last": f"last {round_}", "age": i % 90})
            pipe.execute()


def _drain(server: RedisServer, base: Postgres, rows: int) -> float:
    with ExitStack() as stack:
        client = stack.enter_context(redis.Redis(port=server.port, decode_responses=True))
        link = psycopg2.connect(base.server.url)
        stack.callback(link.close)
        started = time.perf_counter()
        done = 0
        while done < rows:
            ((_, entries),) = client.xreadgroup("writer", "one", {"changes": ">"}, count=BATCH)
            values = [(fields["person_id"], fields["first"], fields["last"], fields["age"]) for _, fields in entries]
            with link, link.cursor() as cursor:
                psycopg2.extras.execute_values(cursor, UPSERT, values, page_size=BATCH)
            client.xack("changes", "writer", *(id_ for id_, _ in entries))
            done += len(entries)
        return time.perf_counter() - started
