"""Tables of routes, routers made of a table and an object whose methods answer its calls, and how routers come into an app.

::

    class ThingHandlers:
        def __init__(self, things: Things) -> None: …

        async def list_things(self, caller: Reads) -> dict[str, Json]: …

    ROUTES = (Route("GET", "/things", ThingHandlers.list_things, summary="List things"),)

    def make_router(things: Things) -> APIRouter:
        return bind(ThingHandlers(things), ROUTES, prefix="/api/v1", tags=["Things"])
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from types import MethodType
from typing import Any, Literal, TypedDict, Unpack

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match, compile_path
from starlette.types import Scope

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


_OPTIONS = tuple(inspect.signature(APIRoute).parameters)[2:]
"""What a route is told beside its path and its endpoint, and keeps by the same names."""


class Route:
    """One row of a table: a call, and the method of a class that answers it."""

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
        self.begins = ""
        """How the path of each of its calls begins, as far as that is known."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as any route does; a call that begins otherwise is passed on ten times as fast: it passes a hundred routes."""
        if not scope.get("root_path") and not scope["path"].startswith(self.begins):
            return Match.NONE, {}
        return super().matches(scope)

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

    To include a router, FastAPI reads each of its routes a second time as soon as one is called. Where all are ours, each is
    made again under its whole path instead, and is read when it is called itself.
    """
    made_of = [_made_of(route) for route in router.routes]
    if None in made_of:
        app.include_router(router, prefix=prefix)
        return
    for kind, path, endpoint, options in filter(None, made_of):
        more: dict[str, Any] = options | {"dependency_overrides_provider": app}
        route = kind(prefix + path, endpoint, **more)
        if isinstance(route, _TableRoute):
            route.begins = route.path.partition("{")[0]
        app.router.routes.append(route)


def _made_of(route: Any) -> tuple[type[APIRoute], str, Callable[..., Any], dict[str, Any]] | None:
    """Give what a route is made of: one that keeps it as ``given``, or a ``StrictRoute``; None for any other."""
    if type(route) is StrictRoute:
        options = {name: getattr(route, name) for name in _OPTIONS if hasattr(route, name)}
        return _TableRoute, route.path, route.endpoint, options
    given = vars(route).get("given")
    return given and (type(route), *given)
