"""Routes of the methods of a class; routers made from them and an instance of the class; and adding routers to an app.

::

    class ThingHandlers:
        def __init__(self, things: Things) -> None: …

        @route("GET", "/things", summary="List things")
        async def list_things(self, caller: Reads) -> dict[str, Json]: …

    router = bind(ThingHandlers(things), prefix="/api/v1", tags=["Things"])
"""

from collections.abc import Callable, Iterable, Sequence
from types import MethodType
from typing import Any, Literal, TypedDict, TypeVar, Unpack

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


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Handler = TypeVar("Handler", bound=Callable[..., Any])
_ROUTE = "__route__"


class Route:
    """A call, and the method that answers it, whose name is that of the operation in the documents.

    An answer has only the members that the method gives; defaults of the model are left out.
    """

    __slots__ = ("handler", "method", "options", "path")

    def __init__(
        self, method: Method, path: str, handler: Callable[..., Any], **options: Unpack[RouteOptions]
    ) -> None:
        self.method = method
        self.path = path
        self.handler = handler
        own: RouteOptions = {"operation_id": to_camel(handler.__name__), "response_model_exclude_unset": True}
        self.options = own | options


def route(method: Method, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
    """Decorate the method of a class that answers the call of *path* with *method*."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _ROUTE, Route(method, path, handler, **options))
        return handler

    return mark


def routes_of(handlers: type) -> tuple[Route, ...]:
    """List the routes of the methods of a class that ``route`` decorates, in their order."""
    return tuple(getattr(member, _ROUTE) for member in vars(handlers).values() if hasattr(member, _ROUTE))


def bind(
    handlers: object, routes: Iterable[Route] | None = None, *, prefix: str = "", tags: Sequence[str] = ()
) -> APIRouter:
    """Make a router whose calls are answered by *handlers*, an instance of the class with the methods that *routes* name.

    Without *routes*, it has those of the methods that ``route`` decorates.
    """
    router = APIRouter(prefix=prefix, route_class=StrictRoute, tags=list(tags))
    for row in routes_of(type(handlers)) if routes is None else routes:
        handler = MethodType(row.handler, handlers)
        router.add_api_route(row.path, handler, methods=[row.method], **row.options)
    return router


def mount(app: FastAPI, router: APIRouter, *, prefix: str) -> None:
    """Add the calls of *router* to *app*, below *prefix*.

    FastAPI's ``include_router`` reads each route a second time as soon as one is called. If all routes are deferred, each
    is made again with its whole path instead, and is read only when it is called.
    """
    routes = [each for each in router.routes if isinstance(each, DeferredRoute)]
    if len(routes) < len(router.routes):
        app.include_router(router, prefix=prefix)
        return
    for each in routes:
        path, endpoint, options = each.given
        made = type(each)(prefix + path, endpoint, **options | {"dependency_overrides_provider": app})
        made.begins = made.path.partition("{")[0]
        app.router.routes.append(made)
