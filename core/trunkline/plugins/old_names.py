"""Names that a plugin takes from ``trunkline`` and that are elsewhere since Hook API 2, found in the source of its modules."""

import ast
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType

from trunkline.old_names import HOME_OF, INSTEAD, REPLACED


def list_old_names(module: ModuleType) -> Iterator[str]:
    """Say which old names *module*, and what has been imported of its package, takes: a sentence for each import to write."""
    found = sorted({name for source in _sources(module) for name in names_in(source)})
    for home in sorted({HOME_OF[name] for name in found}):
        names = [name for name in found if HOME_OF[name] == home]
        if any(name in REPLACED for name in names):
            instead = "; ".join(sorted({INSTEAD[name] for name in names}))
        else:
            instead = f"from {home} import {', '.join(names)}"
        yield f"takes {', '.join(names)} from trunkline, which is deprecated: '{instead}' replaces it, and it goes with 1.0"


def _sources(module: ModuleType) -> Iterator[str]:
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    for name, loaded in sorted(sys.modules.items()):
        if loaded is not module and not (package and f"{name}.".startswith(f"{package}.")):
            continue
        try:
            source = inspect.getsource(loaded)
        except (OSError, TypeError):  # it has no source: its warnings while running say the same
            continue
        if "trunkline" in source:
            yield source


def names_in(source: str) -> Iterator[str]:
    """Give the old names in ``from trunkline import name`` and ``trunkline.name``."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module == "trunkline" and not node.level:
            names = [alias.name for alias in node.names]
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "trunkline"
        ):
            names = [node.attr]
        yield from (name for name in names if name in INSTEAD)
