"""The viewer of a page, and the scopes that pages require.

::

    async def show_events(self, request: Request, viewer: ReadsEvents) -> Response: …
"""

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends
from starlette.requests import Request

from trunkline import Principal, Refused
from trunkline_portal import cookies, security
from trunkline_portal.forms import read_fields
from trunkline_portal.sessions import Sessions
from trunkline_portal.store import Session

PORTAL_KEY = "trunkline_portal"
"""Where in the ASGI scope the portal stands that serves a request."""
VIEWER_KEY = "trunkline_portal.viewer"


class SignInNeeded(Exception):
    """Nobody is signed in; answered by the way to the sign-in page."""


class CompanyNeeded(Exception):
    """An operator has not chosen a company yet; answered by the way to where that is done."""


class ScopeMissing(Refused):
    """The key may not see this page."""

    status = 403
    title = "Your key may not see this page"

    def __init__(self, *scopes: str) -> None:
        named = " or ".join(f"'{scope}'" for scope in scopes)
        super().__init__(f"It needs the scope {named}; sign in with a key that has it.")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is signed in. *principal* is what the session may do now: a link's company and scopes if a link opened it."""

    session: Session
    principal: Principal

    @property
    def company_id(self) -> int:
        """The company looked at. Raises CompanyNeeded."""
        if self.session.company_id is None:
            raise CompanyNeeded
        return self.session.company_id

    @property
    def chosen_company_id(self) -> int | None:
        """The company looked at, None while an operator has chosen none."""
        return self.session.company_id

    @property
    def is_operator(self) -> bool:
        """Tell whether the viewer may look at any company, and at the hub itself."""
        return self.principal.is_operator

    @property
    def csrf(self) -> str:
        """What every form carries in its field ``csrf``."""
        return self.session.csrf

    def has(self, *scopes: str) -> bool:
        """Tell whether the viewer has one of *scopes*; anybody has, where none is named."""
        return not scopes or any(self.principal.has(scope) for scope in scopes)


class HoldsSessions(Protocol):
    """What this module needs of the portal."""

    sessions: Sessions


class RequiresScope:
    """Lets a request through if the viewer has one of *scopes*; a form must carry the session's token too."""

    def __init__(self, *scopes: str, needs_company: bool = True) -> None:
        self._scopes = scopes
        self._needs_company = needs_company

    async def __call__(self, request: Request) -> Viewer:
        """Find the viewer.

        Raises:
            SignInNeeded, CompanyNeeded, ScopeMissing, FormRefused
        """
        viewer = await find_viewer(request)
        if viewer is None:
            raise SignInNeeded
        if request.method not in {"GET", "HEAD"}:
            security.check_origin(request)
            security.check_token((await read_fields(request))["csrf"], viewer.csrf)
        if not viewer.has(*self._scopes):
            raise ScopeMissing(*self._scopes)
        if self._needs_company and viewer.chosen_company_id is None:
            raise CompanyNeeded
        return viewer


async def find_viewer(request: Request) -> Viewer | None:
    """Tell who is signed in, if anybody is."""
    if VIEWER_KEY not in request.scope:
        portal: HoldsSessions = request.scope[PORTAL_KEY]
        signed_in = await portal.sessions.find(request.cookies.get(cookies.SESSION))
        request.scope[VIEWER_KEY] = (
            None if signed_in is None else Viewer(signed_in.session, signed_in.principal)
        )
    viewer: Viewer | None = request.scope[VIEWER_KEY]
    return viewer


EVENTS_READ = "events:read"
EVENTS_WRITE = "events:write"
WEBHOOKS_WRITE = "webhooks:write"
INTEGRATIONS_READ = "integrations:read"
ADMIN = "admin"
OPERATOR = "operator"

Anybody = Annotated[Viewer, Depends(RequiresScope(needs_company=False))]
"""Whoever is signed in, with or without a company."""
ReadsEvents = Annotated[Viewer, Depends(RequiresScope(EVENTS_READ))]
WritesWebhooks = Annotated[Viewer, Depends(RequiresScope(WEBHOOKS_WRITE))]
Integrates = Annotated[Viewer, Depends(RequiresScope(INTEGRATIONS_READ, EVENTS_READ, needs_company=False))]
Administers = Annotated[Viewer, Depends(RequiresScope(ADMIN))]
Operates = Annotated[Viewer, Depends(RequiresScope(OPERATOR, needs_company=False))]
