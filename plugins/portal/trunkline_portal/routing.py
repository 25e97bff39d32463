"""Routes of the portal: their tables, and the class that answers errors by a page.

A module of pages ends with its table::

    ROUTES = Table(
        EventPages,
        get("/events", EventPages.show_events),
        get("/events/{event_id}", EventPages.show_event),
        post("/events/{event_id}/send", EventPages.send, bucket="admin"),
    )
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from trunkline.routes import DeferredRoute
from trunkline_portal import addresses
from trunkline_portal.access import PORTAL_KEY
from trunkline_portal.counting import PAGES

if TYPE_CHECKING:
    from trunkline_portal.portal import Portal

Handler = Callable[..., Coroutine[Any, Any, object]]


class Route(Struct, frozen=True):
    """One line of a table. *handler* is a method of the table's class, *bucket* is the rate limit that a request counts against (``counting``)."""

    path: str
    handler: Handler
    methods: Sequence[str]
    bucket: str | None = PAGES


def get(path: str, handler: Handler, *, bucket: str | None = PAGES) -> Route:
    """Make the line of a page."""
    return Route(path, handler, ["GET"], bucket)


def post(path: str, handler: Handler, *, bucket: str) -> Route:
    """Make the line of a form's target. The form counts against a rate limit like the API call with the same effect."""
    return Route(path, handler, ["POST"], bucket)


OF_COMPANY = (addresses.OF_COMPANY,)
"""The addresses of pages begin with the company (``addresses``)."""
ALONE = ("",)
"""The addresses have no company."""
EITHER = (*OF_COMPANY, *ALONE)
"""The pages also exist without a company, for operators who look at none."""


class Table:
    """The *routes* of a module, and the class whose methods answer them; *below* says how their addresses begin."""

    def __init__(
        self, pages: Callable[[Any], object], *routes: Route, below: Sequence[str] = OF_COMPANY
    ) -> None:
        self.pages = pages
        self.routes = routes
        self.below = below


def route_class(portal: "Portal") -> type[APIRoute]:
    """Make the class of the routes of *portal*."""

    class PortalRoute(DeferredRoute):
        """A page's route."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                scope = request.scope
                scope[PORTAL_KEY] = portal
                try:
                    has_nul = "\0" in scope["path"] or b"%00" in scope["query_string"]
                    if has_nul:  # PostgreSQL's text has none
                        response = await portal.answer_error(request, HTTPException(404))
                    else:
                        response = await handle(request)
                except ClientDisconnect:
                    raise
                except Exception as error:  # noqa: BLE001 - the last place where a page can be shown instead
                    response = await portal.answer_error(request, error)
                portal.finish(request, response)
                return response

            return answer

    return PortalRoute
