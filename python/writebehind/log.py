"""Log lines to stderr, in the form that the core's own lines have: text, or a JSON object a line."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from typing import Literal

from writebehind.errors import WritebehindError

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

# Of a URL, or of one that was taken for a path and lost a slash; our own hints say user:password.
_LOGIN = re.compile(r"(\w:/{1,2})(?!\[?user:password@)[^\s/]*@")


class Log:
    """Thread-safe; lines below `level` are dropped.

    Args:
        level: "debug", "info" (default), "warning" or "error".
        as_json: a JSON object a line: time, level, pipeline, message.
        is_plain: text lines without time and level, for commands that end by themselves.
    """

    def __init__(self, level: Level = "info", *, as_json: bool = False, is_plain: bool = False) -> None:
        self.level = level
        self.as_json = as_json
        self.is_plain = is_plain and not as_json
        self._lock = threading.Lock()

    def write(self, level: Level, message: str, pipeline: str = "") -> None:
        if LEVELS.index(level) < LEVELS.index(self.level):
            return
        line = self._line(level, without_logins(message), without_logins(pipeline))
        with self._lock:
            try:
                print(line, file=sys.stderr, flush=True)
            except (
                BrokenPipeError,
                ValueError,
            ):  # nobody reads our log any more: that is no reason to stop writing rows
                pass

    def info(self, message: str, pipeline: str = "") -> None:
        self.write("info", message, pipeline)

    def warning(self, message: str, pipeline: str = "") -> None:
        self.write("warning", message, pipeline)

    def error(self, message: str, pipeline: str = "") -> None:
        self.write("error", message, pipeline)

    def failure(self, error: BaseException, pipeline: str = "") -> None:
        """An error of ours with its hint, on a line of its own in text."""
        hint = error.hint if isinstance(error, WritebehindError) else ""
        separator = "; " if self.as_json else "\n  "
        self.error(f"{error}{separator}{hint}" if hint else str(error), pipeline)

    def _line(self, level: Level, message: str, pipeline: str) -> str:
        if self.as_json:
            fields = {"time": _now(), "level": level, "pipeline": pipeline, "message": message}
            return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        text = f"{pipeline}: {message}" if pipeline else message
        if self.is_plain:
            return text if level == "info" else f"{level}: {text}"
        return f"{_now()} {level} {text}"


def without_logins(text: str) -> str:
    """A text of others (an argument, a message of a recipe or a driver) with `***` for what stands before the `@` of its URLs."""
    return _LOGIN.sub(r"\1***@", text)


def _now() -> str:
    seconds = time.time()
    zone = time.strftime("%z", time.localtime(seconds))
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))
    return f"{text}.{int(seconds * 1000) % 1000:03d}{zone[:3]}:{zone[3:]}"
