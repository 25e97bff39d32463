"""A company's API keys: listed, made and shown once, replaced by a successor, and revoked after a page that lists the consequences."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trunkline import NotFound, Refused
from trunkline.routes import COMPANY_SCOPES, environment_member
from trunkline_portal import curl, formats, one_time_secret, scopes
from trunkline_portal.access import Administers, Viewer
from trunkline_portal.addresses import SIGN_IN
from trunkline_portal.forms import Fields, Submitted, faults_of
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import Table, get, post

KEYS = "/keys"
"""Path of the section below ``Viewer.root``."""
MAX_NAME = 200
OVERLAP_SECONDS = 24 * 60 * 60
_OPERATORS = 0
_EXAMPLE = {"name": "Zapier", "scopes": ["events:read", "webhooks:write"]}


class KeyPages(Pages):
    """The list of keys, the form for a new one, and the pages that ask before a key is replaced or revoked."""

    async def show_list(self, request: Request, viewer: Administers) -> Response:
        """Show the list."""
        of_operators = viewer.is_operator and request.query_params.get("of") == "operators"
        keys = await self._context.keys.list(_OPERATORS if of_operators else viewer.company_id)
        body = {"company_id": viewer.company_number, **environment_member(viewer.company_id), **_EXAMPLE}
        return self._portal.render(
            viewer,
            "keys.html",
            of_operators=of_operators,
            valid=[key for key in reversed(keys) if key["revoked_utc"] is None],
            revoked=[key for key in reversed(keys) if key["revoked_utc"] is not None],
            expired=[key for key in keys if self._is_expired(key)],
            curl=curl.line(f"{self._portal.base_url(request)}/api/v1/keys", body=body),
        )

    async def show_form(self, request: Request, viewer: Administers) -> Response:
        """Show the form for a new key."""
        preset = request.query_params.get("preset", "")
        return self._form(viewer, name="", chosen=scopes.scopes_of(preset), preset=preset)

    async def create(self, viewer: Administers, fields: Submitted) -> Response:
        """Make a key."""
        name, chosen = fields["name"], tuple(fields.all("scopes"))
        faults = _faults(viewer, fields)
        if faults:
            return self._form(viewer, name=name, chosen=chosen, fields=fields, faults=faults)
        try:
            key, api_key = await self._context.keys.create(
                viewer.company_id,
                name=name,
                scopes=chosen,
                expires_utc=f"{fields['expires_utc']}T00:00:00Z" if fields["expires_utc"] else None,
                networks=fields["allowed_networks"].replace(",", " ").split(),
            )
        except Refused as error:
            return self._form(viewer, name=name, chosen=chosen, fields=fields, faults=faults_of(error))
        response = self._portal.redirect(viewer, f"{viewer.root}{KEYS}/{key['id']}/made")
        one_time_secret.hand_over(self._portal, response, viewer, of=key["id"], secret=api_key)
        return response

    async def show_made(self, request: Request, viewer: Administers, key_id: str) -> Response:
        """Show a new key, once."""
        key = await find_key(self._portal, viewer, key_id)
        api_key = one_time_secret.read(self._portal, viewer, of=key_id)
        if api_key is None:
            gone = "A key is shown once, and this one was. If it was lost, revoke it and make another."
            return self._portal.redirect(viewer, f"{viewer.root}{KEYS}", flash=gone, tone="info")
        command = curl.line(f"{self._portal.base_url(request)}/api/v1/me", key=api_key)
        response = self._portal.render(viewer, "keys_made.html", key=key, api_key=api_key, curl=command)
        one_time_secret.forget(self._portal, response, viewer)
        return response

    def _form(
        self,
        viewer: Viewer,
        *,
        name: str,
        chosen: tuple[str, ...],
        preset: str = "",
        fields: Fields | None = None,
        faults: dict[str, str] | None = None,
    ) -> Response:
        return self._portal.render(
            viewer,
            "keys_new.html",
            status=422 if faults else 200,
            name=name,
            chosen=chosen,
            preset=preset,
            presets=scopes.presets_for(viewer),
            scopes=scopes.SCOPES,
            max_name=MAX_NAME,
            terms={name: fields[name] if fields else "" for name in ("expires_utc", "allowed_networks")},
            errors=faults or {},
        )

    async def ask_to_rotate(self, viewer: Administers, key_id: str) -> Response:
        """Describe the consequences of rotating a key."""
        key = await find_key(self._portal, viewer, key_id)
        if key["revoked_utc"] is not None or self._is_expired(key):
            return self._say_ended(viewer, key)
        return self._portal.confirm(
            viewer,
            title=f"Rotate “{key['name']}”?",
            sentences=[
                "You get a new key with the same name, scopes and networks; it is shown once.",
                f"The key that ends in {key['last4']} goes on for 24 hours, so that you can exchange it without a gap.",
                "Then it stops working for good.",
                *await self._context.keys.describe_end(key_id),
            ],
            action=f"{viewer.root}{KEYS}/{key_id}/rotate",
            button="Make the new key",
            back=f"{viewer.root}{KEYS}",
            is_dangerous=False,
        )

    async def rotate(self, viewer: Administers, key_id: str) -> Response:
        """Make a key's successor, and show it once."""
        key = await find_key(self._portal, viewer, key_id)
        if key["revoked_utc"] is not None or self._is_expired(key):
            return self._say_ended(viewer, key)
        made, api_key = await self._context.keys.rotate(
            key_id, company_id=viewer.company_id, by=viewer.principal, overlap_seconds=OVERLAP_SECONDS
        )
        response = self._portal.redirect(viewer, f"{viewer.root}{KEYS}/{made['id']}/made")
        one_time_secret.hand_over(self._portal, response, viewer, of=str(made["id"]), secret=api_key)
        return response

    async def ask_to_revoke(self, viewer: Administers, key_id: str) -> Response:
        """Describe the consequences of revoking a key."""
        key = await find_key(self._portal, viewer, key_id)
        if key["revoked_utc"] is not None:
            return self._say_ended(viewer, key)
        used = formats.moment(key["last_used_utc"]) if key["last_used_utc"] else None
        was_used = (
            f"It was last used on {used.day} {used:%b %Y at %H:%M} UTC." if used else "It was never used."
        )
        choice = None
        listed = await self._context.subscriptions.list(viewer.company_id, channel=None)
        made = [
            view
            for view in listed
            if view["status"] != "disabled" and (view["created_by"] or {}).get("id") == key_id
        ]
        if made:
            what = "the subscription" if len(made) == 1 else f"the {len(made)} subscriptions"
            choice = ("subscriptions", f"Disable {what} that it made, too")
        return self._portal.confirm(
            viewer,
            title=f"Revoke “{key['name']}”?",
            sentences=[
                f"The key that ends in {key['last4']} stops working at once and for good. {was_used}",
                *scopes.losses(key["scopes"]),
                *_sessions_that_end(
                    await self._portal.sessions.count_of(key_id), is_own=key_id == viewer.principal.key_id
                ),
                *await self._context.keys.describe_end(key_id),
            ],
            choice=choice,
            action=f"{viewer.root}{KEYS}/{key_id}/revoke",
            button="Revoke the key",
            back=f"{viewer.root}{KEYS}",
        )

    async def revoke(self, viewer: Administers, key_id: str, fields: Submitted) -> Response:
        """Revoke a key. If the viewer chose so, also disable the subscriptions that the key made."""
        key = await find_key(self._portal, viewer, key_id)
        await self._context.keys.revoke(key_id, company_id=viewer.company_id)
        if fields["subscriptions"]:
            await self._context.subscriptions.disconnect(viewer.company_id, maker_id=key_id)
        if key_id == viewer.principal.key_id:
            return self._portal.redirect(viewer, SIGN_IN)
        return self._portal.redirect(viewer, f"{viewer.root}{KEYS}", flash=_is_revoked(key))

    def _is_expired(self, key: dict[str, Any]) -> bool:
        end = key["expires_utc"] and formats.moment(key["expires_utc"]).timestamp() * 1000
        return bool(end) and end <= self._context.clock.now_ms()

    def _say_ended(self, viewer: Viewer, key: dict[str, Any]) -> Response:
        said = (
            f"The key “{key['name']}” has expired: make another."
            if key["revoked_utc"] is None
            else _is_revoked(key)
        )
        return self._portal.redirect(viewer, f"{viewer.root}{KEYS}", flash=said, tone="info")


ROUTES = Table(
    KeyPages,
    get("/keys", KeyPages.show_list),
    get("/keys/new", KeyPages.show_form),
    post("/keys", KeyPages.create, bucket="admin"),
    get("/keys/{key_id}/made", KeyPages.show_made),
    get("/keys/{key_id}/rotate", KeyPages.ask_to_rotate),
    post("/keys/{key_id}/rotate", KeyPages.rotate, bucket="admin"),
    get("/keys/{key_id}/revoke", KeyPages.ask_to_revoke),
    post("/keys/{key_id}/revoke", KeyPages.revoke, bucket="write"),
)


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


def _faults(viewer: Viewer, fields: Fields) -> dict[str, str]:
    """Find the faults of a new key's form; a key never gets a scope that its maker lacks."""
    faults: dict[str, str] = {}
    if not fields["name"]:
        faults["name"] = "Give the key a name, such as the tool that will use it."
    elif len(fields["name"]) > MAX_NAME:
        faults["name"] = f"A name may have {MAX_NAME} characters; this one has {len(fields['name'])}."
    chosen = fields.all("scopes")
    missing = [scope for scope in chosen if scope in COMPANY_SCOPES and not viewer.has(scope)]
    if not chosen:
        faults["scopes"] = "Choose at least one scope: without any, a key may do nothing."
    elif missing:
        faults["scopes"] = (
            f"Your own key does not have {', '.join(missing)}, so it cannot give that to another."
        )
    return faults


async def find_key(portal: Portal, viewer: Viewer, key_id: str) -> dict[str, Any]:
    """Find a key of the company that is shown. Raises NotFound."""
    for key in await portal.context.keys.list(viewer.company_id):
        if key["id"] == key_id:
            return key
    raise NotFound("API key", key_id)
