"""TLS to MongoDB and Cassandra: what is verified, and that plain text is never the way out. Servers without TLS get it from a terminator;
Cassandra is the one that WB_CASSANDRA names."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.tls.conftest import Certificate, Certificates
from writebehind.connectors import CqlConnection, MongoConnection
from writebehind.errors import ConfigError, TargetUnavailable
from writebehind.sinks import Sink

Connect = Callable[..., Sink]


@contextmanager
def terminator(target: int, certificate: Certificate, client_ca: Certificate | None = None) -> Iterator[int]:
    """The port of a proxy that speaks TLS to clients, and plain text to 127.0.0.1:`target`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca.ca)
    listener = socket.create_server(("127.0.0.1", 0))

    def forward(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        for link in (one, other):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def serve(plain: socket.socket) -> None:
        wrap, dial = context.wrap_socket, socket.create_connection
        with plain, suppress(OSError), wrap(plain, server_side=True) as client, dial(("127.0.0.1", target)) as server:
            back = threading.Thread(target=forward, args=(server, client), daemon=True)
            back.start()
            forward(client, server)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.close()


@pytest.fixture(params=["mongodb", "cassandra"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def target(kind: str, request: pytest.FixtureRequest) -> int:
    """Its port, on this machine."""
    if kind == "mongodb":
        if "WB_MONGODB" in os.environ:
            pytest.skip("of a server of its own")
        return int(request.getfixturevalue("mongo_url").rpartition(":")[2].partition("/")[0])
    if "WB_CASSANDRA" not in os.environ:
        pytest.skip("set WB_CASSANDRA to cassandra://user:password@host:port/keyspace")
    return urlsplit(os.environ["WB_CASSANDRA"]).port or 9042


@pytest.fixture
def connect(kind: str) -> Iterator[Connect]:
    """`connect(port, ca=…, cert=…, any_name=True)` opens a sink."""
    made: list[Sink] = []

    def open_(port: int, ca: Any = None, cert: Certificate | None = None, any_name: bool = False, **options: Any) -> None:
        if kind == "mongodb":
            from writebehind.sinks.mongo import MongoSink

            if cert is not None:
                both = cert.cert.with_suffix(".both")
                both.write_bytes(cert.cert.read_bytes() + cert.key.read_bytes())
                options["tlsCertificateKeyFile"] = both
            options |= {"tlsAllowInvalidHostnames": True} if any_name else {}
            place = f"127.0.0.1:{port}/?directConnection=true&serverSelectionTimeoutMS=1000"
            made.append(MongoSink(MongoConnection("", "", place, tlsCAFile=ca, **options), "d", "t", "id", None))
        else:
            from writebehind.sinks.cassandra import CassandraSink

            options |= {"ssl_cert": cert.cert, "ssl_key": cert.key} if cert is not None else {}
            options |= {"ssl_verify": False} if any_name else {}
            made.append(CassandraSink(CqlConnection("", "", "127.0.0.1", "", port=port, ssl_ca=ca, **options)))
        made[-1].open()

    yield open_
    for sink in made:
        sink.close()


def test_the_certificate_is_verified(kind: str, target: int, connect: Connect, certificates: Certificates) -> None:
    ca = certificates.good.ca
    with terminator(target, certificates.good) as port:
        connect(port, ca)
        with pytest.raises(TargetUnavailable):
            connect(port)  # in plain text
    with terminator(target, certificates.elsewhere) as port:
        with pytest.raises(ConfigError, match="mismatch"):
            connect(port, ca)
        connect(port, ca, any_name=True)
    with terminator(target, certificates.stranger) as port:
        for any_name in (False, True):
            with pytest.raises(ConfigError, match="certificate verify failed"):
                connect(port, ca, any_name=any_name)


def test_who_demands_tls_never_gets_plain_text(kind: str, target: int, connect: Connect, certificates: Certificates) -> None:
    with pytest.raises(TargetUnavailable):
        connect(target, certificates.good.ca)
    with pytest.raises(TargetUnavailable):
        connect(target, **{"tls" if kind == "mongodb" else "ssl_required": True})


def test_our_own_certificate_is_shown(target: int, connect: Connect, certificates: Certificates) -> None:
    with terminator(target, certificates.good, client_ca=certificates.client) as port:
        connect(port, certificates.good.ca, certificates.client)
        with pytest.raises(TargetUnavailable):
            connect(port, certificates.good.ca)


def test_a_file_that_is_not_there_is_said(connect: Connect, kind: str) -> None:
    if kind == "cassandra":
        pytest.importorskip("cassandra.cluster")
    else:
        pytest.importorskip("pymongo")
    with pytest.raises(ConfigError, match="/no/such/ca"):
        connect(1, "/no/such/ca")
