"""TLS to PostgreSQL and MariaDB: what is verified, what is refused, and that plain text is never the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pymysql
import pytest
import redis

from tests.conftest import Cli
from tests.tls.conftest import CREATE, Certificate, Certificates, engine, tls_database, use_certificate, write_recipe
from writebehind.testing import RedisServer, Server, wait_until

KINDS = ("Postgres", "MySql")
# The option that names the CA, the one that only demands TLS, and the one that leaves the host's name alone.
CA = {"Postgres": "sslrootcert={!r}", "MySql": "ssl_ca={!r}"}
DEMAND = {"Postgres": "sslmode='require'", "MySql": "ssl_required=True"}
ANY_NAME = {"Postgres": "sslmode='verify-ca'", "MySql": "ssl_verify=False"}
CLIENT = {"Postgres": "sslcert={!r}, sslkey={!r}", "MySql": "ssl_cert={!r}, ssl_key={!r}"}


def ask(server: Server, statement: str) -> list[tuple[Any, ...]]:
    if "postgres" in server.program:
        link: Any = psycopg2.connect(server.url)  # type: ignore[attr-defined]
        link.autocommit = True
    else:
        link = pymysql.connect(host="127.0.0.1", port=server.port, user="wb", password="wb", database="wb", autocommit=True)
    try:
        cursor = link.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        link.close()


@contextmanager
def database(kind: str, certificate: Certificate | None) -> Iterator[Server]:
    with tls_database(kind, certificate) as server:
        ask(server, CREATE)
        yield server


def connection(server: Server, *options: str, host: str = "127.0.0.1", user: str = "wb") -> str:
    return ", ".join([f"{user!r}, 'wb', '{host}:{server.port}/wb'", *filter(None, options)])


def ciphers(kind: str, server: Server) -> set[bool]:
    """Whether the engine's connections are encrypted."""
    if kind == "Postgres":
        rows = ask(server, "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'writebehind'")
        return {row[0] for row in rows}
    # MariaDB says it of one's own session only; a user that it lets in by TLS alone shows the same.
    rows = ask(server, "SELECT user FROM information_schema.processlist WHERE user = 'sealed'")
    return {True for _ in rows}


def only_sealed(kind: str, server: Server) -> str:
    """The user of the engine's connections."""
    if kind == "Postgres":
        return "wb"
    ask(server, "CREATE USER IF NOT EXISTS sealed@'%' IDENTIFIED BY 'wb' REQUIRE SSL")
    ask(server, "GRANT ALL ON *.* TO sealed@'%'")
    return "sealed"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["verified", "verified by name", "behind db", "demanded", "any name"])
def test_rows_arrive(
    kind: str, how: str, certificates: Certificates, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    used = certificates.elsewhere if how == "any name" else certificates.stranger if how == "demanded" else certificates.good
    ca = CA[kind].format(str(certificates.good.ca))
    with database(kind, used) as server:
        user = only_sealed(kind, server)
        arguments = {
            "verified": connection(server, ca, user=user),
            "verified by name": connection(server, ca, user=user, host="localhost"),
            "behind db": connection(server, user=user).removesuffix("'") + "?" + ca.replace("'", "") + "'",
            "demanded": connection(server, DEMAND[kind], user=user),
            "any name": connection(server, ca, ANY_NAME[kind], user=user),
        }[how]
        with engine(Cli(redis_server.url), redis_client, write_recipe(tmp_path, kind, arguments), tmp_path / "log"):
            redis_client.hset("person:1", "first", "Ada")
            wait_until(lambda: ask(server, "SELECT * FROM persons") == [("1", "Ada")], 15, "the row")
            assert ciphers(kind, server) == {True}


def refused(url: str, recipe: Path, *parts: str) -> None:
    done = Cli(url)("run", recipe, "--once")
    assert done.returncode == 2, done.stderr
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_verify_is_refused(
    kind: str, certificates: Certificates, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    good, stranger = certificates.good, certificates.stranger
    with database(kind, good) as server:
        wrong_ca = CA[kind].format(str(stranger.ca))
        for options in ((wrong_ca,), (wrong_ca, ANY_NAME[kind])):
            refused(redis_server.url, write_recipe(tmp_path, kind, connection(server, *options)), "certificate")
        missing = CA[kind].format("/nowhere.pem")
        refused(
            redis_server.url,
            write_recipe(tmp_path, kind, connection(server, missing)),
            "o such file" if kind == "MySql" else "/nowhere.pem",
        )
        server.stop()
        use_certificate(server, certificates.elsewhere)
        server.start()
        ca = CA[kind].format(str(good.ca))
        refused(redis_server.url, write_recipe(tmp_path, kind, connection(server, ca, host="localhost")), "certificate")
        assert redis_client.keys() == []
        assert ask(server, "SELECT * FROM persons") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_tls_is_refused(
    kind: str, certificates: Certificates, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    ca = CA[kind].format(str(certificates.good.ca))
    own = CLIENT[kind].format(str(certificates.client.cert), str(certificates.client.key))
    with database(kind, None) as server:
        for options in ((ca,), (DEMAND[kind],), (ca, ANY_NAME[kind]), (own,)):
            # The driver of MariaDB refuses where it verifies; elsewhere the core does.
            says = "does not support SSL" if kind == "Postgres" else "SSL is required" if options == (ca,) else "TLS is required"
            refused(redis_server.url, write_recipe(tmp_path, kind, connection(server, *options)), says)
        assert redis_client.keys() == []


@pytest.mark.parametrize("kind", KINDS)
def test_tls_that_goes_away_while_it_runs(
    kind: str, certificates: Certificates, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Killed during writes over TLS; back without TLS: rows wait; back with it: they arrive, each as it was last."""
    log = tmp_path / "log"
    with database(kind, certificates.good) as server:
        recipe = write_recipe(tmp_path, kind, connection(server, DEMAND[kind]))

        def write(start: int, stop: int) -> None:
            pipe = redis_client.pipeline(transaction=False)
            for number in range(start, stop):
                pipe.hset(f"person:{number}", "first", f"name {number}")
            pipe.execute()

        def count() -> int:
            return int(ask(server, "SELECT count(*) FROM persons")[0][0])

        with engine(Cli(redis_server.url), redis_client, recipe, log):
            write(0, 1)
            wait_until(lambda: count() > 0, 20, "the first row")
            write(1, 30_000)
            server.kill()
            use_certificate(server, None)
            server.start()
            there = count()
            write(30_000, 31_000)
            wait_until(lambda: "support" in log.read_text() or "does not offer it" in log.read_text(), 30, "the refusal in the log")
            assert count() == there
            server.stop()
            use_certificate(server, certificates.good)
            server.start()
            wait_until(lambda: redis_client.xlen("writebehind:{persons}:stream") == 0, 60, "an empty stream")
            assert count() == 31_000
        said = log.read_text()
        assert "ended:" not in said
        assert redis_client.xlen("writebehind:{persons}:rejected") == 0
