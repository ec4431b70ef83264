"""Sentinel, the master and its replica over TLS alone, and an engine that follows a failover."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.faults.failover import SERVICE, SentinelServer
from tests.tls.conftest import LOGIN, SHOWN_LOGIN, Certificates, TlsRedis, engine, tls_redis
from writebehind.testing import wait_until

Recipe = tuple[Path, Callable[[], list[tuple[Any, ...]]]]


class TlsSet:
    """They speak TLS to each other; ports in plain text are for the tests alone."""

    def __init__(self, opened: ExitStack, module: Path, certificates: Certificates) -> None:
        good = certificates.good
        self.master = opened.enter_context(tls_redis(module, good, "--tls-replication", "yes"))
        link = ("--replicaof", "127.0.0.1", str(self.master.tls_port), "--repl-diskless-sync-delay", "0")
        self.replica = opened.enter_context(tls_redis(module, good, "--tls-replication", "yes", *link))
        made = SentinelServer(self.master.server, port=self.master.tls_port)
        self.tls_port = made.reserve_port()
        files = (f"tls-cert-file {good.cert}", f"tls-key-file {good.key}", f"tls-ca-cert-file {good.ca}")
        made.lines = (f"tls-port {self.tls_port}", "tls-replication yes", "tls-auth-clients no", *files)
        self.sentinel = opened.enter_context(made)
        wait_until(lambda: self.sentinel.state()["num-slaves"] == "1", 30, "what the Sentinel must know")
        wait_until(lambda: self.replica.client.info("replication")["master_link_status"] == "up", 30, "the replica's data")

    def url(self, ca: Path) -> str:
        return f"rediss+sentinel://{SHOWN_LOGIN}@127.0.0.1:{self.tls_port}/{SERVICE}?ssl_ca_certs={ca}"


@pytest.fixture
def servers(module: Path, certificates: Certificates) -> Iterator[TlsSet]:
    with ExitStack() as opened:
        yield TlsSet(opened, module, certificates)


def over_tls(server: TlsRedis) -> bool:
    """The engine is connected, and by no other port."""
    own = server.connections()
    return len(own) >= 3 and {one["laddr"] for one in own} == {f"127.0.0.1:{server.tls_port}"}


def test_an_engine_follows_a_failover(servers: TlsSet, certificates: Certificates, sqlite_recipe: Recipe, tmp_path: Path) -> None:
    recipe, rows = sqlite_recipe
    master, replica = servers.master, servers.replica
    cli = Cli(servers.url(certificates.good.ca))
    with engine(cli, master.client, recipe, tmp_path / "log"):
        master.client.hset("person:1", "first", "Ada")
        wait_until(lambda: rows() == [("1", "Ada")], 20, "the row")
        wait_until(lambda: over_tls(master), 20, "connections by TLS alone")
        master.client.hset("person:2", mapping={"first": "Grace", "#": "=u"})
        assert master.client.wait(1, 20_000) == 1
        master.server.kill()
        wait_until(lambda: servers.sentinel.state()["port"] == str(replica.tls_port), 60, "another master")
        wait_until(lambda: replica.client.info("replication")["role"] == "master", 20, "its promotion")
        replica.client.hset("person:3", "first", "Joan")
        wait_until(lambda: rows() == [("1", "Ada"), ("2", "Grace"), ("3", "Joan")], 30, "the rows")
        wait_until(lambda: over_tls(replica), 20, "connections by TLS alone")
        status = cli("status", "--json")
        assert status.returncode == 0 and '"persons"' in status.stdout, status.stderr
    for text in ((tmp_path / "log").read_text(), status.stdout + status.stderr, servers.sentinel.log):
        assert LOGIN[1] not in text and SHOWN_LOGIN.partition(":")[2] not in text


def test_a_sentinel_whose_ca_nobody_trusts(servers: TlsSet, certificates: Certificates) -> None:
    done = Cli(servers.url(certificates.stranger.ca))("status")
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert f"Sentinel at 127.0.0.1:{servers.tls_port}" in done.stderr and "certificate verify failed" in done.stderr
