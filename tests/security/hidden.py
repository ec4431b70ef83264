"""Passwords that can be found again, whole, in part or encoded, in whatever text; and what Redis holds, as one text."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import redis

ODD = "/p@:?#% '\"\\$&+;="
"""What must be escaped somewhere: in a URL, in libpq's parameters, in SQL, in a shell."""


class Hidden:
    """A password: two words that stand nowhere else, with odd characters between them.

    Args:
        name: of it; the words are made of it, so that percent-encoding leaves them as they are.
        odd: what stands between.
    """

    def __init__(self, name: str, odd: str = ODD) -> None:
        self.name = name
        self.words = f"Zq{name}Head7x", f"Zq{name}Tail7x"
        self.text = odd.join(self.words)
        self.encoded = quote(self.text, safe="")

    def __str__(self) -> str:
        return self.text

    def traces(self) -> list[bytes]:
        """What a text that gives it away holds: a word, a word in hexadecimal digits, or its base64, wherever that begins."""
        made = []
        for word in self.words:
            data = word.encode()
            made += [data, data.hex().encode(), data.hex().upper().encode()]
            for shift in range(3):
                # Without the letters that depend on what stands before and behind it.
                made.append(base64.b64encode(b"x" * shift + data)[4 if shift else 0 :].rstrip(b"=")[:-1])
        return made


def found(hidden: list[Hidden], texts: dict[str, str | bytes]) -> list[str]:
    """Where which of them shows, with what stands around it."""
    places = []
    for where, text in texts.items():
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        for one in hidden:
            for trace in one.traces():
                at = data.find(trace)
                if at >= 0:
                    places.append(f"{one.name} in {where}: …{data[max(0, at - 80) : at + 60].decode(errors='replace')}…")
    return places


def contents(client: redis.Redis) -> Iterator[bytes]:
    """All keys of a database with all that they hold; `client` does not decode."""
    read = {b"string": client.get, b"hash": client.hgetall, b"stream": client.xrange}
    for key in sorted(client.keys()):
        yield repr((key, read[client.type(key)](key))).encode()


def files(directory: Path) -> bytes:
    """All that the files under a directory hold."""
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())
