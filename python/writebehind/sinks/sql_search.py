"""Finds the rows that a database refuses by themselves, among many that it refused together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from writebehind.sinks.sql_dialects import SAVEPOINTS
from writebehind.sinks.sql_rows import Refused, Task

# What is checked at COMMIT is checked at once here, or it could not be told whose fault it is.
_IMMEDIATE = {"postgresql": "SET CONSTRAINTS ALL IMMEDIATE", "oracle": "SET CONSTRAINTS ALL IMMEDIATE"}


class Search:
    """Applies all tasks that can be, in halves, in their order: about n_bad * log2(n) tries.

    Args:
        connection: in no transaction; what is begun here is left to the caller's rollback.
        begin: the first statements of each transaction; False: there is nothing to be written.
        attempt: runs tasks; raises Refused.
    """

    def __init__(self, connection: Connection, begin: Callable[[], bool], attempt: Callable[[Sequence[Task]], None]) -> None:
        self.refused: dict[int, Refused] = {}
        """By the row's place in the batch."""
        self._connection = connection
        self._begin_with = begin
        self._attempt = attempt
        self._accepted: list[Task] = []
        self._has_savepoints = connection.dialect.name in SAVEPOINTS

    def run(self, tasks: Sequence[Task]) -> bool:
        """False: `begin` said that there is nothing to be written."""
        if not self._begin():
            return False
        self._halve(tasks, is_known_bad=True)
        return True

    def _begin(self) -> bool:
        if not self._begin_with():
            return False
        if immediate := _IMMEDIATE.get(self._connection.dialect.name):
            self._connection.execute(sa.text(immediate))
        return True

    def _halve(self, tasks: Sequence[Task], is_known_bad: bool) -> None:
        tasks = [task for task in tasks if task[1] not in self.refused]
        if not tasks:
            return
        if not is_known_bad or len(tasks) == 1:
            refused = self._apply(tasks)
            if refused is None:
                return
            if len(tasks) == 1:
                self.refused[tasks[0][1]] = refused
                return
        half, before = len(tasks) // 2, len(self.refused)
        self._halve(tasks[:half], is_known_bad=False)
        # Nothing bad in the first half: then it is in the second, which needs no try as a whole.
        self._halve(tasks[half:], is_known_bad=len(self.refused) == before)

    def _apply(self, tasks: list[Task]) -> Refused | None:
        try:
            if self._has_savepoints:
                with self._connection.begin_nested():
                    self._attempt(tasks)
            else:
                # The error may have ended the transaction: each try has its own, with all that was good so far.
                self._connection.rollback()
                self._begin()
                self._attempt([*self._accepted, *tasks])
        except Refused as refused:
            return refused
        self._accepted += tasks
        return None
