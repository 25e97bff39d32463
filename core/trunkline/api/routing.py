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


class _TableRoute(StrictRoute):
    """A row of a table, which FastAPI reads only when somebody calls what its router answers.

    To read the signatures of all of them is a third of a hub's start. What is wrong in one of ours is seen by the tests:
    each stands in the OpenAPI document.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path, self.name = path, endpoint.__name__  # all that a router asks for when it is included
        self._unread: tuple[str, Callable[..., Any], dict[str, Any]] | None = (path, endpoint, options)

    def __getattr__(self, name: str) -> Any:
        unread, self._unread = self.__dict__.get("_unread"), None
        if unread is None:
            raise AttributeError(name)
        path, endpoint, options = unread
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
