"""Names of a package that are imported at their first use."""

import importlib
from collections.abc import Mapping

Homes = Mapping[str, tuple[str, str]]
"""Maps each name of the package to the module that defines it and to its name there."""


def read_homes(homes: Mapping[str, str]) -> Homes:
    """Read a table that maps each module to its names, separated by blanks.

    ``own_name:name`` exports the module's *own_name* as *name*.
    """
    return {
        entry.rpartition(":")[2]: (home, entry.rpartition(":")[0] or entry)
        for home, names in homes.items()
        for entry in names.split()
    }


def load(name: str, *, of: str, homes: Homes) -> object:
    """Import *name*, a name of the module *of*, from the module that defines it.

    Raises AttributeError if *of* has no such name.
    """
    if name not in homes:
        msg = f"module '{of}' has no attribute '{name}'"
        raise AttributeError(msg)
    home, own_name = homes[name]
    return getattr(importlib.import_module(home), own_name)
