"""What the module costs Redis's own clients, by redis-benchmark."""

from __future__ import annotations

import re
import subprocess
from contextlib import ExitStack

import redis

from benchmarks.figure import Figure
from benchmarks.options import Options
from writebehind import Pipeline
from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.module import module_path
from writebehind.registry import register
from writebehind.testing import RedisServer

HSET = ["HSET", "{prefix}:__rand_int__", "first", "first __rand_int__", "last", "last 1", "age", "42"]
WORKLOADS = {
    "capture": [("capture, HSET of 3 fields", "person", HSET, {1: ">= 0.80", 32: ">= 0.50"})],
    "bystanders": [
        ("bystander, HSET of 3 fields", "other", HSET, {1: ">= 0.90", 32: ">= 0.90"}),
        ("bystander, SET", "other", ["SET", "{prefix}:__rand_int__", "value"], {1: ">= 0.97", 32: ">= 0.97"}),
        ("bystander, GET", "other", ["GET", "{prefix}:__rand_int__"], {1: ">= 0.97", 32: ">= 0.97"}),
    ],
}
CLIENTS = 20
PIPELINE = Pipeline(
    name="bench",
    prefix="person",
    mapping={"first": "first", "last": "last", "age": "age"},
    connector=SQLiteConnector(SQLiteConnection("never opened"), "persons", "person_id"),
)


def _benchmark(server: RedisServer, command: list[str], prefix: str, pipeline: int, requests: int) -> float:
    """Requests/s."""
    words = [word.format(prefix=prefix) for word in command]
    options = ["-c", str(CLIENTS), "-P", str(pipeline), "-n", str(requests), "-r", "100000", "-q"]
    done = subprocess.run(["redis-benchmark", "-p", str(server.port), *options, *words], capture_output=True, text=True, check=True)
    found = re.findall(r"([\d.]+) requests per second", done.stdout)
    if not found:
        raise RuntimeError(f"redis-benchmark says no rate: {done.stdout[-200:]!r}")
    return float(found[-1])


def _measure(which: str, options: Options) -> list[Figure]:
    figures = []
    with ExitStack() as stack:
        plain = stack.enter_context(RedisServer())
        ours = stack.enter_context(RedisServer(module=module_path()))
        with redis.Redis(port=ours.port) as client:
            register(client, PIPELINE)
        for name, prefix, command, targets in WORKLOADS[which]:
            for depth, target in targets.items():
                figure = Figure(f"{name}, pipeline {depth}", "requests/s", target, "no module")
                requests = options.requests if depth > 1 else options.requests // 5
                for round_ in range(options.rounds):
                    sides = [ours, plain] if round_ % 2 == 0 else [plain, ours]
                    rates = {}
                    for server in sides:
                        with redis.Redis(port=server.port) as client:
                            client.flushall()
                        rates[server.port] = _benchmark(server, command, prefix, depth, requests)
                    figure.add(rates[ours.port], rates[plain.port])
                figures.append(figure)
    return figures


def capture(options: Options) -> list[Figure]:
    """HSETs that are captured; nobody reads the stream."""
    return _measure("capture", options)


def bystanders(options: Options) -> list[Figure]:
    """Commands on keys of no pipeline."""
    return _measure("bystanders", options)
