"""Recipe scripts: what they see, and how their errors look. Each runs in a process of its own, as under `run`."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

LOADER = """
import json, sys
from pathlib import Path
from writebehind.cli.script import load_recipes
from writebehind.errors import WritebehindError
try:
    warnings = []
    found = load_recipes([Path(name) for name in sys.argv[1:]], warnings.append)
    print(json.dumps([[p.name, p.source, p.connector.kind] for p in found] + warnings))
except WritebehindError as error:
    print(json.dumps({"kind": type(error).__name__, "text": str(error), "hint": error.hint}))
"""

HEAD = """
from rgsync import RGWriteBehind
from rgsync.Connectors import SQLiteConnector, SQLiteConnection
connector = SQLiteConnector(SQLiteConnection('f.db'), 'persons', 'person_id')
"""


def load(directory: Path, *scripts: str) -> object:
    names = []
    for number, text in enumerate(scripts):
        path = directory / f"recipe{number}.py"
        path.write_text(textwrap.dedent(text))
        names.append(str(path))
    done = subprocess.run([sys.executable, "-c", LOADER, *names], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("package", ["rgsync", "WriteBehind"])
def test_recipes_written_for_gears_load(tmp_path: Path, package: str) -> None:
    script = f"""
    from {package} import RGWriteBehind, RGWriteThrough, RGJSONWriteBehind, RGJSONWriteThrough
    from {package}.Connectors import SQLiteConnector, SQLiteConnection, MongoConnector, CqlConnection
    import {package}.Connectors
    connector = SQLiteConnector(SQLiteConnection('f.db'), 'persons', 'person_id')
    RGWriteBehind(GB, keysPrefix='person', mappings={{'a': 'b'}}, connector=connector, name='Persons', version='99.99.99')
    """
    assert load(tmp_path, script) == [["Persons", f"{tmp_path}/recipe0.py:6", "sqlite"]]


def test_several_scripts_share_one_builder(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text(HEAD)
    first = "from shared import *\nRGWriteBehind(GB, 'a', {'x': 'y'}, connector, 'one')\n"
    second = "from writebehind import GB, RGWriteBehind\nfrom shared import connector\nRGWriteBehind(GB, 'b', {}, connector, 'two')\n"
    check = "import sys\nassert __name__ == '__main__' and sys.argv == [__file__]\n"
    third = f"{check}from shared import *\nRGWriteBehind('c', {{}}, connector)\nsys.exit()\n"
    found = load(tmp_path, first, second, third)
    assert isinstance(found, list)
    assert [name for name, _, _ in found] == ["one", "two", "c"]


def test_modules_of_a_recipe_see_gb_too(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text(f"{HEAD}\nRGWriteBehind(GB, 'a', {{}}, connector, 'in a module')\n")
    assert load(tmp_path, "import part") == [["in a module", f"{tmp_path}/part.py:6", "sqlite"]]


@pytest.mark.parametrize(
    ("script", "line", "text"),
    [
        ("x = 1\nconnector = mySqlConnection\n", 2, "NameError: name 'mySqlConnection' is not defined"),
        ("x = 1\nif x\n", 2, "SyntaxError: expected ':'"),
        ("import no_such_module\n", 1, "ModuleNotFoundError: No module named 'no_such_module'"),
        (f"{HEAD}\nRGWriteBehind(GB, 'a', {{}}, connector, 'n', version='1')\n", 6, "pipeline 'n': version is '1'"),
        (f"{HEAD}\nRGWriteBehind(GB, 'a', {{}})\n", 6, "TypeError: RGWriteBehind: missing a required argument: 'connector'"),
        (f"{HEAD}\nfor i in 1, 2:\n    RGWriteBehind(GB, 'a', {{}}, connector, 'n')\n", 7, "pipeline 'n' is declared twice"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, script: str, line: int, text: str) -> None:
    error = load(tmp_path, script)
    assert isinstance(error, dict)
    assert error["kind"] == "ConfigError"
    assert error["text"].startswith(f"{tmp_path}/recipe0.py:{line}: ")
    assert text in error["text"]


def test_an_error_in_a_library_names_the_recipes_line(tmp_path: Path) -> None:
    error = load(tmp_path, "import json\n\njson.loads('{')\n")
    assert isinstance(error, dict)
    assert error["text"].startswith(f"{tmp_path}/recipe0.py:3: JSONDecodeError")


def test_names_not_served_say_so_with_the_line(tmp_path: Path) -> None:
    error = load(tmp_path, f"{HEAD}\nfrom rgsync import RGWriteThrough\nRGWriteThrough(GB, '__', {{}}, connector, 'n')\n")
    assert isinstance(error, dict)
    assert error["kind"] == "NotBuiltError"
    assert error["text"].startswith(f"{tmp_path}/recipe0.py:7: pipeline 'n': RGWriteThrough is not served by this version")


def test_write_through_beside_write_behind_is_left_out_with_a_warning(tmp_path: Path) -> None:
    through = "from rgsync import RGWriteThrough\nRGWriteThrough(GB, '__', {}, connector, 'through')\n"
    behind = "RGWriteBehind(GB, 'a', {}, connector, 'behind')\n"
    place = f"{tmp_path}/recipe0.py:7"
    assert load(tmp_path, f"{HEAD}\n{through}{behind}") == [
        ["behind", f"{tmp_path}/recipe0.py:8", "sqlite"],
        f"{place}: pipeline 'through': RGWriteThrough is not served by this version: what is written to keys '__…' reaches no table; "
        "the rest of the recipe runs without it",
    ]
    error = load(tmp_path, f"{HEAD}\n{behind}", f"{HEAD}\n{through}")
    assert isinstance(error, dict)
    assert error["kind"] == "NotBuiltError"
    assert error["text"].startswith(f"{tmp_path}/recipe1.py:7: pipeline 'through': RGWriteThrough is not served")


def test_a_script_that_declares_nothing_is_an_error(tmp_path: Path) -> None:
    error = load(tmp_path, "x = 1\n")
    assert isinstance(error, dict)
    assert "declares no pipeline" in error["text"]


def test_a_script_that_gives_up_is_an_error(tmp_path: Path) -> None:
    error = load(tmp_path, "import sys\nsys.exit('no password given')\n")
    assert isinstance(error, dict)
    assert "no password given" in error["text"]


def test_a_missing_script_is_an_error() -> None:
    done = subprocess.run([sys.executable, "-c", LOADER, "nowhere.py"], capture_output=True, text=True, timeout=60)
    assert "nowhere.py: No such file or directory" in done.stdout


def test_a_script_run_by_python_itself_says_how_to_run_it(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.py"
    recipe.write_text(f"import writebehind.compat\n{HEAD}\nfrom writebehind import GB\nRGWriteBehind(GB, 'a', {{}}, connector, 'n')\n")
    done = subprocess.run([sys.executable, str(recipe)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing ran 'n'; start the script with: writebehind run" in done.stderr


def test_nothing_is_installed_under_the_other_names() -> None:
    for name in ("rgsync", "WriteBehind"):
        done = subprocess.run([sys.executable, "-c", f"import writebehind, {name}"], capture_output=True, text=True, timeout=60)
        assert "ModuleNotFoundError" in done.stderr
