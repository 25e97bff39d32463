"""Signing in at the identity provider, if the settings name one: redirects people to it, and handles their return."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline import Refused
from trunkline.routes import Principal, SettingsInvalid
from trunkline_portal import audit, cookies
from trunkline_portal.access import find_viewer
from trunkline_portal.addresses import SIGN_IN
from trunkline_portal.oidc import attempts
from trunkline_portal.oidc.attempts import Attempt
from trunkline_portal.oidc.people import Person, person_of
from trunkline_portal.oidc.provider import Provider
from trunkline_portal.oidc.settings import Oidc
from trunkline_portal.oidc.users import Users
from trunkline_portal.pages import sign_in
from trunkline_portal.portal import Portal, local_path
from trunkline_portal.routing import ALONE, Table, get
from trunkline_portal.security import SignInLimit

CALLBACK = f"{SIGN_IN}/callback"


class NoAccess(Refused):
    """A user of the provider has no access to the hub."""

    status = 403
    title = "You have no access here"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"You are signed in as {name}, but {why}; ask the operator of this service.")


class OidcPages:
    """Redirects to the provider of *settings*, and handles its answer."""

    def __init__(self, portal: Portal, settings: Oidc, *, public_url: str) -> None:
        self._portal = portal
        self._settings = settings
        self._back = f"{public_url}{SIGN_IN}"
        self._provider = Provider(
            portal.context,
            settings,
            redirect_uri=f"{public_url}{CALLBACK}",
            has_keys=portal.settings.key_sign_in,
        )
        self._users = Users(portal.context, issuer=settings.issuer)
        self._limit = SignInLimit(portal.settings.sign_in_per_minute)

    async def go(self, request: Request) -> Response:
        """Send a browser to the provider."""
        now_ms = self._portal.context.clock.now_ms()
        attempt = attempts.begin(local_path(request.query_params.get("next", "")), now_ms=now_ms)
        response = RedirectResponse(await self._provider.sign_in_url(attempt), 303)
        self._keep(response, request, [*self._kept(request), attempt])
        return response

    async def come_back(self, request: Request) -> Response:
        """Open a session for the person sent back by the provider."""
        query, kept = request.query_params, self._kept(request)
        attempt = attempts.find(kept, query.get("state", ""))
        address = self._portal.address_of(request)
        with audit.failures_noted(way="provider"):
            self._limit.begin(address, self._portal.context.clock.now_ms())
            person = person_of(await self._provider.claims(query, attempt), self._settings)
            company_id = None if person.is_operator else await self._company(person)
            principal = Principal(person.id, company_id, person.name, frozenset(person.scopes))
        self._limit.succeed(address)
        await self._users.remember(principal)
        audit.note_sign_in(principal, way="provider")
        before = await find_viewer(request)
        session = await self._portal.sessions.open(principal, after=before.session if before else None)
        response = await sign_in.enter(self._portal, request, session, next_path=attempt.next_path)
        self._keep(response, request, [other for other in kept if other is not attempt])
        return response

    def _kept(self, request: Request) -> list[Attempt]:
        """Read the attempts of the browser."""
        context, cookie = self._portal.context, self._portal.cookies.read(request, cookies.ATTEMPT)
        return attempts.read(cookie or "", sealer=context.sealer, now_ms=context.clock.now_ms())

    def _keep(self, response: Response, request: Request, kept: Sequence[Attempt]) -> None:
        """Set the attempts of the browser."""
        sealed = attempts.seal(kept, self._portal.context.sealer)
        seconds = attempts.SECONDS if kept else 0
        self._portal.cookies.set(response, request, cookies.ATTEMPT, sealed, seconds=seconds)

    async def leave(self) -> Response:
        """Send a browser to the provider's sign-out."""
        return RedirectResponse(await self._provider.sign_out_url(self._back) or SIGN_IN, 303)

    async def _company(self, person: Person) -> int:
        if person.company is None:
            raise NoAccess(person.name, "your account names no company and no group that has access")
        try:
            makes = self._settings.unknown_companies == "create"
            return await self._portal.context.companies.existing(person.company, make=makes)
        except Refused:
            raise NoAccess(person.name, f"there is no company '{str(person.company)[:60]}'") from None


def make_router(portal: Portal) -> APIRouter:
    """Build the router, which is empty without a provider.

    Raises:
        SettingsInvalid: the settings lack the hub's public URL, or the provider's address cannot be dialled.
    """
    settings, public_url = portal.settings.oidc, portal.context.deployment.public_url
    if settings is None:
        return APIRouter()
    if public_url is None:
        msg = (
            "Setting 'portal.oidc': needs server.public_url: where the identity provider sends people back to"
        )
        raise SettingsInvalid(msg)
    try:
        pages = OidcPages(portal, settings, public_url=public_url)
    except ValueError as error:
        msg = f"Setting 'portal.oidc.issuer': {error}"
        raise SettingsInvalid(msg) from None
    return portal.router(
        Table(
            lambda _: pages,
            get("/sign-in/begin", OidcPages.go, bucket=None),
            get("/sign-in/callback", OidcPages.come_back, bucket=None),
            get("/sign-in/leave", OidcPages.leave, bucket=None),
            below=ALONE,
        )
    )
