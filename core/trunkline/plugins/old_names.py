"""Names that a plugin takes from ``trunkline`` and that are elsewhere since Hook API 2, found in the source of its modules."""

import ast
import inspect
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from types import ModuleType

from trunkline.old_names import HOME_OF, INSTEAD, REPLACED


def list_old_names(module: ModuleType) -> Iterator[str]:
    """Say which old names *module*, and what has been imported of its package, takes: a sentence for each import to write."""
    found = sorted({name for tree in _trees(module) for name in _names_in(tree)})
    for home in sorted({HOME_OF[name] for name in found}):
        names = [name for name in found if HOME_OF[name] == home]
        if any(name in REPLACED for name in names):
            instead = "; ".join(sorted({INSTEAD[name] for name in names}))
        else:
            instead = f"from {home} import {', '.join(names)}"
        yield f"takes {', '.join(names)} from trunkline, which is deprecated: '{instead}' replaces it, and it goes with 1.0"


def _trees(module: ModuleType) -> Iterator[ast.Module]:
    """Parse *module* and what it imports of its own package, where other plugins may be too."""
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    waiting, seen = [module], {package}
    while waiting:
        loaded = waiting.pop()
        seen.add(loaded.__name__)
        try:
            tree = ast.parse(inspect.getsource(loaded))
        except (OSError, TypeError):  # it has no source: its warnings while running say the same
            continue
        yield tree
        imported = set(_imported(tree, loaded.__package__ or ""))
        inside = {name for name in imported - seen if package and name.startswith(f"{package}.")}
        waiting += [sys.modules[name] for name in sorted(inside & sys.modules.keys())]


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            named = "." * node.level + (node.module or "")
            home = resolve_name(named, package) if node.level else named
            yield from (home, *(f"{home}.{alias.name}" for alias in node.names))


def names_in(source: str) -> Iterator[str]:
    """Give the old names in ``from trunkline import name`` and ``trunkline.name``."""
    return _names_in(ast.parse(source))


def _names_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
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
