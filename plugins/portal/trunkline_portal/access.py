"""The viewer of a page, and the scopes that pages require.

::

    async def show_events(self, viewer: ReadsEvents) -> Response: …
"""

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trunkline import NotFound, PluginContext, Refused
from trunkline.routes import Principal, company_number, company_title, environment_of, in_environment
from trunkline_portal import addresses, cookies, security
from trunkline_portal.forms import read_fields
from trunkline_portal.oidc.people import PREFIX
from trunkline_portal.sessions import Session

if TYPE_CHECKING:
    from trunkline_portal.portal import Portal

PORTAL_KEY = "trunkline_portal"
"""The key of the serving portal in a request's ASGI scope."""
FRAGMENT_HEADER = "x-fragment"
"""The header with which our script requests a part of a page.

Without a session, a request for a part is answered with 401, and a request for a page with a redirect.
"""
VIEWER_KEY = "trunkline_portal.viewer"


class SignInNeeded(Exception):
    """Nobody is signed in; answered by a redirect to the sign-in page."""


class CompanyNeeded(Exception):
    """The address names no company; answered by a redirect to the page of the company that is shown, or to the choice of a company."""


class ReferenceNamed(Exception):
    """The address names a company by its *reference*; answered by a redirect to the same page under its number."""

    def __init__(self, reference: str, environment: str) -> None:
        super().__init__(reference)
        self.reference = reference
        self.environment = environment


class OtherCompany(Refused):
    """A page or a form belongs to another company than the request's."""

    status = 403

    def __init__(self, what: str, company: int | str, why: str) -> None:
        named = company_title(company) if isinstance(company, int) else f"company {company}"
        self.title = f"This {what} is of {named}"
        super().__init__(why)


class ScopeMissing(Refused):
    """The key may not see this page."""

    status = 403
    title = "Your key may not see this page"

    def __init__(self, *scopes: str) -> None:
        named = " or ".join(f"'{scope}'" for scope in scopes)
        super().__init__(f"It needs the scope {named}; sign in with a key that has it.")


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who is signed in and sent *request*. *principal* has the session's present rights; a link's session has the link's company and scopes.

    *chosen_company_id* is the company that is shown: for an operator the company in the address, or None if the address has
    no company. *company_name* is the stored name of that company. People who are signed in for a company's live
    environment may also look at its test environment.
    """

    request: Request = field(repr=False)
    session: Session
    principal: Principal
    chosen_company_id: int | None
    company_name: str | None = None

    @property
    def company_id(self) -> int:
        """The company that the viewer looks at. Raises CompanyNeeded."""
        if self.chosen_company_id is None:
            raise CompanyNeeded
        return self.chosen_company_id

    @property
    def root(self) -> str:
        """The prefix of the addresses of the pages of the company that is shown."""
        return addresses.root_of(self.chosen_company_id)

    @property
    def company_number(self) -> int:
        """The number of the company that is shown, without its environment. Raises CompanyNeeded."""
        return company_number(self.company_id)

    @property
    def company_title(self) -> str:
        """The name of the company that is shown, with its environment, for use in a sentence. Raises CompanyNeeded.

        Isolates (UAX #9) keep a name that is written from right to left from turning the words around it.
        """
        title, name = company_title(self.company_id), self.company_name
        number = f"company {self.company_number}"
        if not name:
            return title
        return title.replace(number, name if name.isascii() else f"\u2068{name}\u2069")

    @property
    def environment(self) -> str | None:
        """The environment looked at: ``live`` or ``test``; None if no company is chosen."""
        return None if self.chosen_company_id is None else environment_of(self.chosen_company_id)

    @property
    def segment(self) -> str:
        """The company that the viewer looks at, in the form used in addresses and forms. Raises CompanyNeeded."""
        return addresses.segment_of(self.company_id)

    @property
    def environments(self) -> dict[str, int]:
        """The ids of the company's environments that the viewer may look at, by name."""
        if self.chosen_company_id is None:
            return {}
        ids = {name: in_environment(self.chosen_company_id, name) for name in ("live", "test")}
        return {name: company_id for name, company_id in ids.items() if self.may_see(company_id)}

    @property
    def holder(self) -> str:
        """The holder of the rate limits: the key, or the company if a link or a provider's user opened the session."""
        if self.session.link_id is None and not self.is_user:
            return self.principal.key_id
        return f"company_{self.principal.company_id}"

    @property
    def is_user(self) -> bool:
        """Return True if the viewer signed in at the identity provider."""
        return self.session.link_id is None and self.session.key_id.startswith(PREFIX)

    def may_see(self, company_id: int) -> bool:
        """Return True if the viewer may look at *company_id*.

        Operators may look at any company, others at their own company and its test environment.
        """
        own = self.principal.company_id
        return self.is_operator or (own is not None and company_id in {own, in_environment(own, "test")})

    def at(self, company_id: int) -> Self:
        """Return a copy of this viewer that looks at another company."""
        is_same = company_number(company_id) == company_number(self.chosen_company_id or 0)
        name = self.company_name if is_same else None
        return replace(self, chosen_company_id=company_id, company_name=name)

    @property
    def is_operator(self) -> bool:
        """Return True if the viewer may look at any company, and at the hub itself."""
        return self.principal.is_operator

    @property
    def changes_webhooks(self) -> bool:
        """Whether the viewer may change subscriptions, send again and replay."""
        return self.has(WEBHOOKS_WRITE)

    def has(self, *scopes: str) -> bool:
        """Return True if the viewer has one of *scopes*; True if none is named."""
        return not scopes or any(self.principal.has(scope) for scope in scopes)


def is_allowed(context: PluginContext, request: Request, principal: Principal) -> bool:
    """Return True if the principal may be used from the address of *request*."""
    peer = request.client.host if request.client else None
    forwarded_for = request.headers.getlist("x-forwarded-for")
    return context.client_addresses.is_within(principal.networks, peer, forwarded_for)


class RequiresScope:
    """Admits a request if the viewer has one of *scopes*; a form must carry the session's token too.

    *company* says whether the address must name a company. If it is ``optional``, operators who have chosen no company
    see the page without a company. ``none`` is for pages about the session itself.
    """

    def __init__(self, *scopes: str, company: Literal["needed", "optional", "none"] = "needed") -> None:
        self._scopes = scopes
        self._company = company

    async def __call__(self, request: Request) -> Viewer:
        """Find the viewer.

        Raises:
            SignInNeeded, ReferenceNamed, CompanyNeeded, ScopeMissing, OtherCompany, FormRefused, or
            HTTPException if the address has an impossible number
        """
        viewer = await find_viewer(request)
        if viewer is None:
            raise SignInNeeded
        is_form = request.method not in {"GET", "HEAD"}
        asked = addresses.company_in(request.url.path)
        if asked is None and "company_id" in request.path_params:
            reference = addresses.reference_in(request.url.path)
            if reference is None or is_form:
                raise HTTPException(404)
            raise ReferenceNamed(*reference)
        if asked is not None and asked != viewer.chosen_company_id:
            unchanged = ", so nothing was changed" if is_form else ""
            why = f"You are signed in for {company_title(viewer.company_id)}{unchanged}. Sign in with a key of {company_title(asked)}."
            raise OtherCompany("form" if is_form else "page", asked, why)
        if is_form:
            await self._check_form(request, viewer, asked)
        if asked is None and (
            self._company == "needed"
            or (self._company == "optional" and looked_at(request, viewer) is not None)
        ):
            raise CompanyNeeded
        if not viewer.has(*self._scopes):
            raise ScopeMissing(*self._scopes)
        return viewer

    async def _check_form(self, request: Request, viewer: Viewer, asked: int | None) -> None:
        security.check_origin(request)
        fields = await read_fields(request)
        security.check_token(fields["csrf"], viewer.session.csrf)
        if asked is not None and fields["company"] != addresses.segment_of(asked):
            if addresses.company_in(f"{addresses.HOME}/companies/{fields['company']}") is None:
                raise security.FormRefused
            why = f"It was sent to an address of {company_title(asked)}, so nothing was changed. Load its page again."
            raise OtherCompany("form", fields["company"], why)


def looked_at(request: Request, viewer: Viewer) -> int | None:
    """Find the company that *viewer* looks at if the address names none.

    This is the company of the page with the link (``Referer``); otherwise an operator's last chosen company, or the
    viewer's own.
    """
    host, _, path = request.headers.get("referer", "").partition("://")[2].partition("/")
    linking = addresses.company_in(f"/{path}") if host == request.url.netloc else None
    if linking is not None and viewer.may_see(linking):
        return linking
    return viewer.session.company_id if viewer.is_operator else viewer.chosen_company_id


async def find_viewer(request: Request) -> Viewer | None:
    """Find the viewer of the session, if there is one."""
    if VIEWER_KEY in request.scope:
        known: Viewer | None = request.scope[VIEWER_KEY]
        return known
    portal: Portal = request.scope[PORTAL_KEY]
    viewer = None
    signed_in = await portal.sessions.find(portal.cookies.read(request, cookies.SESSION))
    if signed_in is not None and is_allowed(portal.context, request, signed_in[1]):
        session, principal = signed_in
        viewer = Viewer(request, session, principal, principal.company_id)
        asked = addresses.company_in(request.url.path)
        if asked is not None and viewer.may_see(asked):
            viewer = viewer.at(asked)
        if viewer.chosen_company_id is not None and FRAGMENT_HEADER not in request.headers:
            with contextlib.suppress(NotFound):
                company = await portal.context.companies.view(viewer.company_number)
                viewer = replace(viewer, company_name=company["name"])
    request.scope[VIEWER_KEY] = viewer
    return viewer


EVENTS_READ = "events:read"
EVENTS_WRITE = "events:write"
WEBHOOKS_READ = "webhooks:read"
WEBHOOKS_WRITE = "webhooks:write"
INTEGRATIONS_READ = "integrations:read"
ADMIN = "admin"
OPERATOR = "operator"

Anybody = Annotated[Viewer, Depends(RequiresScope(company="none"))]
"""Any signed-in viewer, for pages about the session itself."""
AnybodyOfCompany = Annotated[Viewer, Depends(RequiresScope())]
AnyCompany = Annotated[Viewer, Depends(RequiresScope(company="optional"))]
ReadsEvents = Annotated[Viewer, Depends(RequiresScope(EVENTS_READ))]
ReadsWebhooks = Annotated[Viewer, Depends(RequiresScope(WEBHOOKS_READ))]
WritesWebhooks = Annotated[Viewer, Depends(RequiresScope(WEBHOOKS_WRITE))]
Integrates = Annotated[Viewer, Depends(RequiresScope(INTEGRATIONS_READ, EVENTS_READ, company="optional"))]
Administers = Annotated[Viewer, Depends(RequiresScope(ADMIN))]
Operates = Annotated[Viewer, Depends(RequiresScope(OPERATOR, company="optional"))]
Chooses = Annotated[Viewer, Depends(RequiresScope(OPERATOR, company="none"))]
