"""Names of a package that are loaded when they are first used."""

import importlib
from collections.abc import Mapping

Homes = Mapping[str, tuple[str, str]]
"""The module of each name, and what it is called there."""


def read_homes(homes: Mapping[str, str]) -> Homes:
    """Read the names of each module, with blanks between; one that is called otherwise there stands as ``own_name:name``."""
    return {
        entry.rpartition(":")[2]: (home, entry.rpartition(":")[0] or entry)
        for home, names in homes.items()
        for entry in names.split()
    }


def load(name: str, *, of: str, homes: Homes) -> object:
    """Load a *name* of the module *of*. Raises AttributeError."""
    if name not in homes:
        msg = f"module '{of}' has no attribute '{name}'"
        raise AttributeError(msg)
    home, own_name = homes[name]
    return getattr(importlib.import_module(home), own_name)
