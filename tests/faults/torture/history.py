"""What happened in a run, when: a file of one JSON object a line, the run's options first."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any


class History:
    """Any thread may `note`; the file is whole up to the last quiet point, where `flush` is called."""

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = open(path, "w")
        self._started = time.monotonic()
        self.note("run", "options", **options)

    def note(self, who: str, what: str, **more: object) -> None:
        line = json.dumps({"t": round(time.monotonic() - self._started, 4), "who": who, "what": what, **more}, default=str)
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")

    def flush(self) -> None:
        with self._lock:
            self._file.flush()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def about(self, *words: str, most: int = 12) -> list[str]:
        """The last lines that hold one of the words, faults between them included."""
        self.flush()
        with open(self.path) as lines:
            found = [line.rstrip() for line in lines if '"who": "fault' in line or any(f'"{word}"' in line for word in words)]
        return found[-most:]


def read_options(path: Path) -> dict[str, Any]:
    """Of the run that wrote the file."""
    with open(path) as lines:
        first = json.loads(lines.readline())
    return {name: value for name, value in first.items() if name not in ("t", "who", "what")}
