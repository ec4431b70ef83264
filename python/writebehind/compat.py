"""Importing this makes recipes written for RedisGears importable: `WriteBehind`, `rgsync`, and their `Connectors`.

Nothing of these names is installed: the modules live in this process only, and a real package of that name, already imported, is
left alone.
"""

from __future__ import annotations

import importlib.machinery
import sys
from types import ModuleType

from writebehind import connectors, recipes

PACKAGES = ("WriteBehind", "rgsync")
RECIPES = ("RGWriteBehind", "RGWriteThrough", "RGJSONWriteBehind", "RGJSONWriteThrough")


def install() -> None:
    """Puts the packages into `sys.modules`; a second call changes nothing."""
    for name in PACKAGES:
        if name in sys.modules:
            continue
        package = _module(name, {recipe: getattr(recipes, recipe) for recipe in RECIPES})
        names = {connector: getattr(connectors, connector) for connector in connectors.__all__}
        inner = _module(f"{name}.Connectors", names)
        package.Connectors = inner  # type: ignore[attr-defined]
        sys.modules[name] = package
        sys.modules[inner.__name__] = inner


def _module(name: str, names: dict[str, object]) -> ModuleType:
    module = ModuleType(name, f"Names of writebehind, for recipes that import them from {name}.")
    module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    module.__path__ = []
    module.__dict__.update(names)
    module.__dict__["__all__"] = sorted(names)
    return module


install()
