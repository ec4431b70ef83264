"""Definitions: when two are equal, and when one may replace another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from writebehind.connectors import SQLiteConnection, SQLiteConnector
from writebehind.definition import to_json
from writebehind.errors import ConfigError, VersionError
from writebehind.pipeline import Pipeline
from writebehind.registry import Registration, decide, read_registration


def definition(version: str | None = None, **options: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"mapping": {"a": "x", "b": "y"}, "table": "t", **options}
    connector = SQLiteConnector(SQLiteConnection("f.db"), given.pop("table"), "id")
    return Pipeline(name="p", prefix="k", connector=connector, version=version, **given).definition()


def action(new: dict[str, Any], old: dict[str, Any], *, active: bool = True) -> str:
    return decide("p", new, Registration(1, old, active))[0]


def test_the_text_is_canonical() -> None:
    text = to_json(definition("1.0.0", mapping={"é": "x"}))
    assert text.startswith('{"expired":"keep","fields":["é"],"outputs":[{"columns":[{"column":"x","field":"é"}],"keys":')
    assert json.loads(text) == definition("1.0.0", mapping={"é": "x"})


@pytest.mark.parametrize(
    "same",
    [
        {"mapping": {"b": "y", "a": "x"}},
        {"mapping": {"a": "x", "_c": "z", "b": "y"}},
        {"batch": 7, "duration_ms": 1, "writers": 2, "retry_interval_s": 1, "max_batch": 3, "error_handling": "stop"},
    ],
)
def test_an_equal_definition_attaches(same: dict[str, Any]) -> None:
    for version, other in (
        (None, None),
        ("1.0.0", "1.0.0"),
        ("1.0.0", "2.0.0"),
        ("2.0.0", "1.0.0"),
        (None, "1.0.0"),
        ("99.99.99", "99.99.99"),
    ):
        assert action(definition(version, **same), definition(other)) == "attached"


def test_an_attached_pipeline_uses_the_text_that_is_there() -> None:
    there = definition("1.0.0")
    wanted = definition("1.0.0", mapping={"b": "y", "a": "x"})
    assert decide("p", wanted, Registration(4, there))[1] == to_json(there)


@pytest.mark.parametrize(
    "other",
    [
        {"mapping": {"a": "x"}},
        {"mapping": {"a": "y", "b": "x"}},
        {"table": "u"},
        {"table": "s.t"},
        {"events": ["del"]},
        {"expired": "delete"},
        {"missing": "keep"},
    ],
)
def test_each_part_counts(other: dict[str, Any]) -> None:
    with pytest.raises(VersionError):
        action(definition("1.0.0", **other), definition("1.0.0"))


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("1.0.1", "1.0.0"),
        ("1.10.0", "1.9.0"),
        ("2.0.0", "1.99.99"),
        ("100.0.0", "99.0.0"),
        (None, None),
        ("99.99.99", "99.99.99"),
        ("99.99.99", "1.0.0"),
        ("99.99.99", None),
        ("99.99.99", "100.0.0"),
    ],
)
def test_what_replaces(new: str | None, old: str | None) -> None:
    assert action(definition(new, table="other"), definition(old)) == "replaced"


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("1.0.0", "1.0.0"),
        ("1.0.0", "1.0.1"),
        ("1.9.0", "1.10.0"),
        ("1.0.0", "99.99.99"),
        ("100.0.0", "99.99.99"),
        ("1.0.0", None),
        (None, "1.0.0"),
        (None, "99.99.99"),
    ],
)
def test_what_does_not(new: str | None, old: str | None) -> None:
    with pytest.raises(VersionError, match=f"Redis has {'version ' + old if old else 'a definition without a version'}") as raised:
        action(definition(new, table="other"), definition(old))
    assert "99.99.99" in raised.value.hint


def test_an_unregistered_name_is_free() -> None:
    assert action(definition("1.0.0", table="other"), definition("2.0.0"), active=False) == "registered"
    assert action(definition("2.0.0"), definition("2.0.0"), active=False) == "registered"
    assert decide("p", definition(), None) == ("registered", to_json(definition()))


def test_registrations_are_read() -> None:
    text = json.dumps({"definition": 2, "identities": ["0" * 16], "active": False, "definitions": {"1": {"a": 1}, "2": {"b": 2}}})
    assert read_registration(text) == Registration(2, {"b": 2}, active=False, waiting_definitions=1)
    assert read_registration(None) is None
    for broken in ("", "{}", "[]", '{"definition": 3, "definitions": {"1": {}}}'):
        with pytest.raises(ConfigError, match="can't be read"):
            read_registration(broken)
