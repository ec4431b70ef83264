"""The engine and the command line over TLS to a real Redis, signed in as an ACL user."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.tls.conftest import LOGIN, SHOWN_LOGIN, Certificates, TlsRedis, engine, tls_redis
from writebehind import Engine, Pipeline
from writebehind.connectors import RedisConnection, RedisConnector, SimpleHashConnector
from writebehind.errors import ConfigError, TargetUnavailable
from writebehind.redis_url import RedisAddress, parse_redis_url
from writebehind.testing import RedisServer, wait_until

Recipe = tuple[Path, Callable[[], list[tuple[Any, ...]]]]
ENGINE = "writebehind:{persons}:engine"


def secretless(*texts: str) -> None:
    for text in texts:
        assert LOGIN[1] not in text
        assert SHOWN_LOGIN.partition(":")[2] not in text


def test_rows_arrive_over_tls_alone(redis_over_tls: TlsRedis, certificates: Certificates, sqlite_recipe: Recipe, tmp_path: Path) -> None:
    recipe, rows = sqlite_recipe
    cli = Cli(redis_over_tls.url(ssl_ca_certs=certificates.good.ca))
    configured = cli("configure")
    assert configured.returncode == 0, configured.stderr
    assert f"at rediss://127.0.0.1:{redis_over_tls.tls_port}/0" in configured.stderr
    with engine(cli, redis_over_tls.client, recipe, tmp_path / "log") as process:
        redis_over_tls.client.hset("person:1", "first", "Ada")
        wait_until(lambda: rows() == [("1", "Ada")], 10, "the row")
        own = redis_over_tls.connections()
        assert len(own) >= 3
        assert {one["laddr"] for one in own} == {f"127.0.0.1:{redis_over_tls.tls_port}"}
        status = cli("status", "--json")
        assert '"persons"' in status.stdout, status.stderr
        said = str(redis_over_tls.client.hgetall(ENGINE)) + str(redis_over_tls.client.hgetall("writebehind:registry"))
        listed = Path(f"/proc/{process.pid}/cmdline").read_text()
        secretless(status.stdout, status.stderr, configured.stdout, configured.stderr, said, listed)
    secretless((tmp_path / "log").read_text())


def test_a_name_the_systems_store_and_our_own_certificate(
    module: Path, certificates: Certificates, sqlite_recipe: Recipe, tmp_path: Path
) -> None:
    recipe, rows = sqlite_recipe
    with tls_redis(module, certificates.good, "--tls-auth-clients", "yes") as server:
        client = certificates.client
        cli = Cli(server.url(host="localhost", ssl_certfile=client.cert, ssl_keyfile=client.key))
        cli.environment["SSL_CERT_FILE"] = str(certificates.good.ca)
        with engine(cli, server.client, recipe, tmp_path / "log"):
            server.client.hset("person:1", "first", "Ada")
            wait_until(lambda: rows() == [("1", "Ada")], 10, "the row")


def refused(server: TlsRedis, url: str, recipe: Path, *parts: str) -> None:
    """`run` ends with status 2 and says so, and so does the core, which has a connection of its own."""
    done = Cli(url)("run", recipe, seconds=30)
    assert done.returncode == 2, done.stderr
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    secretless(done.stdout, done.stderr)
    assert not server.client.exists("writebehind:registry")


def core_says(address: RedisAddress, *parts: str) -> None:
    from writebehind import _core

    core = _core.Pipeline({"name": "p", "definition": "{}", "redis": address.core(), "sink": {"kind": "null"}, "options": {}})
    core.start()
    try:

        def told() -> bool:
            status = core.status()
            return status["state"] == "retrying" and all(part in status["message"] for part in parts)

        wait_until(told, 15, f"{parts} in {core.status()}")
        secretless(str(core.status()))
    finally:
        assert core.stop(1000)


def test_a_ca_that_nobody_trusts(redis_over_tls: TlsRedis, certificates: Certificates, sqlite_recipe: Recipe) -> None:
    for options in ({"ssl_ca_certs": certificates.stranger.ca}, {}):
        url = redis_over_tls.url(**options)
        refused(
            redis_over_tls, url, sqlite_recipe[0], f"Redis at rediss://127.0.0.1:{redis_over_tls.tls_port}", "certificate verify failed: "
        )
        core_says(parse_redis_url(url), f"Redis at 127.0.0.1:{redis_over_tls.tls_port}", "certificate verify failed: ", "ssl_ca_certs")


def test_a_certificate_for_another_name(module: Path, certificates: Certificates, sqlite_recipe: Recipe) -> None:
    with tls_redis(module, certificates.elsewhere) as server:
        url = server.url(host="localhost", ssl_ca_certs=certificates.good.ca)
        refused(server, url, sqlite_recipe[0], "hostname mismatch, it is not for 'localhost'")
        core_says(parse_redis_url(url), "hostname mismatch, it is not for 'localhost'")
        for careless in ({"ssl_check_hostname": "false", "ssl_ca_certs": certificates.good.ca}, {"ssl_cert_reqs": "none"}):
            done = Cli(server.url(**careless))("run", sqlite_recipe[0], "--once")
            assert done.returncode == 0, done.stderr


def test_a_server_that_wants_our_certificate(module: Path, certificates: Certificates, sqlite_recipe: Recipe) -> None:
    with tls_redis(module, certificates.good, "--tls-auth-clients", "yes") as server:
        url = server.url(ssl_ca_certs=certificates.good.ca)
        refused(server, url, sqlite_recipe[0], "certificate", "ssl_certfile")
        core_says(parse_redis_url(url), "certificate", "ssl_certfile")


def test_tls_and_plain_text_mixed_up(redis_over_tls: TlsRedis, sqlite_recipe: Recipe) -> None:
    plain, inside = redis_over_tls.server.port, redis_over_tls.tls_port
    url = f"rediss://{SHOWN_LOGIN}@127.0.0.1:{plain}"
    refused(redis_over_tls, url, sqlite_recipe[0], f"rediss://127.0.0.1:{plain}/0: the server does not speak TLS", "redis:// instead")
    core_says(parse_redis_url(url), "TLS handshake", "then the URL is redis://")
    url = f"redis://{SHOWN_LOGIN}@127.0.0.1:{inside}"
    refused(redis_over_tls, url, sqlite_recipe[0], f"redis://127.0.0.1:{inside}/0: the server speaks TLS", "rediss:// instead")
    core_says(parse_redis_url(url), "then the URL is rediss://")


def test_files_that_cant_be_used(redis_over_tls: TlsRedis, certificates: Certificates, sqlite_recipe: Recipe) -> None:
    ca, client = certificates.good.ca, certificates.client
    refused(
        redis_over_tls, redis_over_tls.url(ssl_ca_certs="/nowhere.pem"), sqlite_recipe[0], "ssl_ca_certs '/nowhere.pem'", "No such file"
    )
    mixed = redis_over_tls.url(ssl_ca_certs=ca, ssl_certfile=client.cert, ssl_keyfile=certificates.good.key)
    refused(redis_over_tls, mixed, sqlite_recipe[0], f"ssl_certfile '{client.cert}, {certificates.good.key}'", "mismatch")


@pytest.mark.parametrize(
    ("login", "who"), [("wb%2Bengine:wrong-one", "user 'wb+engine'"), ("nobody:wrong-one", "user 'nobody'"), (":wrong-one", "default user")]
)
def test_a_wrong_login_is_named(redis_over_tls: TlsRedis, certificates: Certificates, sqlite_recipe: Recipe, login: str, who: str) -> None:
    redis_over_tls.client.config_set("requirepass", "right")
    redis_over_tls.client.auth("right")
    url = redis_over_tls.url(login, ssl_ca_certs=certificates.good.ca)
    refused(redis_over_tls, url, sqlite_recipe[0], "refuses the login of", who)
    core_says(parse_redis_url(url), "refuses the login of", who)
    done = Cli(url)("status")
    assert done.returncode == 2
    assert "wrong-one" not in done.stdout + done.stderr


def test_a_user_without_a_password_is_that_user(redis_over_tls: TlsRedis, certificates: Certificates) -> None:
    redis_over_tls.client.execute_command("ACL", "SETUSER", "guest", "on", "nopass", "~*", "+ping", "+select")
    address = parse_redis_url(redis_over_tls.url("guest", ssl_ca_certs=certificates.good.ca))
    core_says(address, "NOPERM")
    with address.client() as client, pytest.raises(Exception, match="(?i)no permissions"):
        client.get("k")


def test_a_server_that_does_not_know_auth_repeats_no_password(module: Path, certificates: Certificates) -> None:
    with tls_redis(module, certificates.good, "--rename-command", "AUTH", "LOGIN") as server:
        address = parse_redis_url(server.url("u:shown-word", ssl_ca_certs=certificates.good.ca))
        core_says(address, "refuses the login of user 'u'", "unknown command")
        from writebehind.server import redis_errors

        with address.client() as client, pytest.raises(ConfigError, match="unknown command") as raised, redis_errors(address):
            client.ping()
        assert "shown-word" not in f"{raised.value} {raised.value.hint}"


def test_what_changes_while_it_runs_is_retried(
    redis_over_tls: TlsRedis, certificates: Certificates, sqlite_recipe: Recipe, tmp_path: Path
) -> None:
    recipe, rows = sqlite_recipe
    log = tmp_path / "log"
    server, client = redis_over_tls, redis_over_tls.client
    stranger, good = certificates.stranger, certificates.good

    def certificate(one: Any) -> None:
        client.config_set("tls-cert-file", str(one.cert), "tls-key-file", str(one.key))

    changes: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
        ("refuses the login of user 'wb+engine'", lambda: server.set_password("other"), lambda: server.set_password(LOGIN[1])),
        ("certificate verify failed: ", lambda: certificate(stranger), lambda: certificate(good)),
    ]
    with engine(Cli(server.url(ssl_ca_certs=good.ca)), client, recipe, log):
        for number, (message, spoil, mend) in enumerate(changes):
            spoil()
            server.drop_connections()
            wait_until(lambda message=message: message in log.read_text(), 15, f"{message!r} in the log")
            client.hset(f"person:{number}", "first", "Ada")
            assert len(rows()) == number
            mend()
            wait_until(lambda number=number: len(rows()) == number + 1, 15, "the row")
        server.server.kill()
        server.server.start()
        client.execute_command("ACL", "SETUSER", LOGIN[0], "on", "~*", "+@all", f">{LOGIN[1]}")
        wait_until(lambda: client.exists("writebehind:registry"), 15, "the registration, made again")
        client.hset("person:9", "first", "Grace")
        wait_until(lambda: rows()[-1] == ("9", "Grace"), 15, "the row after the restart")
    secretless(log.read_text())


def test_the_same_redis_as_the_target_is_reached_over_tls_too(redis_over_tls: TlsRedis, certificates: Certificates) -> None:
    mapping = {"first": "name"}
    pipeline = Pipeline(name="persons", prefix="person", mapping=mapping, connector=SimpleHashConnector("copy"))
    with Engine(redis_over_tls.url(ssl_ca_certs=certificates.good.ca), [pipeline]) as running:
        redis_over_tls.client.hset("person:1", "first", "Ada")
        assert running.drain()
        assert redis_over_tls.client.hgetall("copy:1") == {"name": "Ada"}
        assert {one["laddr"] for one in redis_over_tls.connections()} == {f"127.0.0.1:{redis_over_tls.tls_port}"}


def test_another_redis_as_the_target(
    redis_over_tls: TlsRedis, module: Path, certificates: Certificates, redis_server: RedisServer, redis_client: Any
) -> None:
    """Over TLS, as an ACL user; verified, and refused as for the engine's own."""
    good, other = certificates.good, certificates.elsewhere

    def connection(port: int = redis_over_tls.tls_port, password: str = LOGIN[1], **options: Any) -> RedisConnection:
        return RedisConnection("localhost", port, lambda: password, **{"username": LOGIN[0], "ssl_ca_certs": good.ca, **options})

    def pipeline(to: RedisConnection, prefix: str = "copy") -> Pipeline:
        return Pipeline(name="away", prefix="away", mapping={"first": "name"}, connector=RedisConnector(to, prefix))

    def refused(to: RedisConnection, *parts: str) -> None:
        with pytest.raises(ConfigError) as raised, Engine(redis_server.url, [pipeline(to)]):
            pass
        assert [part for part in parts if part not in str(raised.value)] == [], raised.value
        secretless(f"{raised.value} {raised.value.hint}")

    refused(connection(ssl_ca_certs=certificates.stranger.ca), f"localhost:{redis_over_tls.tls_port}", "certificate verify failed")
    refused(connection(ssl_ca_certs="/nowhere.pem"), "/nowhere.pem", "No such file")
    core = Engine(redis_server.url).core(pipeline(connection(redis_over_tls.server.port)))
    with pytest.raises(TargetUnavailable, match="TLS handshake"):  # in plain text: nothing is said to it
        core.check(Engine.definition_text(pipeline(connection())))
    refused(connection(password="wrong"), "refuses the login of user 'wb+engine'")
    with tls_redis(module, other, "--tls-auth-clients", "yes") as named:
        refused(connection(named.tls_port), "certificate")
        own = {"ssl_certfile": certificates.client.cert, "ssl_keyfile": certificates.client.key}
        refused(connection(named.tls_port, **own), "it is not for 'localhost'")
        for number, careless in enumerate(({"ssl_check_hostname": False}, {"ssl_cert_reqs": "none"})):
            with Engine(redis_server.url, [pipeline(connection(named.tls_port, **own, **careless))]) as running:
                redis_client.hset("away:1", "first", number)
                assert running.drain()
                assert named.client.hgetall("copy:1") == {"name": str(number)}
    with Engine(redis_server.url, [pipeline(connection())]) as running:
        redis_client.hset("away:1", "first", "Ada")
        assert running.drain()
        assert redis_over_tls.client.hgetall("copy:1") == {"name": "Ada"}
        assert {one["laddr"] for one in redis_over_tls.connections()} == {f"127.0.0.1:{redis_over_tls.tls_port}"}
    for wrong, says in (
        ({"ssl": False}, "ssl is false, but ssl_ca_certs is given"),
        ({"ssl_cert_reqs": "optional"}, "not required or none"),
        ({"ssl_keyfile": "/k"}, "ssl_keyfile is given without ssl_certfile"),
    ):
        with pytest.raises(ConfigError, match=says):
            connection(**wrong)
    with pytest.raises(ConfigError, match="Unix socket"):
        RedisConnection("/tmp/socket", 1, ssl=True)
