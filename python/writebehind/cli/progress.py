"""A progress bar on stderr, for work whose end is known."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from writebehind.engine import Engine


class Progress:
    """Shows how much of what waited is settled.

    Args:
        engine: whose pipelines are followed; it has been started.
        is_shown: False: shows nothing.
    """

    def __init__(self, engine: Engine, *, is_shown: bool) -> None:
        self._engine = engine
        self._is_shown = is_shown
        self._bar: Any = None
        self._task: Any = None
        self._total = 0

    def __enter__(self) -> Self:
        if self._is_shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._total = self._engine.waiting() + self._settled()
            columns = (TextColumn("writing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)
        return self

    def update(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=min(self._settled(), self._total))

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _settled(self) -> int:
        counters = ("written", "coalesced", "filtered", "rejected", "skipped")
        return sum(int(status[counter]) for status in self._engine.status().values() for counter in counters)
