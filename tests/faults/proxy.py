"""A TCP proxy that loses a request or its answer at a chosen moment, is slow or mute, and can keep new connections waiting."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self


class Loss(Enum):
    ANSWER = 1
    """The server gets what holds the mark; when it answers, the answer is thrown away and both ends are closed."""
    REQUEST = 2
    """Both ends are closed before the server gets what holds the mark."""
    SILENCE = 3
    """The server does not get what holds the mark, and both ends stay open."""
    HALF = 4
    """The client gets the first half of what the server answers, and then both ends are closed."""


class Proxy:
    """Forwards to 127.0.0.1:`target`; `port` is its own."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.lost = threading.Event()
        """Something was lost as `lose` asked for."""
        self.delay_s = 0.0
        """Of all that passes from now on, in either direction."""
        self._open = threading.Event()
        self._open.set()
        self.is_mute = False
        """What servers send is thrown away, and both ends stay open."""
        self._lock = threading.Lock()
        self._mark: bytes | None = None
        self._loss = Loss.ANSWER
        self._holds_then = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, mark: bytes, loss: Loss, *, hold: bool = False) -> None:
        """Once, when a client sends bytes that hold `mark`; `hold`: new connections wait from then on."""
        with self._lock:
            self.lost.clear()
            self._mark, self._loss, self._holds_then = mark, loss, hold

    def forget(self) -> None:
        """Nothing more is lost, if nothing was yet."""
        with self._lock:
            self._mark = None

    def cut(self) -> None:
        """Closes all connections, whatever is under way on them."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            _shut(one)

    def hold(self) -> None:
        """New connections are taken, and nothing passes over them until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._listener.close()
        self._open.set()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._open.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            _shut(client)
            return
        server.settimeout(None)
        self._sockets.append(server)
        swallow: list[Loss] = []
        threading.Thread(target=self._answers, args=(server, client, swallow), daemon=True).start()
        self._requests(client, server, swallow)

    def _requests(self, client: socket.socket, server: socket.socket, swallow: list[Loss]) -> None:
        before = b""
        with suppress(OSError):
            while data := client.recv(1 << 16):
                self._wait()
                loss = self._loss_in(before, data)
                before = data
                if loss is Loss.REQUEST:
                    self.lost.set()
                    break
                if loss is Loss.SILENCE:
                    self.lost.set()
                    continue
                if loss is not None:
                    swallow.append(loss)
                server.sendall(data)
        _shut(client)
        _shut(server)

    def _answers(self, server: socket.socket, client: socket.socket, swallow: list[Loss]) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                self._wait()
                if swallow:
                    self.lost.set()
                    if swallow[0] is Loss.HALF:
                        client.sendall(data[: len(data) // 2])
                    break
                if not self.is_mute:
                    client.sendall(data)
        _shut(client)
        _shut(server)

    def _wait(self) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)

    def _loss_in(self, before: bytes, data: bytes) -> Loss | None:
        with self._lock:
            if self._mark is None:
                return None
            # A mark may lie across two reads, but one that lies in the read before came before it was asked for.
            edge = before[-(len(self._mark) - 1) :]
            if self._mark not in edge + data:
                return None
            self._mark = None
            if self._holds_then:
                self._open.clear()
            return self._loss


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
