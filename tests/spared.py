"""Work that the hubs of one test process share: a pytest plugin for ``conftest``, and for runs of the kit elsewhere.

Runs of the kit load it by name (``PYTEST_PLUGINS``), so it imports nothing from ``tests``.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FunctionType, MethodType, ModuleType, UnionType
from typing import Any

import fastapi.routing
import pytest
from fastapi.dependencies.models import Dependant
from pluggy import PluginManager

from trunkline_kit.fixtures import shared_work

_READERS = (
    ("fastapi.routing", "create_model_field"),
    ("fastapi.routing", "compile_path"),
    ("trunkline.api.requests", "compile_path"),
    ("trunkline.contract.targets", "schema_of"),
)
"""Functions that each hub calls with the same arguments, for the signatures and paths of its routes and the models of its channels.
Nothing changes their results.
"""
_HOOKABLE = (FunctionType, MethodType, staticmethod, classmethod)


@pytest.fixture(scope="session", autouse=True)
def definitions_are_compiled_once() -> Iterator[None]:
    """Share compiled definitions among all hubs, as the kit does for an author's tests."""
    with shared_work():
        yield


@pytest.fixture(scope="session", autouse=True)
def routes_are_read_once() -> Iterator[None]:
    """Share among all hubs the results of ``_READERS``, which take a quarter of a hub's start."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in _READERS:
            patch.setattr(f"{module}.{name}", _once(getattr(importlib.import_module(module), name)))
        patch.setattr(fastapi.routing, "get_dependant", _dependants_once(fastapi.routing.get_dependant))
        yield


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Call *function* only once for the same objects. The objects are kept alive, so that no others get their ids."""
    known: dict[object, tuple[object, Any]] = {}

    def answer(*given: Any, **named: Any) -> Any:
        key = (*map(_identity, given), *((name, _identity(value)) for name, value in named.items()))
        if key not in known:
            known[key] = ((given, named), function(*given, **named))
        return known[key][1]

    return answer


def _dependants_once(read: Callable[..., Dependant]) -> Callable[..., Dependant]:
    """Read functions with the same code and annotations once for each path; each hub makes new ones of them."""
    known: dict[object, tuple[object, Dependant]] = {}

    def answer(*, path: str, call: Callable[..., Any], **named: Any) -> Dependant:
        function = getattr(call, "__func__", call)
        if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
            return read(path=path, call=call, **named)
        kept = (*function.__annotations__.values(), *(function.__defaults__ or ()), *named.values())
        key = (path, function.__code__, isinstance(call, FunctionType), *map(_identity, kept))
        if key not in known:
            known[key] = (kept, replace(read(path=path, call=call, **named), call=None))
        dependant = known[key][1]
        return replace(dependant, call=call, dependencies=[*dependant.dependencies])

    return answer


def _identity(value: Any) -> object:
    if metadata := getattr(
        value, "__metadata__", None
    ):  # of Annotated, which some functions write anew for a kept model
        return id(value.__origin__), repr(metadata)
    return value if isinstance(value, str | UnionType) else id(value)


@pytest.fixture(scope="session", autouse=True)
def hooks_are_found_fast() -> Iterator[None]:
    """Make pluggy look for hooks only among functions: each hub registers all plugins, which have 500 names."""
    parse = PluginManager.parse_hookimpl_opts

    def parse_functions(manager: PluginManager, plugin: object, name: str) -> object:
        if isinstance(plugin, ModuleType) and not isinstance(vars(plugin).get(name), _HOOKABLE):
            return None
        return parse(manager, plugin, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManager, "parse_hookimpl_opts", parse_functions)
        yield
