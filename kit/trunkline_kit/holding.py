"""Counts the objects of a plugin that are reachable from its modules and its channel."""

import gc
import sys
from collections.abc import Iterable
from types import CodeType, CoroutineType, FrameType, FunctionType, GeneratorType, ModuleType
from typing import Any

_FOREIGN = (
    "trunkline.",
    "asyncio",
    "_asyncio",
    "uvloop",
    "logging",
    "pydantic",
    "pydantic_core",
    "fastapi",
    "starlette",
)
"""Packages whose objects are counted but not followed, because everything is reachable through them."""
_CONTAINERS = (dict, list, tuple, set, frozenset)
_CLOSED = (ModuleType, CodeType, CoroutineType, FrameType, GeneratorType)


def count_held(package: str, roots: Iterable[object] = ()) -> int:
    """Count the objects that can be reached from the modules of *package* and from *roots*."""
    own = [module for name, module in list(sys.modules.items()) if module and _belongs(name, package)]
    seen: dict[int, object] = {}  # keep the objects alive, so that no id is reused
    waiting: list[Any] = list(roots)
    for module in own:
        waiting += [value for name, value in vars(module).items() if not name.startswith("__")]
    while waiting:
        held = waiting.pop()
        if id(held) in seen:
            continue
        seen[id(held)] = held
        waiting += _inside(held, package)
    return len(seen)


def _inside(held: Any, package: str) -> list[Any]:
    if isinstance(held, _CLOSED):
        return []
    if isinstance(held, FunctionType):
        cells = [cell.cell_contents for cell in held.__closure__ or () if _is_filled(cell)]
        return [*cells, *(held.__defaults__ or ()), *(held.__kwdefaults__ or {}).values(), vars(held)]
    if isinstance(held, type):
        return [vars(held)] if _belongs(held.__module__, package) else []
    home = type(held).__module__
    if f"{home}.".startswith(_FOREIGN) and not _belongs(home, package):
        return []
    if isinstance(held, _CONTAINERS):  # the garbage collector does not track a container of plain values
        return [*held, *held.values()] if isinstance(held, dict) else list(held)
    return [inside for inside in gc.get_referents(held) if inside is not type(held)]


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _belongs(module: str | None, package: str) -> bool:
    return module is not None and (module == package or module.startswith(f"{package}."))
