"""Whose fault an error of Cassandra is: the row's, the table's, the cluster's."""

from __future__ import annotations

import re

from cassandra import (
    AuthenticationFailed,
    DriverException,
    FunctionFailure,
    InvalidRequest,
    OperationTimedOut,
    UnresolvableContactPoints,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException

from writebehind.errors import ConfigError, TargetUnavailable, WritebehindError

MESSAGE_LENGTH = 500
BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"

# Cassandra has one code for all that is wrong with a request; what a value can be to blame for is told by its text. All else is retried.
_DATA = re.compile(
    r"may not be empty|longer than maximum|exceeds (the )?(allowed )?maximum|too (large|big|long)|oversized mutation|"
    r"Unable to convert|Unable to make|Invalid version for TimeUUID|Invalid (null|empty) value|Null value|null values are not supported|"
    r"could not (be )?(decode|parse)|Could not decode JSON|Expected \d+ (or \d+ )?byte|String didn't validate|"
    r"Guardrail \S*(size|items|fields|dimensions)\S* violated",
    re.IGNORECASE,
)


def refusal(error: Exception) -> str | None:
    """The reason, where Cassandra refuses this row for its values; None: something else is wrong."""
    if isinstance(error, FunctionFailure):  # fromJson is the only function that we call
        return message(error)
    if isinstance(error, InvalidRequest) and _DATA.search(message(error)):
        return message(error)
    return None


def cause(reason: str) -> str:
    """A refusal's reason without the numbers and values that differ by row."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|\d+", "…", reason)


def raised(error: Exception, place: str) -> Exception:
    """What the core understands."""
    if isinstance(error, NoHostAvailable):
        causes = list(error.errors.values()) if isinstance(error.errors, dict) else []
        # Every host refused the login: only a person can mend that.
        if causes and all(isinstance(cause, AuthenticationFailed) for cause in causes):
            return ConfigError(f"can't sign in to {place}: {message(causes[0])}")
        text = message(causes[0]) if causes else message(error)
        return (ConfigError if BAD_CERTIFICATE in text else TargetUnavailable)(f"{place}: {text}")
    if isinstance(error, AuthenticationFailed):
        return ConfigError(f"can't sign in to {place}: {message(error)}")
    if isinstance(error, OperationTimedOut):
        return TargetUnavailable(f"{place}: no answer in time")
    if isinstance(error, UnresolvableContactPoints):
        return TargetUnavailable(f"{place}: no such host")
    if isinstance(error, ConnectionException | ConnectionBusy | OSError):
        return TargetUnavailable(f"{place}: {message(error)}")
    if isinstance(error, DriverException):
        return WritebehindError(f"{place}: {message(error)}")
    return error


def message(error: BaseException) -> str:
    """What the server says, in one line."""
    text = " ".join(str(error).split())
    found = re.search(r'message="(.*)"', text)
    text = found.group(1) if found else text
    text = re.sub(r"^(\w+\.)+(\w+Exception: )", "", text)
    return text[:MESSAGE_LENGTH] or type(error).__name__
