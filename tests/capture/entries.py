"""Reads the packed value of a stream entry: the grammar of cpp/src/codec/entry_format.h, once more and apart from the C++ code."""

from __future__ import annotations

from dataclasses import dataclass

FLAG_UUID = 1
FLAG_NAMED = 2
FLAG_SHARED = 4
FLAG_WAS = 8
FLAG_FROM = 16
FLAG_FORGOTTEN = 32


@dataclass(frozen=True)
class Entry:
    """A decoded entry. `fields` is a list of values, or a dict where the entry names its fields; None: no such field. `was`: the key columns'
    fields in the row that the change leaves; empty: its key had none; None: it leaves none. `whose`: the key whose row it takes. `forgotten`: a row that a
    rejected change left its key is not its own any more."""

    op: str
    identity: str
    definition: int
    key: bytes
    uuid: bytes | None
    shared: bool
    fields: list[bytes | None] | dict[bytes, bytes | None]
    was: dict[bytes, bytes] | None = None
    whose: bytes | None = None
    forgotten: bool = False


class _Cursor:
    def __init__(self, packed: bytes) -> None:
        self.rest = packed

    def take(self, count: int) -> bytes:
        if count > len(self.rest):
            raise ValueError(f"{count} bytes wanted, {len(self.rest)} left")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self) -> bytes:
        return self.take(self.varint())

    def value(self) -> bytes | None:
        size = self.varint()
        return None if size == 0 else self.take(size - 1)


def decode(packed: bytes) -> Entry:
    """The entry in `packed`.

    Raises:
        ValueError: the bytes do not follow the grammar, or go on behind it.
    """
    cursor = _Cursor(packed)
    op = cursor.take(1).decode()
    flags = cursor.take(1)[0]
    if op not in "cud" or flags & ~(FLAG_UUID | FLAG_NAMED | FLAG_SHARED | FLAG_WAS | FLAG_FROM | FLAG_FORGOTTEN):
        raise ValueError(f"operation {op!r}, flags {flags}")
    identity = f"{int.from_bytes(cursor.take(8), 'little'):016x}"
    definition = cursor.varint()
    key = cursor.text()
    uuid = cursor.text() if flags & FLAG_UUID else None
    was = {cursor.text(): cursor.text() for _ in range(cursor.varint())} if flags & FLAG_WAS else None
    whose = cursor.text() if flags & FLAG_FROM else None
    count = cursor.varint()
    fields: list[bytes | None] | dict[bytes, bytes | None]
    if flags & FLAG_NAMED:
        fields = {cursor.text(): cursor.value() for _ in range(count)}
    else:
        fields = [cursor.value() for _ in range(count)]
    if cursor.rest:
        raise ValueError(f"{len(cursor.rest)} bytes behind the end")
    return Entry(op, identity, definition, key, uuid, bool(flags & FLAG_SHARED), fields, was, whose, bool(flags & FLAG_FORGOTTEN))
