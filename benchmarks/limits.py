"""The programs of benchmarks/limits: built once, run by name."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "limits"


@cache
def build() -> Path:
    """Builds them where they changed; the directory that they are in."""
    print("building the limit programs", file=sys.stderr)
    options = ["-DWB_BUILD_BENCHMARKS=ON", "-DWB_BUILD_TESTS=OFF", "-DWB_BUILD_PYTHON=OFF"]
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "limits"], check=True, stdout=subprocess.DEVNULL)
    return BUILD / "benchmarks" / "limits"


def run(program: str, *arguments: object) -> list[float]:
    """The numbers that a limit program prints.

    Raises:
        RuntimeError: with what it said.
    """
    command = [str(build() / f"limit_{program}"), *map(str, arguments)]
    if not Path(command[0]).exists():
        raise RuntimeError(f"limit_{program} was not built: a library is missing, see benchmarks/README.md")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return [float(number) for number in done.stdout.split()]


def rate(program: str, *arguments: object) -> float:
    """Things done in a second, by a program that prints how many and the seconds."""
    count, seconds = run(program, *arguments)
    return count / seconds
