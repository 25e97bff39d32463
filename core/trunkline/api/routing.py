"""Tables of routes, and routers made of a table and an object whose methods answer its calls.

::

    class ThingHandlers:
        def __init__(self, things: Things) -> None: …

        async def list_things(self, caller: Reads) -> dict[str, Json]: …

    ROUTES = (Route("GET", "/things", ThingHandlers.list_things, summary="List things"),)

    def make_router(things: Things) -> APIRouter:
        return bind(ThingHandlers(things), ROUTES, prefix="/api/v1", tags=["Things"])
"""

from collections.abc import Callable, Iterable, Sequence
from types import MethodType
from typing import Any, Literal, TypedDict, Unpack

from fastapi import APIRouter
from starlette.responses import Response

from trunkline.api.requests import StrictRoute


class RouteOptions(TypedDict, total=False):
    """What FastAPI's ``add_api_route`` takes by these names."""

    status_code: int
    response_model: Any
    response_model_exclude_unset: bool
    response_class: type[Response]
    responses: dict[int | str, dict[str, Any]]
    summary: str
    tags: list[Any]
    operation_id: str
    openapi_extra: dict[str, Any]
    include_in_schema: bool


class Route:
    """One row of a table: a call, and the method of a class that answers it."""

    __slots__ = ("handler", "method", "options", "path")

    def __init__(
        self,
        method: Literal["GET", "HEAD", "POST", "PATCH", "DELETE"],
        path: str,
        handler: Callable[..., Any],
        **options: Unpack[RouteOptions],
    ) -> None:
        self.method = method
        self.path = path
        self.handler = handler
        self.options = options


def bind(
    handlers: object, routes: Iterable[Route], *, prefix: str = "", tags: Sequence[str] = ()
) -> APIRouter:
    """Make the router in which *handlers*, an instance of the class that *routes* name methods of, answers them."""
    router = APIRouter(prefix=prefix, route_class=StrictRoute, tags=list(tags))
    for route in routes:
        handler = MethodType(route.handler, handlers)
        router.add_api_route(route.path, handler, methods=[route.method], **route.options)
    return router
