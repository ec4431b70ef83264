"""What writebehind raises. str() of an error says what and where, its `hint` what to do about it.

::

    WritebehindError
    +-- ConfigError             wrong by configuration: exit status 2
    |   +-- VersionError        another definition of this name is registered
    +-- RedisUnavailable        Redis can't be reached, or lost the connection
    +-- TargetUnavailable       the database can't be reached now
    +-- PipelineHalted          a pipeline ended by itself (error_handling: stop)
    +-- NotBuiltError           a name that this version knows but can't serve yet
"""

from __future__ import annotations


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


class PipelineHalted(WritebehindError):
    """A pipeline stopped by itself."""


class NotBuiltError(WritebehindError, NotImplementedError):
    """The name is part of the API, but this version does not serve it yet."""
