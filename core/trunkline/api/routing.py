"""Tables of routes, routers made of a table and an object whose methods answer its calls, and how routers come into an app.

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
from starlette.responses import Response
from starlette.routing import BaseRoute, compile_path

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


class _TableRoute(StrictRoute):
    """A row of a table, which FastAPI reads only when it is called, or documented.

    To read the signatures of all of them is a third of a hub's start. What is wrong in one of ours is seen by the tests:
    each stands in the OpenAPI document.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.given, self._is_read = (path, endpoint, options), False
        self.path, self.endpoint, self.name = path, endpoint, endpoint.__name__
        self.methods = set(options["methods"])
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def __getattr__(self, name: str) -> Any:
        if self.__dict__.get("_is_read", True):
            raise AttributeError(name)
        self._is_read = True
        path, endpoint, options = self.given
        super().__init__(path, endpoint, **options)
        return getattr(self, name)


def bind(
    handlers: object, routes: Iterable[Route], *, prefix: str = "", tags: Sequence[str] = ()
) -> APIRouter:
    """Make the router in which *handlers*, an instance of the class that *routes* name methods of, answers them."""
    router = APIRouter(prefix=prefix, route_class=_TableRoute, tags=list(tags))
    for route in routes:
        handler = MethodType(route.handler, handlers)
        router.add_api_route(route.path, handler, methods=[route.method], **route.options)
    return router


def mount(app: FastAPI, router: APIRouter, *, prefix: str) -> None:
    """Have *app* answer the calls of *router* below *prefix*.

    To include a router, FastAPI reads each of its routes a second time as soon as one is called. A route that keeps what it
    was made of, as ``given``, is made again under its whole path instead, and is read when it is called itself.
    """
    if not all("given" in vars(route) for route in router.routes):
        app.include_router(router, prefix=prefix)
        return
    app.router.routes.extend(_below(prefix, route, app) for route in router.routes)


def _below(prefix: str, route: Any, app: FastAPI) -> BaseRoute:
    path, endpoint, options = route.given
    kind = _TableRoute if type(route) is StrictRoute else type(route)
    made: BaseRoute = kind(prefix + path, endpoint, **options | {"dependency_overrides_provider": app})
    return made
