"""How long the command line takes to be there, beside the bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import writebehind": ["-c", "import writebehind"],
    "writebehind --help": ["-m", "writebehind", "--help"],
}


def startup(times: int = 7) -> dict[str, float]:
    """The best of some runs, in seconds: what else the machine does only ever adds."""
    return {name: min(_seconds(arguments) for _ in range(times)) for name, arguments in COMMANDS.items()}


def _seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started
