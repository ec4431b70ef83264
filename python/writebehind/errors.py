"""What writebehind raises. str() of an error says what and where, its `hint` what to do about it.

::

    WritebehindError
    +-- ConfigError             wrong by configuration: exit status 2
    |   +-- VersionError        another definition of this name is registered
    +-- RedisUnavailable        Redis can't be reached, or lost the connection
    +-- TargetUnavailable       the database can't be reached now
    +-- CommitInDoubt           the connection was lost while COMMIT was under way
    +-- CheckpointMoved         another engine has moved the exactly-once row
    +-- RowsRefused             the target refuses rows of a batch (raised by sinks)
    +-- PipelineHalted          a pipeline ended by itself (error_handling: stop)
    +-- NotBuiltError           a name that this version knows but can't serve yet
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class WritebehindError(Exception):
    """Base of all errors; str() says what and where, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(WritebehindError):
    """A recipe, option, table or privilege is wrong; nothing was started."""


class VersionError(ConfigError):
    """A definition of this name is registered that this one may not replace."""


class RedisUnavailable(WritebehindError):
    """Redis can't be reached, refuses the login, or the connection broke."""


class TargetUnavailable(WritebehindError):
    """The database can't be reached at the moment."""


class CommitInDoubt(WritebehindError):
    """The answer to COMMIT never came; what was committed shows when the batch is written again."""


class CheckpointMoved(WritebehindError):
    """The row of the exactly-once table is neither where this batch begins nor where it ends."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row of a batch that the target refuses.

    Args:
        row: its place in the batch, from 0.
        reason: for the rejected stream and the writer's answer.
        column, type, value: what is wrong, where the target says so.
        is_constraint: a constraint (UNIQUE, foreign key …), which another order of changes may satisfy.
        cause: what refused it, in words that are the same for every row (a constraint's name, say), so that a batch which is refused as a
            whole for one thing is told from many bad rows; "": the column says it.
    """

    row: int
    reason: str
    column: str = ""
    type: str = ""
    value: str = ""
    is_constraint: bool = False
    cause: str = ""


class RowsRefused(WritebehindError):
    """The target refuses these rows of a batch, whatever comes; nothing of the batch was written.

    They are rejected, the others are written again without them. Also for a connector of your own: raise it from `WriteData`.
    """

    def __init__(self, rows: Iterable[RefusedRow | tuple[int, str]]) -> None:
        self.rows = [row if isinstance(row, RefusedRow) else RefusedRow(*row) for row in rows]
        super().__init__(f"{len(self.rows)} rows are refused, the first: {self.rows[0].reason}" if self.rows else "no row is refused")


class PipelineHalted(WritebehindError):
    """A pipeline stopped by itself."""


class NotBuiltError(WritebehindError, NotImplementedError):
    """The name is part of the API, but this version does not serve it yet."""
