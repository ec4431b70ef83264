"""The folders of recipes/, followed by their README: tables, run, commands, expected.txt. And recipes written for RedisGears."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import redis

from tests.conftest import ROOT, Cli
from tests.examples.conftest import Database
from tests.examples.running import blocks, issue, running, wait_for_rows
from writebehind.testing import RedisServer

MATERIAL = Path(__file__).parent / "material"


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "recipes").iterdir() if path.is_dir()))
def test_a_recipe_does_what_its_readme_says(
    name: str, request: pytest.FixtureRequest, redis_server: RedisServer, redis_client: redis.Redis, cli_for: type[Cli]
) -> None:
    folder = ROOT / "recipes" / name
    database: Database = request.getfixturevalue(name)
    (tables,), (commands,), (queries,) = (blocks(folder / "README.md", language) for language in ("sql", "redis", "query"))
    for statement in filter(str.strip, tables.split(";\n")):
        database.query(statement)
    cli = cli_for(redis_server.url)
    cli.environment.update(database.environment)
    (shell,) = blocks(folder / "README.md", "sh")
    assert set(re.findall(r"([A-Z_]+)=", shell)) <= set(database.environment)
    program, verb, *recipe = shlex.split(shell.splitlines()[-1])
    assert (program, verb) == ("writebehind", "run")
    with running(cli, redis_client, *recipe, cwd=folder):
        issue(redis_client, commands)
        wait_for_rows(database.query, queries.strip().splitlines(), (folder / "expected.txt").read_text())


def adapted(recipe: Path, directory: Path, **changes: str) -> Path:
    """The recipe with its server's address put in: nothing else is changed."""
    source = recipe.read_text()
    for old, new in changes.values():
        assert old in source
        source = source.replace(old, new)
    path = directory / recipe.name
    path.write_text(source)
    return path


def test_the_listing_of_the_recipe_runs_as_it_is(
    tmp_path: Path, mysql: Database, redis_server: RedisServer, redis_client: redis.Redis, cli_for: type[Cli]
) -> None:
    mysql.query("CREATE TABLE persons (person_id varchar(100) PRIMARY KEY, first varchar(100), last varchar(100), age int)")
    mysql.query("CREATE TABLE cars (car_id varchar(100) PRIMARY KEY, id varchar(100), color varchar(100))")
    recipe = adapted(
        MATERIAL / "seed.py", tmp_path, user=("'demouser', 'Password123!'", "'wb', 'wb'"), db=("localhost:3306/test", mysql.address)
    )
    with running(cli_for(redis_server.url), redis_client, recipe, pipelines=2):
        issue(redis_client, "HSET person:007 first_name James last_name Bond age 42 # =6ce0c902")
        issue(redis_client, "HSET cars:1 id 1 color red # +\nHSET cars:2 id 2 color blue")
        answer = redis_client.xread({"{person:007}6ce0c902": "0-0"}, block=10000)
        assert [fields for _, entries in answer for _, fields in entries] == [{"status": "done"}]
        wait_for_rows(mysql.query, ["SELECT * FROM persons", "SELECT * FROM cars"], "007|James|Bond|42\n2|2|blue\n")
        issue(redis_client, "HSET person:007 # -\nHSET cars:2 # ~")
        wait_for_rows(mysql.query, ["SELECT * FROM persons", "SELECT * FROM cars"], "007|James|Bond|42\n")
        assert redis_client.keys("person:*") == redis_client.keys("cars:2") == []
        assert redis_client.hgetall("cars:1") == {"id": "1", "color": "red"}


@pytest.mark.parametrize(("target", "kind", "port"), [("mysql", "MySql", 3306), ("postgres", "Postgres", 5432)])
def test_a_file_with_write_through_runs_its_write_behind_half(
    target: str,
    kind: str,
    port: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    redis_client: redis.Redis,
    cli_for: type[Cli],
) -> None:
    database: Database = request.getfixturevalue(target)
    columns = "first VARCHAR(100) NOT NULL, last VARCHAR(100) NOT NULL, age INT NOT NULL"
    database.query(f"CREATE TABLE persons (person_id VARCHAR(100) NOT NULL, {columns}, PRIMARY KEY (person_id))")
    source = tmp_path / "source" / "both.py"
    source.parent.mkdir()
    source.write_text((MATERIAL / "both.py").read_text().replace("MySql", kind).replace("3306", str(port)))
    recipe = adapted(source, tmp_path, user=('"somebody", "secret"', '"wb", "wb"'), db=(f"localhost:{port}/test", database.address))
    with running(cli_for(redis_server.url), redis_client, recipe) as process:
        issue(redis_client, "HSET person:1 first_name foo last_name bar age 20")
        wait_for_rows(database.query, ["SELECT * FROM persons"], "1|foo|bar|20\n")
        assert process.stderr is not None
        line = process.stderr.readline()
    assert f" warning {recipe}:19: pipeline 'PersonsWriteThrough': RGWriteThrough is not served by this version" in line
    assert "keys '__…' reaches no table; the rest of the recipe runs without it" in line


def test_a_recipe_in_the_style_of_gears_runs_as_it_is(
    tmp_path: Path, postgres: Database, redis_server: RedisServer, redis_client: redis.Redis, cli_for: type[Cli]
) -> None:
    postgres.query("CREATE TABLE persons (person_id text PRIMARY KEY, first text, last text, age int)")
    recipe = adapted(MATERIAL / "gears_style.py", tmp_path, db=("localhost:5432/wb", postgres.address))
    with running(cli_for(redis_server.url), redis_client, recipe):
        issue(
            redis_client,
            "HSET person:a first_name Ada last_name L age 36 _internal 1\nHINCRBY person:a age 1\nHSET person:b first_name Bob",
        )
        # eventTypes names hset and del: the HINCRBY alone is no reason to write.
        wait_for_rows(postgres.query, ["SELECT * FROM persons ORDER BY 1"], "a|Ada|L|36\nb|Bob|NULL|NULL\n")
        issue(redis_client, "DEL person:b")
        wait_for_rows(postgres.query, ["SELECT * FROM persons ORDER BY 1"], "a|Ada|L|36\n")
