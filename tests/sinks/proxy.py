"""A way to a server that loses the answer to a COMMIT."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def swallowing_proxy(port: int) -> Iterator[tuple[int, threading.Event]]:
    """A port whose connection is cut behind the next COMMIT, before its answer, once the event is set."""
    swallow = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=pump, args=(server, client, None), daemon=True).start()
            threading.Thread(target=pump, args=(client, server, swallow), daemon=True).start()

    def pump(source: socket.socket, sink: socket.socket, cut: threading.Event | None) -> None:
        with source:
            while data := read(source):
                if cut is not None and cut.is_set() and b"COMMIT" in data:
                    cut.clear()
                    source.shutdown(socket.SHUT_RDWR)  # the client hears nothing more; the server gets the COMMIT
                with suppress(OSError):
                    sink.sendall(data)

    def read(source: socket.socket) -> bytes:
        try:
            return source.recv(65536)
        except OSError:
            return b""

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], swallow
    finally:
        listener.close()
