"""Checks the values of ``register_routes``, in a separate module because it loads the web framework."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.routing import BaseRoute

from trunkline.contract import BASES, Routes
from trunkline.plugins.types import find_function_fault, find_text_fault, find_type_fault
from trunkline.plugins.values import check_items

PREFIX = re.compile(r"(/[^/]+)*")
_DOCUMENTS = ("openapi.json", "openapi-3.0.json", "asyncapi.json")
TAKEN_AT_ROOT = frozenset({"api", "schemas", "docs", "portal", *_DOCUMENTS, "healthz", "readyz", "metrics"})
"""First path segments that the hub uses, or that are other values of ``Routes.base``."""


def check_routes(plugin: str, value: object, *, reads: bool) -> tuple[Routes, ...]:
    """Accept the routes of a plugin, which hold FastAPI routers. If *reads*, each signature is read, so that faults are raised."""
    routes = check_items(plugin, "register_routes", value, Routes, _find_routes_fault)
    found: list[Any] = [route for each in routes for route in each.router.routes] if reads else []
    for route in found:
        if hasattr(route, "given"):  # deferred
            _ = route.dependant
    return routes


def _find_routes_fault(routes: Routes) -> str | None:
    fault = (
        find_type_fault("router", routes.router, APIRouter, expected="a fastapi.APIRouter")
        or find_text_fault("prefix", routes.prefix)
        or _find_direct_fault(routes.direct)
    )
    for route in () if fault else routes.router.routes:
        fault = fault or find_type_fault("router", route, BaseRoute, expected="made of routes")
    if fault is None and not PREFIX.fullmatch(routes.prefix):
        return f"prefix '{routes.prefix}' is neither empty nor of the form '/path'"
    if fault is None and routes.base not in BASES:
        return f"base '{routes.base}' is none of {', '.join(filter(None, BASES))}, or empty for the root"
    return fault or (_find_root_fault(routes.prefix) if not routes.base else None)


def _find_direct_fault(direct: Any) -> str | None:
    if fault := find_type_fault("direct", direct, Mapping, expected="a mapping"):
        return fault
    for key, handler in direct.items():
        match key:
            case (str(), str()):
                pass
            case _:
                return f"direct has the key {key!r}, which is not a method and a path"
        if fault := find_function_fault(f"direct handler of '{key[1]}'", handler, is_optional=False):
            return fault
    return None


def _find_root_fault(prefix: str) -> str | None:
    name = prefix.split("/")[1] if prefix else ""
    if name and name not in TAKEN_AT_ROOT and "{" not in name:
        return None
    taken = ", ".join(sorted(TAKEN_AT_ROOT))
    return f"prefix '{prefix}' does not begin with a name of its own; at the root these are taken: {taken}"
