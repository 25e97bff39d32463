"""Routes that a plugin adds to the API."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

PORTAL_BASE = "/portal"
BASES = ("/api/v1", "/schemas", "/docs", PORTAL_BASE, "")
"""Base paths for a plugin's routes; the empty one is for routes that a standard puts at the root, such as ``/mcp``."""


DirectHandler = Callable[[Request], Awaitable[Response | None]]
"""Answer a call without the web framework, or return None to leave an unusual call to the router.

It must check the key itself (``requires``), and answer exactly as the route does.
"""


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes of a plugin, mounted under *base* (one of ``BASES``) + *prefix*.

    If *base* is the empty path, *prefix* must begin with a path segment that nothing else uses. *direct* has handlers, by method
    and path below the prefix, for the few routes with a thousand calls per second: such a handler saves the half millisecond
    per call that the framework takes.
    """

    router: APIRouter
    prefix: str = ""
    base: str = "/api/v1"
    direct: Mapping[tuple[str, str], DirectHandler] = field(
        default_factory=dict[tuple[str, str], DirectHandler]
    )
