"""The servers of writebehind.testing."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from writebehind.testing import RedisServer


def test_a_port_stays_its_servers_own_while_that_is_down() -> None:
    with RedisServer() as server:
        server.kill()
        with socket.socket() as other, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            other.bind(("127.0.0.1", server.port))
        assert server.start().ready()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", server.port))
        other.listen()
