"""Replacing an API key by a successor, after a page that shows how long both are valid."""

from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import one_time_secret
from trunkline_portal.access import Administers
from trunkline_portal.pages.keys import KEYS, find_key
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

OVERLAP_SECONDS = 24 * 60 * 60


class KeyRotationPages(Pages):
    """Asks before a key is replaced, and replaces it."""

    async def ask(self, request: Request, viewer: Administers, key_id: str) -> Response:
        """Describe the consequences of rotating a key."""
        key = await find_key(self._portal, viewer, key_id)
        return self._portal.confirm(
            request,
            viewer,
            title=f"Rotate “{key['name']}”?",
            sentences=[
                "You get a new key with the same name, scopes and networks; it is shown once.",
                f"The key that ends in {key['last4']} goes on for 24 hours, so that you can exchange it without a gap.",
                "Then it stops working for good.",
                *await self._portal.context.keys.describe_end(key_id),
            ],
            action=f"{viewer.root}{KEYS}/{key_id}/rotate",
            button="Make the new key",
            back=f"{viewer.root}{KEYS}",
            is_dangerous=False,
        )

    async def rotate(self, request: Request, viewer: Administers, key_id: str) -> Response:
        """Make a key's successor, and show it once."""
        made, api_key = await self._portal.context.keys.rotate(
            key_id, company_id=viewer.company_id, by=viewer.principal, overlap_seconds=OVERLAP_SECONDS
        )
        response = self._portal.redirect(request, f"{viewer.root}{KEYS}/{made['id']}/made")
        one_time_secret.hand_over(self._portal, request, response, viewer, of=str(made["id"]), secret=api_key)
        return response


ROUTES = Table(
    KeyRotationPages,
    get("/keys/{key_id}/rotate", KeyRotationPages.ask),
    post("/keys/{key_id}/rotate", KeyRotationPages.rotate, bucket="admin"),
)
