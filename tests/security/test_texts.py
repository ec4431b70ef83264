"""No text that an object, a complaint or a traceback makes of itself shows a password."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.security.hidden import ODD, Hidden, found
from writebehind import Engine, GearsBuilder, Pipeline, _core
from writebehind.cli.main import show_unforeseen
from writebehind.connectors import (
    CqlConnection,
    CqlConnector,
    DB2Connection,
    DB2Connector,
    MongoConnection,
    MongoConnector,
    MsSqlConnection,
    MsSqlConnector,
    MySqlConnection,
    MySqlConnector,
    OracleSqlConnection,
    OracleSqlConnector,
    PostgresConnection,
    PostgresConnector,
    RedisClusterConnection,
    RedisConnection,
    RedisConnector,
    SimpleHashConnector,
    SnowflakeSqlConnection,
    SnowflakeSqlConnector,
    SQLAlchemyConnection,
    SQLAlchemyConnector,
)
from writebehind.errors import WritebehindError
from writebehind.redis_url import parse_redis_url


def test_what_finds_them_does() -> None:
    one = Hidden("finder")
    for text in (
        f"x {one} y",
        f"redis://u:{one.encoded}@h",
        base64.b64encode(f"user:{one}".encode()),
        base64.b64encode(f"{one}".encode()),
        base64.urlsafe_b64encode(f"yx{one}".encode()),
        str(one).encode().hex(),
        str(one)[: len(one.words[0])],
        quote(str(one)[-20:]),
        repr(str(one).encode()),
    ):
        assert found([one], {"here": text}), text
    assert not found([one], {"here": f"{Hidden('other')} finder Head7x"})


def test_no_object_shows_one() -> None:
    secret = Hidden("object")
    text, encoded = secret.text, secret.encoded
    postgres = PostgresConnector(PostgresConnection("u", text, "h/d"), "t", "id")
    mongo = f"mongodb://u:{encoded}@h/d?authMechanismProperties=AWS_SESSION_TOKEN:{encoded}"
    connectors = [
        postgres,
        PostgresConnector(PostgresConnection("u", lambda: text, "h/d"), "t", "id"),
        MySqlConnector(MySqlConnection("u", text, f"u:{text}@h/d"), "t", "id"),
        OracleSqlConnector(OracleSqlConnection("u", text, f"h/d?secret={encoded}"), "t", "id"),
        DB2Connector(DB2Connection("u", text, "h/d"), "t", "id"),
        MsSqlConnector(MsSqlConnection("u", text, "d", "h", 1433, "x"), "t", "id"),
        SnowflakeSqlConnector(SnowflakeSqlConnection("u", text, "d/s", "a"), "t", "id"),
        SQLAlchemyConnector(SQLAlchemyConnection(f"postgresql://u:{encoded}@h/d?sslpassword={encoded}", {"password": text}), "t", "id"),
        CqlConnector(CqlConnection("u", text, "h", "k"), "t", "id"),
        MongoConnector(MongoConnection("u", text, "h"), "d", "t", "id"),
        MongoConnector(MongoConnection("u", text, "h", conn_string=mongo), "d", "t", "id"),
        RedisConnector(RedisConnection("h", 1, text), "t"),
        RedisConnector(RedisConnection("h", 1, text, username="u", ssl=True), "t"),
        RedisConnector(RedisClusterConnection("h", 1, [{"host": "h", "port": 1, "password": text}], text), "t"),
        SimpleHashConnector("t"),
    ]
    url = f"rediss+sentinel://u:{encoded}@h/s?sentinel_password={encoded}"
    pipelines = [Pipeline(name=f"p{number}", prefix="p", mapping={"a": "a"}, connector=one) for number, one in enumerate(connectors)]
    engine, address = Engine(url, pipelines), parse_redis_url(url)
    core = _core.Pipeline(engine.config(pipelines[0]))
    objects: list[object] = [*connectors, *pipelines, engine, address, address.sentinels, address.client(), core, core.status(), GearsBuilder(url)]
    objects += [getattr(connector, "connection", None) for connector in connectors]
    objects += [engine._log, _core.TableCheck(engine.config(pipelines[0]))]
    texts: dict[str, str | bytes] = {f"{type(one).__name__} {number}": f"{one!r} {one} {[one]}" for number, one in enumerate(objects)}
    assert found([secret], texts) == []


def test_no_complaint_of_an_address_shows_one() -> None:
    secret = Hidden("address")
    said = {}
    urls = ("redis://u:{}@h/0", "redis://:{}@h:1", "rediss+sentinel://u:{}@h/s", "redis+sentinel://h/s?sentinel_password={}", "u:{}@h", "redis://u:{}")
    places = ("u:{}@h/d", "h/d?sslpassword={}", "postgresql://u:{}@h/d", "{}", "u:{}@h")
    for odd in (ODD, *"/?#@%:&;,= '\"\\[]\0\n"):
        password = odd.join(secret.words)
        for url in (url.format(password) for url in urls):
            said[url] = complaint(partial(parse_redis_url, url))
        for db in (place.format(password) for place in places):
            for kind in (PostgresConnection, MySqlConnection):
                said[f"{kind} {db}"] = complaint(kind("u", "p", db).sink_options)
            said[f"url {db}"] = complaint(SQLAlchemyConnection(db).url)
    assert sum(map(bool, said.values())) > len(said) // 2
    assert found([secret], said) == []


def test_a_traceback_has_no_line_of_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an exception that nobody foresaw, and of those that it came from."""
    secret = Hidden("line")
    recipe = tmp_path / "recipe.py"
    recipe.write_text(f"def fail(record): return {secret.text!r}, 1 / 0\n\n\ndef ask(): return fail({secret.text!r})\n")
    names: dict[str, Any] = {}
    exec(compile(recipe.read_text(), str(recipe), "exec"), names)
    try:
        try:
            names["ask"]()
        except ZeroDivisionError as error:
            raise KeyError(f"redis://u:{secret.encoded}@h") from error
    except KeyError as error:
        show_unforeseen(KeyError, error, error.__traceback__)
    shown = capsys.readouterr().err
    assert [part for part in ("ZeroDivisionError", f'"{recipe}", line 1, in fail', "direct cause", "KeyError: 'redis://***@h'") if part not in shown] == []
    assert found([secret], {"the traceback": shown}) == []


def complaint(call: Callable[[], object]) -> str:
    try:
        call()
    except WritebehindError as error:
        return f"{error!r} {error.hint}"
    return ""
