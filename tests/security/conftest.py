"""Servers whose passwords are to be found in no text, and recipes that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pymysql
import pytest
import redis

from tests.faults.failover import SERVICE, SentinelServer
from tests.security.hidden import Hidden, contents, files, found
from writebehind.testing import MariaDBServer, PostgresServer, RedisServer, free_port

RECIPE = """\
from writebehind import RGWriteBehind
from writebehind.connectors import *
connection = {connection}
connector = {connector}(connection, {table!r}{pk})
{before}
RGWriteBehind(GB, '{name}', {{'a': 'a'}}, connector, '{name}', onFailedRetryInterval=1{options})
"""


class World:
    """A Redis (as its own target too), a Sentinel, PostgreSQL and MariaDB, each with passwords of its own."""

    def __init__(self, opened: ExitStack, module: Path, postgres: PostgresServer, mariadb: MariaDBServer) -> None:
        names = ("redis", "engine", "sentinel", "postgres", "mariadb", "wrong")
        self.hidden = {name: Hidden(name) for name in names}
        self.postgres, self.mariadb, self.nobody = postgres, mariadb, free_port()
        self.server = opened.enter_context(RedisServer("--appendonly", "yes", "--appendfsync", "no", "--loglevel", "debug", module=module))
        default, engine, own = (self.hidden[name].text for name in ("redis", "engine", "sentinel"))
        self.client = opened.enter_context(redis.Redis(port=self.server.port, password=None))
        self.client.execute_command("ACL", "SETUSER", "engine", "on", "~*", "&*", "+@all", f">{engine}")
        self.client.config_set("requirepass", default)
        self.client = opened.enter_context(redis.Redis(port=self.server.port, password=default))
        lines = (f"requirepass {quoted(own)}", f"sentinel auth-user {SERVICE} engine", f"sentinel auth-pass {SERVICE} {quoted(engine)}")
        self.sentinel = opened.enter_context(SentinelServer(self.server, *lines))
        self.set_passwords()
        for ask in (self.ask_postgres, self.ask_mariadb):
            for table in ("hidden_own", "hidden_alchemy"):
                ask(f"CREATE TABLE {table} (id VARCHAR(20) PRIMARY KEY, a INTEGER)")
                ask(f"GRANT ALL ON {table} TO hidden")

    def ask_postgres(self, *statement: object) -> None:
        with psycopg2.connect(self.postgres.url) as link:
            link.cursor().execute(*statement)
        link.close()

    def ask_mariadb(self, *statement: object) -> None:
        link = pymysql.connect(host="127.0.0.1", port=self.mariadb.port, user="wb", password="wb", database="wb", autocommit=True)
        link.cursor().execute(*statement)
        link.close()

    def set_passwords(self, postgres: str = "", mariadb: str = "") -> None:
        """Makes the role `hidden`, or changes its passwords and ends its sessions."""
        verb = "ALTER" if postgres else "CREATE"
        self.ask_postgres(f"{verb} ROLE hidden LOGIN PASSWORD %s", (postgres or self.hidden["postgres"].text,))
        self.ask_mariadb(f"{verb} USER hidden IDENTIFIED BY %s", (mariadb or self.hidden["mariadb"].text,))
        if postgres:
            self.ask_postgres("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hidden'")
            self.ask_mariadb("KILL USER hidden")

    def url(self, login: str = "", scheme: str = "redis") -> str:
        return f"{scheme}://{login or 'engine:' + self.hidden['engine'].encoded}@127.0.0.1:{self.server.port}/0"

    def sentinel_url(self, login: str = "", own: str = "", scheme: str = "redis+sentinel") -> str:
        login = login or "engine:" + self.hidden["engine"].encoded
        port = self.sentinel.port
        return f"{scheme}://{login}@127.0.0.1:{port}/{SERVICE}/0?sentinel_password={own or self.hidden['sentinel'].encoded}"

    def connection(self, kind: str, password: Hidden | None = None, port: int = 0, database: str = "wb", options: str = "") -> str:
        """Its source in a recipe; the options stand behind the database's name, or are arguments where they begin with a comma."""
        server: RedisServer | PostgresServer | MariaDBServer = self.server
        if kind != "redis":
            server = self.postgres if "postgres" in kind else self.mariadb
        secret = password or self.hidden[kind.rpartition("-")[2]]
        place = f"127.0.0.1:{port or server.port}/{database}"
        behind, arguments = ("", options) if options.startswith(",") else (options, "")
        if kind.startswith("alchemy-"):
            driver = {"postgres": "postgresql+psycopg2", "mariadb": "mysql+pymysql"}[kind.removeprefix("alchemy-")]
            return f"SQLAlchemyConnection({f'{driver}://hidden:{secret.encoded}@{place}{behind}'!r}{arguments})"
        if kind == "redis":
            return f"RedisConnection('127.0.0.1', {port or server.port}, {secret.text!r}{arguments})"
        return f"{'Postgres' if kind == 'postgres' else 'MySql'}Connection('hidden', {secret.text!r}, {place + behind!r}{arguments})"

    def recipe(self, path: Path, kind: str, connection: str = "", before: str = "", options: str = "", name: str = "") -> Path:
        """Appends a pipeline of that kind of target, and that name, to a script."""
        connectors = {"postgres": "PostgresConnector", "mariadb": "MySqlConnector", "redis": "RedisConnector"}
        text = RECIPE.format(
            connection=connection or self.connection(kind),
            connector=connectors.get(kind, "SQLAlchemyConnector"),
            table="copy" if kind == "redis" else "hidden_alchemy" if kind.startswith("alchemy-") else "hidden_own",
            pk="" if kind == "redis" else ", 'id'",
            before=before,
            name=name or kind,
            options=options,
        )
        with open(path, "a") as script:
            script.write(text)
        return path

    def leaks(self, texts: dict[str, str | bytes]) -> list[str]:
        """Which passwords show in these texts, and in what Redis holds, writes to its files and says of itself."""
        own = {
            "keys": b"\n".join(contents(self.client)),
            "files": files(self.server.directory),
            "INFO": repr(self.client.info("everything")) + repr(self.client.execute_command("INFO", "writebehind")),
            "CLIENT LIST": repr(self.client.client_list()),
            "WB.LIST": repr(self.client.execute_command("WB.LIST")),
            "SLOWLOG": repr(self.client.slowlog_get(128)),
            "ACL LOG": repr(self.client.acl_log()),
            "the Sentinel's log": self.sentinel.log,
        }
        return found(list(self.hidden.values()), {**own, **texts})


def quoted(text: str) -> str:
    """As redis.conf reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture(scope="module")
def world(module: Path, postgres_server: PostgresServer, mariadb_server: MariaDBServer) -> Iterator[World]:
    with ExitStack() as opened:
        made = World(opened, module, postgres_server, mariadb_server)
        yield made
        for ask in (made.ask_postgres, made.ask_mariadb):
            for table in ("hidden_own", "hidden_alchemy"):
                ask(f"DROP TABLE {table}")
        made.ask_postgres("DROP ROLE hidden")
        made.ask_mariadb("DROP USER hidden")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "recipe.py"
