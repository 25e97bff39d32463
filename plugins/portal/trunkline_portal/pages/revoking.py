"""Revoking an API key, after a page that lists the consequences."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import formats, scopes
from trunkline_portal.access import Administers, Viewer
from trunkline_portal.addresses import SIGN_IN
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.keys import KEYS, find_key
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post


class RevocationPages(Pages):
    """Asks before a key is revoked, and revokes it."""

    async def ask(self, request: Request, viewer: Administers, key_id: str) -> Response:
        """Describe the consequences of revoking a key."""
        key = await find_key(self._portal, viewer, key_id)
        if key["revoked_utc"] is not None:
            return self._portal.redirect(
                request, f"{viewer.root}{KEYS}", viewer=viewer, flash=_is_revoked(key), tone="info"
            )
        sessions = await self._portal.sessions.count_of(key_id)
        return self._portal.confirm(
            request,
            viewer,
            title=f"Revoke “{key['name']}”?",
            sentences=[
                *_consequences(key, sessions=sessions, is_own=key_id == viewer.principal.key_id),
                *await self._portal.context.keys.describe_end(key_id),
            ],
            choice=await self._choice(viewer, key_id),
            action=f"{viewer.root}{KEYS}/{key_id}/revoke",
            button="Revoke the key",
            back=f"{viewer.root}{KEYS}",
        )

    async def _choice(self, viewer: Viewer, key_id: str) -> tuple[str, str] | None:
        """Offer to disable the subscriptions that a key made, if there are any."""
        listed = await self._portal.context.subscriptions.list(viewer.company_id, channel=None)
        count = sum(_is_on(view, key_id) for view in listed)
        what = "the subscription" if count == 1 else f"the {count} subscriptions"
        return ("subscriptions", f"Disable {what} that it made, too") if count else None

    async def revoke(self, request: Request, viewer: Administers, key_id: str, fields: Submitted) -> Response:
        """Revoke a key. If the viewer chose so, also disable the subscriptions that the key made."""
        key = await find_key(self._portal, viewer, key_id)
        await self._portal.context.keys.revoke(key_id, company_id=viewer.company_id)
        if fields["subscriptions"]:
            await self._portal.context.subscriptions.disconnect(viewer.company_id, maker_id=key_id)
        if key_id == viewer.principal.key_id:
            return self._portal.redirect(request, SIGN_IN)
        return self._portal.redirect(request, f"{viewer.root}{KEYS}", viewer=viewer, flash=_is_revoked(key))


ROUTES = Table(
    RevocationPages,
    get("/keys/{key_id}/revoke", RevocationPages.ask),
    post("/keys/{key_id}/revoke", RevocationPages.revoke, bucket="write"),
)


def _consequences(key: dict[str, Any], *, sessions: int, is_own: bool) -> list[str]:
    used = formats.moment(key["last_used_utc"]) if key["last_used_utc"] else None
    was_used = f"It was last used on {used.day} {used:%b %Y at %H:%M} UTC." if used else "It was never used."
    return [
        f"The key that ends in {key['last4']} stops working at once and for good. {was_used}",
        *scopes.losses(key["scopes"]),
        *_sessions_that_end(sessions, is_own=is_own),
    ]


def _is_on(view: Mapping[str, Any], maker_id: str) -> bool:
    maker: Any = view["created_by"]
    return view["status"] != "disabled" and maker is not None and maker["id"] == maker_id


def _sessions_that_end(sessions: int, *, is_own: bool) -> list[str]:
    if is_own:
        others = (
            f", and so {'is' if sessions == 2 else 'are'} {sessions - 1} more session{'s' * (sessions > 2)}"
        )
        return [f"You are signed in with this key: you are signed out{others if sessions > 1 else ''}."]
    if not sessions:
        return []
    return [
        f"{sessions} session{'s' * (sessions > 1)} of this portal that it signed in end{'s' * (sessions == 1)}."
    ]


def _is_revoked(key: dict[str, Any]) -> str:
    return f"The key “{key['name']}” is revoked."
