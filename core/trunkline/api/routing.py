"""Tables of routes; routers made from a table and an object with the handlers; and adding routers to an app.

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

from fastapi import APIRouter, FastAPI
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from trunkline.api.requests import DeferredRoute, StrictRoute


class RouteOptions(TypedDict, total=False):
    """The options of FastAPI's ``add_api_route`` by name."""

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
    """One row of a table: a call, and the method that answers it, whose name is that of the operation in the documents.

    An answer has only the members that the method gives; defaults of the model are left out.
    """

    __slots__ = ("handler", "method", "options", "path")

    def __init__(
        self,
        method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        path: str,
        handler: Callable[..., Any],
        **options: Unpack[RouteOptions],
    ) -> None:
        self.method = method
        self.path = path
        self.handler = handler
        own: RouteOptions = {"operation_id": to_camel(handler.__name__), "response_model_exclude_unset": True}
        self.options = own | options


def bind(
    handlers: object, routes: Iterable[Route], *, prefix: str = "", tags: Sequence[str] = ()
) -> APIRouter:
    """Make a router whose calls are answered by *handlers*, an instance of the class with the methods that *routes* name."""
    router = APIRouter(prefix=prefix, route_class=StrictRoute, tags=list(tags))
    for route in routes:
        handler = MethodType(route.handler, handlers)
        router.add_api_route(route.path, handler, methods=[route.method], **route.options)
    return router


def mount(app: FastAPI, router: APIRouter, *, prefix: str) -> None:
    """Add the calls of *router* to *app*, below *prefix*.

    FastAPI's ``include_router`` reads each route a second time as soon as one is called. If all routes are deferred, each
    is made again with its whole path instead, and is read only when it is called.
    """
    routes = [route for route in router.routes if isinstance(route, DeferredRoute)]
    if len(routes) < len(router.routes):
        app.include_router(router, prefix=prefix)
        return
    for route in routes:
        path, endpoint, options = route.given
        made = type(route)(prefix + path, endpoint, **options | {"dependency_overrides_provider": app})
        made.begins = made.path.partition("{")[0]
        app.router.routes.append(made)
