"""The command line without a server: help, usage errors, and that little is imported for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli
from writebehind.cli.main import VERBS


@pytest.mark.parametrize("verb", [[], *([name] for name in VERBS), ["rejected", "list"], ["rejected", "retry"], ["rejected", "drop"]])
def test_every_verb_has_help(cli: Cli, verb: list[str]) -> None:
    done = cli(*verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: writebehind")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["run"],
        ["run", "r.py", "--nope"],
        ["run", "--dir", "."],
        ["run", "r.py", "--metrics-port", "1"],
        ["run", "r.py", "--log-level", "loud"],
        ["rejected", "drop", "p"],
        ["rejected", "drop", "p", "1-1", "--all"],
        ["unregister", "p", "--drain", "--drop"],
        ["deploy"],
        ["completion", "tcsh"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(cli: Cli, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "nowhere.py"], "nowhere.py: No such file or directory"),
        (["status", "--redis", "http://h"], "'http' is no Redis URL scheme"),
        (["status", "--redis", "redis+sentinel://h"], "the Redis URL names no service"),
        (["status", "--redis", "redis://h?ssl_ca_certs=f"], "has the option 'ssl_ca_certs', but is not rediss://"),
    ],
)
def test_wrong_configuration_is_2_and_no_traceback(cli: Cli, arguments: list[str], text: str) -> None:
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_server_is_1(cli: Cli) -> None:
    done = cli("status", "--redis", "redis://user:hidden@127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Redis at redis://127.0.0.1:1/0 can't be reached" in done.stderr
    assert "hidden" not in done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_scripts(cli: Cli, shell: str) -> None:
    done = cli("completion", shell)
    assert done.returncode == 0
    assert "_WRITEBEHIND_COMPLETE" in done.stdout


def test_version(cli: Cli) -> None:
    from writebehind import __version__

    assert __version__ in cli("--version").stdout


def test_help_imports_no_heavy_package() -> None:
    code = (
        "import sys; sys.argv = ['x', '--help']; import writebehind.cli.main as m\n"
        "try: m.run_main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'redis', 'rich', 'writebehind._core'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=Path.cwd())
    assert done.stderr.strip() == "[]"
