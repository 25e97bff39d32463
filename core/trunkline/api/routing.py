"""Tables of routes; routers made from a table and an object with the handlers; and adding routers to an app.

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


_OPTIONS = tuple(inspect.signature(APIRoute).parameters)[2:]
"""The options that a route has besides its path and endpoint; FastAPI uses the same names."""


class Route:
    """One row of a table: a call, and the method that answers it."""

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
    """A row of a table. FastAPI reads the handler's signature only when the route is called or documented.

    Reading all signatures would take a third of a hub's start. Tests find faults in the hub's own signatures, as all of
    them are in the OpenAPI document.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.given, self._is_read = (path, endpoint, options), False
        self.path, self.endpoint, self.name = path, endpoint, endpoint.__name__
        self.methods = set(options["methods"])
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.begins = ""
        """The fixed beginning of the route's path; empty if unknown."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as any route does, but reject paths with another beginning ten times as fast.

        This saves time, because each call is tried on many routes.
        """
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
    """Make a router whose calls are answered by *handlers*, an instance of the class with the methods that *routes* name."""
    router = APIRouter(prefix=prefix, route_class=_TableRoute, tags=list(tags))
    for route in routes:
        handler = MethodType(route.handler, handlers)
        router.add_api_route(route.path, handler, methods=[route.method], **route.options)
    return router


def mount(app: FastAPI, router: APIRouter, *, prefix: str) -> None:
    """Add the calls of *router* to *app*, below *prefix*.

    FastAPI's ``include_router`` reads each route a second time as soon as one is called. If all routes are of known kinds, each
    is made again with its whole path instead, and is read only when it is called.
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
    """Return the class and arguments that made *route*.

    Returns None unless *route* keeps them as ``given`` or is a ``StrictRoute``.
    """
    if type(route) is StrictRoute:
        options = {name: getattr(route, name) for name in _OPTIONS if hasattr(route, name)}
        return _TableRoute, route.path, route.endpoint, options
    given = vars(route).get("given")
    return given and (type(route), *given)
