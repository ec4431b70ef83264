"""Runs the rows of the command tables as a client does that knows no command: words out, replies in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import redis

from tests.capture.command_table import HASHES, KEYS, REPLACING, Row
from tests.capture.other_types_table import ONLY_NEW, OTHER_TYPES
from tests.capture.support import changes

ROWS = [*HASHES, *KEYS, *REPLACING, *OTHER_TYPES, *ONLY_NEW]


class Wire:
    """One connection, so that MULTI and SELECT mean what they say."""

    def __init__(self, connection: redis.Connection) -> None:
        self.connection = connection
        self.dump = b""

    def call(self, *words: Any) -> Any:
        self.connection.send_command(*words)
        return self.connection.read_response()

    def run(self, commands: str) -> list[Any]:
        """`;` divides commands, and a backslash and n are a line's end within a quoted word."""
        found = []
        for command in filter(None, map(str.strip, commands.split(";"))):
            words = [self.dump if word == "<dump>" else word.replace("\\n", "\n") for word in shlex.split(command)]
            found.append(self.call(*words))
        return found

    def knows(self, command: str) -> bool:
        return self.call("COMMAND", "INFO", command) != [None]

    def database(self) -> int:
        told = dict(word.partition("=")[::2] for word in self.call("CLIENT", "INFO").decode().split())
        return int(told["db"])


@contextmanager
def wire(port: int) -> Iterator[Wire]:
    with closing(redis.Redis(port=port, protocol=2, single_connection_client=True)) as client:
        yield Wire(client.connection)


def captured(client: redis.Redis) -> str:
    """What waits in the stream, written as in a row."""

    def written(op: str, key: str, values: list[bytes | None] = []) -> str:  # noqa: B006
        return " ".join([op, key.removeprefix("person:"), *("-" if value is None else value.decode() for value in values)])

    return ", ".join(written(*change) for change in changes(client))


def expected(row: Row) -> list[str]:
    """What may be captured: the alternatives of the row."""
    return [alternative.strip() for alternative in row.captured.split("|")]


def name(row: Row) -> str:
    return " ".join(filter(None, [row.given and f"({row.given})", row.when]))[:60].replace("/", "-")
