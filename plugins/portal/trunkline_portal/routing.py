"""Routes of the portal: whatever happens in one is answered by a page, and every answer carries the security headers."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from trunkline_portal.access import PORTAL_KEY


class Answers(Protocol):
    """What answers where a page could not."""

    async def answer_error(self, request: Request, error: Exception) -> Response:
        """Say what is the matter."""
        ...

    def finish(self, response: Response) -> None:
        """Put on *response* what belongs on every answer."""
        ...


def route_class(portal: Answers) -> type[APIRoute]:
    """Make the class of the routes of *portal*."""

    class PortalRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                request.scope[PORTAL_KEY] = portal
                try:
                    response = await handle(request)
                except ClientDisconnect:
                    raise
                except Exception as error:  # noqa: BLE001 - the last place where a page can be shown instead
                    response = await portal.answer_error(request, error)
                portal.finish(response)
                return response

            return answer

    return PortalRoute
