"""How far a long work is: a bar on a terminal, a line now and then elsewhere; on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

import click

LINE_S = 5.0


class Meter:
    """Shows a part of the whole and a few words.

    Args:
        name: what is worked on.
        is_shown: False: shows nothing.
    """

    def __init__(self, name: str, *, is_shown: bool = True) -> None:
        self._name = name
        self._is_shown = is_shown
        self._bar: Any = None
        self._task: Any = None
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if self._is_shown and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=1.0)
        return self

    def tell(self, done: float, words: str) -> None:
        """`done` goes from 0 to 1."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=f"{self._name}: {words}")
        elif self._is_shown and time.monotonic() - self._told >= LINE_S:
            self._told = time.monotonic()
            click.echo(f"{self._name}: {done:.0%}, {words}", err=True)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
