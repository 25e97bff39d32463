"""Checks the values of ``register_routes``, in a separate module because it loads the web framework."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.routing import BaseRoute

from trunkline.contract import BASES, Routes
from trunkline.plugins.types import find_function_fault, find_text_fault, find_type_fault
from trunkline.plugins.values import Faults, check_items

PREFIX = re.compile(r"(/[^/]+)*")
_DOCUMENTS = ("openapi.json", "openapi-3.0.json", "asyncapi.json")
TAKEN_AT_ROOT = frozenset({"api", "schemas", "docs", "portal", *_DOCUMENTS, "healthz", "readyz", "metrics"})
"""First path segments that the hub uses, or that are other values of ``Routes.base``."""


def check_routes(plugin: str, value: object, *, reads: bool) -> tuple[Routes, ...]:
    """Accept the routes of a plugin, which hold FastAPI routers. If *reads*, each signature is read, so that faults are raised."""
    routes = check_items(plugin, "register_routes", value, Routes, _routes_faults)
    found: list[Any] = [route for each in routes for route in each.router.routes] if reads else []
    for route in found:
        if hasattr(route, "given"):  # deferred
            _ = route.dependant
    return routes


def _routes_faults(routes: Routes) -> Faults:
    yield find_type_fault("router", routes.router, APIRouter, expected="a fastapi.APIRouter")
    yield find_text_fault("prefix", routes.prefix)
    yield from _direct_faults(routes.direct)
    for route in routes.router.routes:
        yield find_type_fault("router", route, BaseRoute, expected="made of routes")
    if not PREFIX.fullmatch(routes.prefix):
        yield f"prefix '{routes.prefix}' is neither empty nor of the form '/path'"
    if routes.base not in BASES:
        yield f"base '{routes.base}' is none of {', '.join(filter(None, BASES))}, or empty for the root"
    name = routes.prefix.partition("/")[2].partition("/")[0]
    if not routes.base and (not name or name in TAKEN_AT_ROOT or "{" in name):
        taken = ", ".join(sorted(TAKEN_AT_ROOT))
        yield f"prefix '{routes.prefix}' does not begin with a name of its own; at the root these are taken: {taken}"


def _direct_faults(direct: Any) -> Faults:
    yield find_type_fault("direct", direct, Mapping, expected="a mapping")
    for key, handler in direct.items():
        match key:
            case (str(), str()):
                yield find_function_fault(f"direct handler of '{key[1]}'", handler, is_optional=False)
            case _:
                yield f"direct has the key {key!r}, which is not a method and a path"
