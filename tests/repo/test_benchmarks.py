"""The measurements run, and what they say follows from what was measured. No figure is asserted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks import report
from benchmarks.figure import Figure
from tests.conftest import ROOT


def _figure(target: str, *rounds: tuple[float, float | None]) -> Figure:
    made = Figure(f"a figure with {target}", "rows/s", target, "limit")
    for ours, limit in rounds:
        made.add(ours, limit)
    return made


@pytest.mark.parametrize(
    ("target", "rounds", "verdict"),
    [
        (">= 0.90", [(95, 100), (80, 100), (91, 100)], "yes"),  # by the median of the rounds' ratios
        (">= 0.90", [(95, 100), (80, 100), (89, 100)], "no"),
        ("<= 1.00", [(5, 4)], "no"),
        ("<= 1.00", [(3, 4)], "yes"),
        ("<= 100", [(80, None), (120, None), (90, None)], "yes"),  # without another side: our own median
        ("", [(1, 2)], ""),
        (">= 0.90", [], ""),
    ],
)
def test_a_verdict_is_that_of_the_median(target: str, rounds: list[tuple[float, float | None]], verdict: str) -> None:
    figure = _figure(target, *rounds)
    assert figure.verdict == verdict
    assert figure.row()[-1] == verdict


def test_results_keep_what_another_run_measured(tmp_path) -> None:
    first, second = _figure(">= 0.90", (95, 100)), _figure("<= 1.00", (5, 4))
    report.save([first, second], tmp_path)
    report.save([_figure(">= 0.90", (50, 100))], tmp_path)
    figures = {one["name"]: one for one in json.loads((tmp_path / "figures.json").read_text())["figures"]}
    assert figures[first.name]["ours"]["rounds"] == [50]
    assert figures[second.name]["ours"]["rounds"] == [5]
    table = (tmp_path / "figures.md").read_text()
    assert f"| {first.name} | 50.00 rows/s | 100 (limit) | 0.50 | 0.50-0.50 | >= 0.90 | no |" in table
    assert (tmp_path / "ratios.svg").read_text().count("a figure with") == 2


def test_a_drain_is_measured_beside_its_limit() -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "drain", "--database", "SQLite"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line for line in done.stdout.splitlines() if "prepared upserts" in line]
    assert len(rows) == 2, done.stdout  # inserts and updates
    assert all(line.count(" rows/s") == 1 and ">= 0.60" in line for line in rows)


def test_an_unknown_figure_is_named() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "drian"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no figure 'drian'" in done.stderr
