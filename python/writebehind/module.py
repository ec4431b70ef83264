"""Where the Redis module is: writebehind.so, installed beside this package."""

from __future__ import annotations

import os
from pathlib import Path

from writebehind.errors import ConfigError

FILE = "writebehind.so"


def module_path() -> Path:
    """The absolute path of the module's file; the environment's WRITEBEHIND_MODULE names another.

    Raises:
        ConfigError: there is no such file.
    """
    chosen = os.environ.get("WRITEBEHIND_MODULE")
    if chosen:
        path = Path(chosen).resolve()
        if not path.is_file():
            raise ConfigError(f"WRITEBEHIND_MODULE names {path}, which is no file")
        return path
    import writebehind

    # An editable install keeps the sources and what is built of them in two directories of one package.
    for directory in writebehind.__path__:
        path = Path(directory).resolve() / FILE
        if path.is_file():
            return path
    core = _extension_directory()
    if core is not None and (core / FILE).is_file():
        return core / FILE
    raise ConfigError(f"{FILE} is not beside the package: it was installed without its native parts", "pip install .")


def loadmodule_line() -> str:
    """The line for redis.conf."""
    try:
        return f"loadmodule {module_path()}"
    except ConfigError:
        return f"loadmodule /path/to/{FILE}"


def _extension_directory() -> Path | None:
    from importlib.util import find_spec

    found = find_spec("writebehind._core")
    return Path(found.origin).resolve().parent if found is not None and found.origin else None
