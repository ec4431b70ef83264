"""The README's lines on TLS do what it says, against servers with certificates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg2

from tests.conftest import ROOT
from tests.examples.running import blocks
from tests.tls.conftest import CREATE, Certificates, TlsRedis, tls_database

README = ROOT / "README.md"


def test_the_lines_on_tls(redis_over_tls: TlsRedis, certificates: Certificates, tmp_path: Path) -> None:
    (shell,) = [block for block in blocks(README, "sh") if "rediss://" in block]
    (line,) = [block for block in blocks(README, "python") if "sslrootcert" in block]
    ca = str(certificates.good.ca)
    with tls_database("Postgres", certificates.good) as server:
        link = psycopg2.connect(server.url)  # type: ignore[attr-defined]
        link.autocommit = True
        cursor = link.cursor()
        cursor.execute(CREATE)
        assert "localhost:5432/wb" in line
        connection = line.strip().replace("localhost:5432", f"localhost:{server.port}").replace("/etc/postgresql/ca.crt", ca)
        (tmp_path / "recipe.py").write_text(
            "from writebehind import RGWriteBehind\n"
            "from writebehind.connectors import PostgresConnection, PostgresConnector\n"
            f"RGWriteBehind(GB, 'person', {{'first': 'first'}}, PostgresConnector({connection}, 'persons', 'id'), 'persons')\n"
        )
        redis_over_tls.client.execute_command("ACL", "SETUSER", "engine", "on", "~*", "+@all", ">p@ss/w")
        assert "localhost:6380" in shell
        command = shell.replace("localhost:6380", f"localhost:{redis_over_tls.tls_port}").replace("/etc/redis/ca.crt", ca)
        assert "writebehind run recipe.py" in command
        command = command.replace("writebehind run recipe.py", f"'{sys.executable}' -m writebehind run recipe.py --once")

        def run() -> None:
            done = subprocess.run(["sh", "-ec", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr

        run()
        redis_over_tls.client.hset("person:1", "first", "Ada")
        run()
        cursor.execute("SELECT * FROM persons")
        assert cursor.fetchall() == [("1", "Ada")]
        link.close()
