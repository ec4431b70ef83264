"""Figures → a table on the terminal, and Markdown, JSON and a plot in benchmarks/results."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figure import HEADINGS, Figure, Series

RESULTS = Path(__file__).resolve().parent / "results"


def show(figures: list[Figure]) -> None:
    table = Table(*HEADINGS)
    for figure in figures:
        table.add_row(*figure.row())
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def machine() -> str:
    """In words that say what to expect of it, and nothing of whose it is."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release().split('-')[0]}, servers on loopback"


def save(figures: list[Figure], directory: Path = RESULTS) -> None:
    """Of earlier runs, figures that this one did not measure stay."""
    directory.mkdir(exist_ok=True)
    path = directory / "figures.json"
    kept = {one["name"]: one for one in json.loads(path.read_text())["figures"]} if path.exists() else {}
    kept.update({figure.name: asdict(figure) for figure in figures})
    all_ = [_load(one) for one in kept.values()]
    path.write_text(json.dumps({"machine": machine(), "figures": list(kept.values())}, indent=1) + "\n")
    lines = [f"Measured on {machine()}. Medians; the spread is that of the rounds.", ""]
    lines += ["| " + " | ".join(cells) + " |" for cells in [HEADINGS, ["---"] * len(HEADINGS), *(one.row() for one in all_)]]
    (directory / "figures.md").write_text("\n".join(lines) + "\n")
    plot([one for one in all_ if one.limit.rounds], directory / "ratios.svg")


def _load(one: dict) -> Figure:  # type: ignore[type-arg]
    return Figure(**{**one, "ours": Series(**one["ours"]), "limit": Series(**one["limit"])})


def plot(figures: list[Figure], path: Path) -> None:
    """A bar for each ratio, a point for each round, a mark for each target."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "writebehind"  # the same figures make the same file
    matplotlib.rcParams["svg.fonttype"] = "none"  # letters, not their outlines
    from matplotlib import pyplot

    if not figures:
        return
    drawing, axes = pyplot.subplots(figsize=(9, 0.42 * len(figures) + 1.2))
    for place, figure in enumerate(reversed(figures)):
        colour = {"yes": "#2a7f62", "no": "#b5483a", "": "#6b7a8f"}[figure.verdict]
        axes.barh(place, figure.ratios.median, color=colour, height=0.6)
        axes.plot(figure.ratios.rounds, [place] * len(figure.ratios.rounds), "k.", markersize=3)
        if figure.target:
            bound = float(figure.target.split()[1])
            axes.plot([bound, bound], [place - 0.4, place + 0.4], color="black", linewidth=1.5)
    axes.set_yticks(range(len(figures)), [figure.name for figure in reversed(figures)])
    axes.axvline(1.0, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("ratio to what stands beside it (bar: median, dots: rounds, line: target)")
    drawing.tight_layout()
    drawing.savefig(path, metadata={"Date": None})
    pyplot.close(drawing)
