"""The package as a whole: what `__init__` files hold, the stub of the extension, one version, no secrets."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.repo.test_layering import tracked

PACKAGE = ROOT / "python" / "writebehind"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_init_files_only_re_export(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_all = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
        is_own_import = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("writebehind")
        assert is_docstring or is_all or is_own_import, ast.unparse(node)


@pytest.mark.parametrize("module", ["writebehind", "writebehind.connectors"])
def test_all_names_what_is_imported(module: str) -> None:
    path = ROOT / "python" / Path(*module.split(".")) / "__init__.py"
    imported = {
        alias.asname or alias.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    code = f"import {module} as m; print(*m.__all__)"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(listed) == imported
    assert len(listed) == len(set(listed))


def test_the_stub_matches_the_extension() -> None:
    command = [
        sys.executable,
        "-m",
        "mypy.stubtest",
        "writebehind._core",
        "--ignore-disjoint-bases",
        "--allowlist",
        "tests/repo/stubtest.allow",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_one_version() -> None:
    from writebehind import __version__, _core

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cmake = re.search(r"project\(writebehind VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert cmake is not None
    assert {__version__, _core.__version__, project, cmake.group(1)} == {project}


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


def test_public_things_say_what_they_do() -> None:
    silent = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            silent.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert silent == []


SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}|glpat-[A-Za-z0-9_-]{20}"
)


def test_no_secrets_and_no_paths_of_a_machine() -> None:
    found = []
    for path in tracked():
        if path.suffix in {".png", ".gif", ".ico"}:
            continue
        text = path.read_text(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match}" for match in SECRETS.findall(text)]
        if re.search(r"(?<![\w/])/(?:home|work|root)/\w", text) and path != Path(__file__):
            found.append(f"{path.relative_to(ROOT)}: a path of somebody's machine")
    assert found == []


def test_every_function_is_short() -> None:
    long = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 60:
                long.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert long == []
