"""Routes that a plugin adds to the API."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

PORTAL_BASE = "/portal"
BASES = ("/api/v1", "/schemas", "/docs", PORTAL_BASE, "")
"""Where a plugin may have routes; the empty one is for what a standard puts at the root, such as ``/mcp``."""


DirectHandler = Callable[[Request], Awaitable[Response | None]]
"""Answer a call without the framework in between, or leave it to the router by None: whatever is not plain.

It must check the key itself (``requires``), and answer just as the route does.
"""


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes of a plugin, mounted under *base* (one of ``BASES``) + *prefix*. At the root *prefix* begins with a name of its own.

    *direct* is for the few that are called a thousand times a second: method and path below the prefix, with the handler
    that saves the framework's share, half a millisecond.
    """

    router: APIRouter
    prefix: str = ""
    base: str = "/api/v1"
    direct: Mapping[tuple[str, str], DirectHandler] = field(
        default_factory=dict[tuple[str, str], DirectHandler]
    )
