"""Certificates made for the session, and servers that use them."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import Cli
from writebehind.testing import MariaDBServer, PostgresServer, RedisServer, Server, wait_until

LOGIN = "wb+engine", "p@ss/w?rd#:% é"
"""Of the ACL user that the engine signs in as: whatever stands between them in a URL must be percent-encoded."""
SHOWN_LOGIN = "wb%2Bengine:p%40ss%2Fw%3Frd%23%3A%25%20%C3%A9"


@dataclass(frozen=True)
class Certificate:
    """A certificate, its key, and its CA's certificate, as files."""

    ca: Path
    cert: Path
    key: Path


class Authority:
    """A CA that signs what it is asked to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir(exist_ok=True)
        self.ca, self._key = directory / "ca.crt", directory / "ca.key"
        self._openssl("req", "-x509", *self._new(self._key), "-out", self.ca, "-subj", f"/CN={directory.name}", "-days", "2")

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _new(key: Path) -> tuple[str | Path, ...]:
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key

    def sign(self, name: str, alternatives: str) -> Certificate:
        request, cert, key, extensions = (self.directory / f"{name}.{end}" for end in ("csr", "crt", "key", "ext"))
        self._openssl("req", "-new", *self._new(key), "-out", request, "-subj", f"/CN={name}")
        extensions.write_text(f"subjectAltName={alternatives}\n")
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial", "-days", "2",
            "-extfile", extensions, "-out", cert,
        )  # fmt: skip
        return Certificate(self.ca, cert, key)


@dataclass(frozen=True)
class Certificates:
    """What the tests need: `good` is for this machine, `elsewhere` for another name, `stranger` from a CA that nobody trusts."""

    good: Certificate
    elsewhere: Certificate
    stranger: Certificate
    client: Certificate


@pytest.fixture(scope="session")
def certificates() -> Iterator[Certificates]:
    directory = Path(tempfile.mkdtemp(prefix="writebehind-"))
    ours, theirs = Authority(directory / "ours"), Authority(directory / "theirs")
    here = "DNS:localhost,IP:127.0.0.1"
    yield Certificates(
        ours.sign("good", here), ours.sign("elsewhere", "DNS:db.example"), theirs.sign("stranger", here), ours.sign("client", "DNS:engine")
    )
    shutil.rmtree(directory)


class TlsRedis:
    """A Redis with the module that has a port in plain text, for the tests, and one with TLS, for the engine."""

    def __init__(self, server: RedisServer, tls_port: int) -> None:
        self.server, self.tls_port = server, tls_port
        self.client = redis.Redis(port=server.port, decode_responses=True)

    def url(self, login: str = SHOWN_LOGIN, host: str = "127.0.0.1", **options: object) -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"rediss://{login}@{host}:{self.tls_port}/0" + (f"?{query}" if query else "")

    def set_password(self, password: str) -> None:
        self.client.execute_command("ACL", "SETUSER", LOGIN[0], "resetpass", f">{password}")

    def drop_connections(self) -> None:
        """Ends the engine's connections, not ours."""
        self.client.execute_command("CLIENT", "KILL", "LADDR", f"127.0.0.1:{self.tls_port}", "SKIPME", "yes")

    def connections(self) -> list[dict[str, str]]:
        """Of the engine's user, by either port."""
        return [one for one in self.client.client_list() if one["user"] == LOGIN[0]]


@contextmanager
def tls_redis(module: Path, certificate: Certificate, *arguments: str) -> Iterator[TlsRedis]:
    files = ["--tls-cert-file", certificate.cert, "--tls-key-file", certificate.key, "--tls-ca-cert-file", certificate.ca]
    made = RedisServer("--tls-auth-clients", "no", *map(str, files), *arguments, module=module)
    port = made.reserve_port()
    made.arguments += ["--tls-port", str(port)]
    with made as server:
        both = TlsRedis(server, port)
        both.client.execute_command("ACL", "SETUSER", LOGIN[0], "on", "~*", "+@all", f">{LOGIN[1]}")
        yield both
        both.client.close()


@pytest.fixture
def redis_over_tls(module: Path, certificates: Certificates) -> Iterator[TlsRedis]:
    with tls_redis(module, certificates.good) as made:
        yield made


Make = Callable[..., Server]


def tls_database(kind: str, certificate: Certificate | None) -> Server:
    """A database server that offers TLS with that certificate, or none; not started."""
    server: Server = PostgresServer("-c", "fsync=off") if kind == "Postgres" else MariaDBServer()
    use_certificate(server, certificate)
    return server


def use_certificate(server: Server, certificate: Certificate | None) -> None:
    """From its next start. The files are copied to where the server's own user may read them, and nobody else."""
    is_postgres = isinstance(server, PostgresServer)
    server.arguments = [word for word in server.arguments if not word.startswith(("ssl", "--ssl", "--skip-ssl"))]
    server.arguments = server.arguments[:2] if is_postgres else server.arguments
    if certificate is None:
        server.arguments += [] if is_postgres else ["--skip-ssl"]
        return
    files = {}
    for name in ("ca", "cert", "key"):
        files[name] = server.directory / f"tls-{name}"
        shutil.copy(getattr(certificate, name), files[name])
        files[name].chmod(0o600)
    if is_postgres:
        for setting in ("ssl=on", f"ssl_cert_file={files['cert']}", f"ssl_key_file={files['key']}"):
            server.arguments += ["-c", setting]
    else:
        server.arguments += [f"--ssl-cert={files['cert']}", f"--ssl-key={files['key']}", f"--ssl-ca={files['ca']}"]


def write_recipe(directory: Path, kind: str, connection: str, name: str = "persons") -> Path:
    path = directory / f"{name}.py"
    path.write_text(
        f"from writebehind.connectors import {kind}Connection, {kind}Connector\n"
        "from writebehind import RGWriteBehind\n"
        f"connector = {kind}Connector({kind}Connection({connection}), 'persons', 'id')\n"
        f"RGWriteBehind(GB, 'person', {{'first': 'first'}}, connector, {name!r}, onFailedRetryInterval=1)\n"
    )
    return path


CREATE = "CREATE TABLE persons (id VARCHAR(40) PRIMARY KEY, first VARCHAR(40))"


@pytest.fixture
def sqlite_recipe(tmp_path: Path) -> tuple[Path, Callable[[], list[tuple[Any, ...]]]]:
    """A recipe that writes to a SQLite file, and what its table holds."""
    file = tmp_path / "persons.db"

    def ask(statement: str = "SELECT * FROM persons ORDER BY id") -> list[tuple[Any, ...]]:
        link = sqlite3.connect(file, timeout=30)
        try:
            with link:
                return link.execute(statement).fetchall()
        finally:
            link.close()

    ask(CREATE)
    return write_recipe(tmp_path, "SQLite", repr(str(file))), ask


@contextmanager
def engine(cli: Cli, client: redis.Redis, recipe: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    """`writebehind run` from its registration on, its messages in a file; ended by SIGTERM, and well."""
    process = cli.start("run", recipe, log=log)
    try:
        wait_until(lambda: process.poll() is not None or client.exists("writebehind:registry"), 30, "the registration")
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0, log.read_text()
