"""Runs recipe scripts and collects the pipelines that they declare."""

from __future__ import annotations

import builtins
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from writebehind.errors import ConfigError, NotBuiltError, WritebehindError
from writebehind.gears import GB
from writebehind.pipeline import Pipeline

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep


def load_recipes(recipes: Iterable[Path], warn: Callable[[str], None]) -> list[Pipeline]:
    """Executes scripts, in their order, with `GB` there and the names of `writebehind.compat` importable.

    Args:
        warn: is told, with file and line, what of a script is left out.

    Returns:
        The pipelines, in the order in which they were declared.

    Raises:
        ConfigError: a script can't be read, fails, or declares nothing; the message begins with file and line.
        NotBuiltError: nothing that a script declares is served.
    """
    import writebehind.compat  # noqa: F401 - its import is what makes the names importable

    GB.is_running = True
    for recipe in recipes:
        before = len(GB.pipelines)
        GB.left_out.clear()
        _execute(recipe)
        if len(GB.pipelines) == before:
            for error, source in GB.left_out:
                raise NotBuiltError(f"{source}: {error}", error.hint)
            raise ConfigError(f"{recipe}: declares no pipeline", "RGWriteBehind(GB, …) declares one")
        for error, source in GB.left_out:
            warn(f"{source}: {error}; the rest of the recipe runs without it")
    return list(GB.pipelines)


def _execute(recipe: Path) -> None:
    try:
        source = recipe.read_bytes()
    except OSError as error:
        raise ConfigError(f"{recipe}: {error.strerror or error}") from None
    try:
        with _as_script(recipe):
            code = compile(source, str(recipe), "exec", dont_inherit=True)
            exec(code, {"__name__": "__main__", "__file__": str(recipe), "__builtins__": builtins, "GB": GB})
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise ConfigError(f"{recipe}: the script ended itself: {ended.code}") from None
    except Exception as error:  # noqa: BLE001 - a script may raise anything
        raise _failure(recipe, error) from None


@contextmanager
def _as_script(recipe: Path) -> Iterator[None]:
    """What `python recipe.py` would see: its directory on the path, itself in argv; and GB for modules that it imports."""
    saved_path, saved_argv = list(sys.path), sys.argv
    sys.path.insert(0, str(recipe.resolve().parent))
    sys.argv = [str(recipe)]
    builtins.GB = GB  # type: ignore[attr-defined] # stays: what the script imported may use it later
    try:
        yield
    finally:
        sys.path[:] = saved_path
        sys.argv = saved_argv


def _failure(recipe: Path, error: Exception) -> WritebehindError:
    """The error with the line of the script that it came from, and without our own frames."""
    if isinstance(error, SyntaxError):
        place, message = f"{error.filename}:{error.lineno}", f"{type(error).__name__}: {error.msg}"
    else:
        place, message = _place(recipe, error), f"{type(error).__name__}: {error}"
    if isinstance(error, WritebehindError):
        kind: Any = NotBuiltError if isinstance(error, NotBuiltError) else ConfigError
        return kind(f"{place}: {error}", error.hint)  # type: ignore[no-any-return]
    return ConfigError(f"{place}: {message}", _hint(error))


def _place(recipe: Path, error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not os.path.abspath(frame.filename).startswith(_PACKAGE)]
    own = [frame for frame in frames if frame.filename == str(recipe)]
    chosen = (own or frames)[-1:]
    return f"{chosen[0].filename}:{chosen[0].lineno}" if chosen else str(recipe)


def _hint(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"install '{error.name}' into this Python ({sys.executable})"
    return ""
