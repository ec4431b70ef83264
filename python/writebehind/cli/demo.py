"""`writebehind demo`."""

from __future__ import annotations

import signal
import socket
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from writebehind.errors import WritebehindError

if TYPE_CHECKING:
    from redis import Redis

    from writebehind.engine import Engine
    from writebehind.testing import RedisServer

FIRST = ("Ada", "Alan", "Barbara", "Edsger", "Grace", "Ken", "Leslie", "Margaret")
LAST = ("Lovelace", "Turing", "Liskov", "Dijkstra", "Hopper", "Thompson", "Lamport", "Hamilton")
CHUNK = 1000
TABLE = "CREATE TABLE persons (person_id INTEGER PRIMARY KEY, first TEXT, last TEXT, age INTEGER)"


@click.command()
@click.option("--rows", type=click.IntRange(min=1), default=100_000, show_default=True, help="Hashes to write.")
def demo(rows: int) -> None:
    """Shows it all on a private Redis and a SQLite file: hashes in, rows out, an acknowledgement, the rate.

    Leaves nothing behind: server, file and directory are gone when it ends.
    """
    for number in (signal.SIGTERM, signal.SIGINT):  # whose default action would leave the server running
        signal.signal(number, _end)
    try:
        _demonstrate(rows)
    except _Ended:
        raise click.Abort from None


class _Ended(BaseException):
    """A signal came. Not KeyboardInterrupt: where that passes an import, Python ends by the signal whatever we make of it."""

    came = False  # what is raised in a destructor stays there
    held = False


def _end(number: int, frame: object) -> None:
    _Ended.came = True
    if not _Ended.held:
        raise _Ended


@contextmanager
def _held() -> Iterator[None]:
    """A signal that comes meanwhile takes effect at the end."""
    _Ended.held = True
    try:
        yield
    finally:
        _Ended.held = False
    if _Ended.came:
        raise _Ended


def _demonstrate(rows: int) -> None:
    from writebehind.connectors import SQLiteConnection, SQLiteConnector
    from writebehind.engine import Engine
    from writebehind.log import Log
    from writebehind.pipeline import Pipeline

    with tempfile.TemporaryDirectory(prefix="writebehind-demo-") as directory:
        file = Path(directory) / "demo.db"
        with sqlite3.connect(file) as database:
            database.execute(TABLE)
        database.close()
        with _private_redis() as server:
            _say(f"a private Redis on port {server.port}, and a SQLite file with: {TABLE}")
            connector = SQLiteConnector(SQLiteConnection(str(file)), "persons", "person_id")
            mapping = {"first_name": "first", "last_name": "last", "age": "age"}
            persons = Pipeline(name="persons", prefix="person", mapping=mapping, connector=connector, batch=2000)
            with Engine(server.url, [persons], log=Log("error")) as engine:
                _show(engine, file, rows)


@contextmanager
def _private_redis() -> Iterator[RedisServer]:
    from writebehind.module import module_path
    from writebehind.testing import RedisServer

    server = None
    try:
        with _held():  # till the process is known, and its directory, nobody could end it
            server = RedisServer(module=module_path())
            try:
                server.start()
            except (FileNotFoundError, ChildProcessError, TimeoutError) as error:
                raise WritebehindError(f"no private Redis could be started: {error}") from None
        yield server
    finally:
        with _held():
            if server is not None:
                server.close()


def _show(engine: Engine, file: Path, rows: int) -> None:
    client = engine.address.client(timeout_s=30)
    _say(f"writing {rows:,} hashes: HSET person:<n> first_name … last_name … age …")
    started = time.monotonic()
    _write(engine.address.port, rows)
    captured_s = time.monotonic() - started
    if not engine.drain(120):
        raise WritebehindError("the rows did not arrive within 120 s", str(engine.status()))
    total_s = time.monotonic() - started
    _acknowledge(client, rows + 1)
    client.close()
    with sqlite3.connect(file) as database:
        count = database.execute("SELECT count(*) FROM persons").fetchone()[0]
        head = database.execute("SELECT * FROM persons ORDER BY person_id LIMIT 5").fetchall()
    database.close()
    _table(head, count)
    _say(f"Redis took them in {captured_s:.1f} s; the last row was committed {total_s:.1f} s after the first HSET")
    _say(f"rate, from HSET to committed row: {rows / total_s:,.0f} rows/s")
    if count != rows + 1:
        raise WritebehindError(f"the table has {count} rows, not {rows + 1}")


def _write(port: int, rows: int) -> None:
    # A pipelined client in its plainest form: redis-py would spend more time on packing commands than the servers on running them.
    with socket.create_connection(("127.0.0.1", port)) as link, link.makefile("rb") as replies:
        for start in range(1, rows + 1, CHUNK):
            if _Ended.came:
                raise _Ended
            numbers = range(start, min(start + CHUNK, rows + 1))
            link.sendall("".join(map(_hset, numbers)).encode())
            for _ in numbers:
                reply = replies.readline()
                if not reply.startswith(b":"):
                    raise WritebehindError(f"Redis answered an HSET with {reply!r}")


def _hset(number: int) -> str:
    person = (f"person:{number}", "first_name", FIRST[number % 8], "last_name", LAST[number // 8 % 8], "age", str(20 + number % 60))
    return "*8\r\n$4\r\nHSET\r\n" + "".join([f"${len(word)}\r\n{word}\r\n" for word in person])


def _acknowledge(client: Redis, number: int) -> None:
    token = str(uuid.uuid4())
    key = f"person:{number}"
    stream = f"{{{key}}}{token}"
    started = time.monotonic()
    client.execute_command("HSET", key, "first_name", "James", "last_name", "Bond", "age", "42", "#", f"={token}")
    reply: Any = client.xread({stream: "0-0"}, block=5000)
    if not reply:
        raise WritebehindError("no acknowledgement came within 5 s")
    answer = " ".join(f"{name} {value}" for name, value in reply[0][1][0][1].items())
    _say(f"HSET {key} … # ={token[:8]}…")
    _say(f"XREAD BLOCK 5000 STREAMS {{{key}}}{token[:8]}… 0-0: {answer}, after {(time.monotonic() - started) * 1000:.0f} ms")


def _table(head: list[tuple[Any, ...]], count: int) -> None:
    from writebehind.cli.tables import new_table, print_table

    table = new_table()
    for column in ("person_id", "first", "last", "age"):
        table.add_column(column)
    for row in head:
        table.add_row(*(str(value) for value in row))
    print_table(table)
    click.echo(f"… persons: {count:,} rows")


def _say(text: str) -> None:
    click.echo(text, err=True)
