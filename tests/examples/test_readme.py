"""The README's blocks do what it says, and its links and table of verbs are right."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
import redis

from tests.conftest import ROOT, Cli
from tests.examples.conftest import Database
from tests.examples.running import blocks, issue, running, wait_for_rows
from writebehind import Engine, Pipeline
from writebehind.cli.main import VERBS
from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.log import Log
from writebehind.testing import RedisServer, wait_until

README = ROOT / "README.md"


def test_the_fifteen_lines(
    tmp_path: Path, postgres: Database, redis_server: RedisServer, redis_client: redis.Redis, cli_for: type[Cli]
) -> None:
    script, notebook, _ = blocks(README, "python")  # tests/tls runs what is left out here
    assert len(script.strip().splitlines()) <= 15
    assert '"127.0.0.1:5432/wb"' in script
    recipe = tmp_path / "recipe.py"
    recipe.write_text(script.replace("127.0.0.1:5432/wb", postgres.address))
    cli = cli_for(redis_server.url)
    scripts, configure, shell, _ = (block.strip().splitlines() for block in blocks(README, "sh"))
    assert all(os.access(ROOT / line.split()[0], os.X_OK) for line in scripts)
    (line,) = configure
    program, *words = shlex.split(line.replace("redis://127.0.0.1:6379", redis_server.url))
    assert (program, cli(*words).returncode) == ("writebehind", 0)
    schema, run, command = (shlex.split(line, comments=True) for line in shell)
    assert schema[0] == run[0] == "writebehind"
    for statement in filter(str.strip, cli(*schema[1:], cwd=tmp_path).stdout.split(";\n")):
        postgres.query(statement)
    assert run[1] == "run"
    with running(cli, redis_client, *run[2:], cwd=tmp_path):
        assert command[0] == "redis-cli"
        redis_client.execute_command(*command[1:])
        wait_for_rows(postgres.query, ["SELECT * FROM persons"], "1|Ada|36\n")
        operations, acknowledgement = blocks(README, "redis")
        write, read = acknowledgement.strip().splitlines()
        redis_client.execute_command(*shlex.split(write))
        answer = redis_client.execute_command(*shlex.split(read))
        assert answer[0][1][0][1] == {"status": "done"}
        wait_for_rows(postgres.query, ["SELECT * FROM persons ORDER BY 1"], "1|Ada|36\n7|James|42\n")
        issue(redis_client, operations)
        assert not redis_client.exists("person:7")
        wait_for_rows(postgres.query, ["SELECT * FROM persons ORDER BY 1"], "1|Ada|36\n7|James|42\n")
        postgres.query("DELETE FROM persons")
    # The notebook's form: the same pipeline, run by the program itself.
    names: dict[str, object] = {}
    exec("from writebehind import *\nfrom writebehind.connectors import *", names)
    source = (
        notebook.replace("redis://127.0.0.1:6379", redis_server.url)
        + "    client.hset('person:9', 'first_name', 'Grace')\n    assert GB.drain(10)\n"
    )
    redis_client.execute_command("WB.UNREGISTER", "persons", "DROP")
    host = f"PostgresConnection('wb', 'wb', {postgres.address!r})"
    exec(f"connector = PostgresConnector({host}, 'persons', 'person_id')\n{source}", {**names, "client": redis_client})
    assert postgres.query("SELECT person_id, first FROM persons") == [("9", "Grace")]


def test_the_page_of_the_protocol(redis_server: RedisServer, redis_client: redis.Redis, sqlite: Database) -> None:
    page = ROOT / "docs" / "protocol.md"
    registration, definition = (json.loads(block) for block in blocks(page, "json"))
    sqlite.query("CREATE TABLE persons (person_id TEXT PRIMARY KEY, first TEXT, age INTEGER)")
    pipeline = Pipeline(
        name="p",
        prefix="person",
        mapping={"first_name": "first", "age": "age"},
        connector=SQLiteConnector(SQLiteConnection(sqlite.address), "persons", "person_id"),
        version="1.0.0",
        events=["hset", "del"],
    )
    with Engine(redis_server.url, [pipeline], log=Log("error")):
        wait_until(lambda: redis_client.hget("writebehind:{p}:engine", "state") == "running", 10, "the engine's word")
        said = redis_client.hgetall("writebehind:{p}:engine")
        there = json.loads(redis_client.hget("writebehind:registry", "p") or "")
    assert there.keys() == registration.keys()
    assert {**there["definitions"]["1"], "events": {"hset", "del"}} == {**definition, "events": {"hset", "del"}}
    section = page.read_text().split("## What an engine says of itself")[1].split("\n## ")[0]
    words = re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", section))
    assert sorted(words) == sorted(said)


@pytest.mark.parametrize(
    "document", sorted([README, *ROOT.glob("docs/*.md"), *ROOT.glob("recipes/*/README.md")]), ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_verb_is_in_the_readme() -> None:
    section = README.read_text().split("## Command line")[1].split("\n## ")[0]
    assert [verb for verb in VERBS if f"`{verb}" not in section] == []
