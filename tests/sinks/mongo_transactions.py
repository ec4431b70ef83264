"""Lends transactions to a MongoDB server that has none, so that what the sink and its driver say over the wire can be tried.

A proxy that claims to be the primary of a replica set. A transaction's writes are made at once, and undone when it is aborted, when one
fails, or when the connection ends; only one is open at a time. A committed one that is committed again says so, as MongoDB does.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import bson
from pymongo import MongoClient

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CLAIMS = {"setName": "rs0", "setVersion": 1, "isWritablePrimary": True, "ismaster": True, "logicalSessionTimeoutMinutes": 30}
GONE = {"ok": 0.0, "code": 251, "codeName": "NoSuchTransaction", "errmsg": "no such transaction", "errorLabels": ["TransientTransactionError"]}


class Transactions:
    """Forwards to 127.0.0.1:`target`; `port` is its own."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.said: list[dict[str, Any]] = []
        """The commands of transactions, in their order."""
        self._backend: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", target, directConnection=True)
        self._turn = threading.Lock()
        self._committed: set[tuple[bytes, int]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.close()
        self._backend.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=_Link(self, client).serve, daemon=True).start()


class _Link:
    """A client's connection, and the transaction that is open on it."""

    def __init__(self, owner: Transactions, client: socket.socket) -> None:
        self.owner, self.client = owner, client
        self.server = socket.create_connection(("127.0.0.1", owner.target))
        self.id: tuple[bytes, int] | None = None
        self.before: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def serve(self) -> None:
        with suppress(OSError, EOFError), self.client, self.server:
            while True:
                header, body = _read(self.client)
                request, opcode = header[1], header[3]
                if opcode == OP_MSG:
                    answer = _message(OP_MSG, _body(self._command(_command(body))), request)
                else:
                    answer = _reply(self._forward(opcode, body), request)
                self.client.sendall(answer)
        self._undo()

    def _forward(self, opcode: int, body: bytes) -> dict[str, Any]:
        self.server.sendall(_message(opcode, body, 0))
        (_, _, _, answered), reply = _read(self.server)
        answer = bson.decode(reply[20:]) if answered == OP_REPLY else _command(reply)
        return answer | CLAIMS if {"ismaster", "isWritablePrimary"} & answer.keys() else answer

    def _plain(self, command: dict[str, Any]) -> dict[str, Any]:
        """As the server knows it."""
        own = {"lsid", "txnNumber", "startTransaction", "autocommit", "readConcern", "$clusterTime"}
        command = {name: value for name, value in command.items() if name not in own}
        return self._forward(OP_MSG, _body(command))

    def _command(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if command.get("autocommit") is not False:
            return self._plain(command)
        self.owner.said.append({key: value for key, value in command.items() if key not in ("lsid", "$db")})
        id = bytes(command["lsid"]["id"]), int(command["txnNumber"])
        if command.get("startTransaction"):
            self.owner._turn.acquire()
            self.id = id
        if name == "commitTransaction" and id in self.owner._committed:
            return {"ok": 1.0}
        if self.id != id:
            return GONE
        if name == "commitTransaction":
            self.owner._committed.add(id)
            self._end()
            return {"ok": 1.0}
        if name == "abortTransaction":
            self._undo()
            return {"ok": 1.0}
        if name in ("insert", "update", "delete"):
            place = command["$db"], command[name]
            self.before.setdefault(place, list(self.owner._backend[place[0]][place[1]].find()))
        answer = self._plain(command)
        if not answer.get("ok") or answer.get("writeErrors"):
            self._undo()
            answer["writeErrors"] = answer.get("writeErrors", [])[:1]  # it goes no further
        return answer

    def _undo(self) -> None:
        if self.id is None:
            return
        for (database, collection), documents in self.before.items():
            place = self.owner._backend[database][collection]
            place.delete_many({})
            if documents:
                place.insert_many(documents)
        self._end()

    def _end(self) -> None:
        self.id, self.before = None, {}
        self.owner._turn.release()


def _read(link: socket.socket) -> tuple[tuple[int, int, int, int], bytes]:
    header = struct.unpack("<iiii", _exactly(link, 16))
    return header, _exactly(link, header[0] - 16)


def _exactly(link: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = link.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _message(opcode: int, body: bytes, answers: int) -> bytes:
    return struct.pack("<iiii", 16 + len(body), 1, answers, opcode) + body


def _body(command: dict[str, Any]) -> bytes:
    return struct.pack("<IB", 0, 0) + bson.encode(command)


def _reply(document: dict[str, Any], answers: int) -> bytes:
    return _message(OP_REPLY, struct.pack("<iqii", 0, 0, 0, 1) + bson.encode(document), answers)


def _command(body: bytes) -> dict[str, Any]:
    """An OP_MSG's document, with its sequences of documents put in."""
    command: dict[str, Any] = {}
    at = 4
    while at < len(body):
        kind = body[at]
        (size,) = struct.unpack_from("<i", body, at + 1)
        section = body[at + 1 : at + 1 + size]
        if kind == 0:
            command = bson.decode(section) | command
        else:
            name, _, documents = section[4:].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
        at += 1 + size
    return dict(sorted(command.items(), key=lambda item: isinstance(item[1], list)))
