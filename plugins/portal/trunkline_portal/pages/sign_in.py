"""Signing in with an API key, by a link, or through the identity provider (``oidc``).

The page of a link is a form that sends itself, so that link previews do not use the link up. It waits for a click if the
link would replace another person's session.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline import Refused
from trunkline.routes import Principal, company_title
from trunkline_portal import addresses, audit, cookies, kept_forms, visits
from trunkline_portal.access import Viewer, find_viewer, is_allowed
from trunkline_portal.counting import PAGES, count_sign_in
from trunkline_portal.forms import Fields, Submitted
from trunkline_portal.links import Links
from trunkline_portal.portal import Pages, Portal, local_path
from trunkline_portal.routing import ALONE, Table, get, post
from trunkline_portal.security import SignInLimit
from trunkline_portal.sessions import Session


class KeysNotTaken(Refused):
    """API keys open no session here (``portal.key_sign_in``)."""

    status = 403
    title = "API keys do not sign in here"

    def __init__(self) -> None:
        super().__init__("Sign in at your identity provider, or by a link of the product that you use.")


class SignInPages(Pages):
    """The form for an API key, with the address of the identity provider, if there is one; and the form of a link."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(portal)
        self._limit = SignInLimit(portal.settings.sign_in_per_minute)
        self._links = Links(portal.context, portal.settings)

    async def show_form(self, request: Request) -> Response:
        """Show the form, or redirect to the next page if somebody is already signed in."""
        next_path = request.query_params.get("next", "")
        if await find_viewer(request) is not None:
            return RedirectResponse(local_path(next_path), 303)
        return self._portal.sign_in_page(request, next_path)

    async def sign_in(self, request: Request, fields: Submitted) -> Response:
        """Open a session for a valid key."""
        await visits.check(request, self._context.sealer, self._portal.cookies)
        if not self._portal.settings.key_sign_in:
            raise KeysNotTaken
        address = self._portal.address_of(request)
        with audit.failures_noted(way="key"):
            self._limit.begin(address, self._context.clock.now_ms())
        try:
            with audit.failures_noted(way="key"):
                principal = await self._context.keys.authenticate(fields["key"])
        except Refused as refusal:
            sentence = "No key like this is valid: it may be mistyped, or have been revoked. Copy the whole key and try again."
            if not fields["key"]:
                sentence = "Enter your API key."
            if refusal.status == 403:
                sentence = "This key only emits events; sign in with one of a company, or with an operator's."
            return self._refuse(request, fields, sentence)
        if not is_allowed(self._context, request, principal):
            reason = "The key may not be used from this address"
            audit.SIGN_IN_FAILED.note(principal, way="key", reason=reason)
            sentence = "This key may not be used from your address; sign in from one of its allowed networks."
            return self._refuse(request, fields, sentence)
        self._limit.succeed(address)
        await count_sign_in(principal, context=self._context, settings=self._portal.settings)
        audit.note_sign_in(principal, way="key")
        before = await find_viewer(request)
        session = await self._portal.sessions.open(principal, after=before.session if before else None)
        page = self._offer(request, fields["kept"], Viewer(request, session, principal, principal.company_id))
        return await enter(self._portal, request, session, next_path=fields["next"], page=page)

    async def resume(self, request: Request, fields: Submitted) -> Response:
        """Offer to send a kept form after a sign-in without a key; show the sign-in page again if nobody is signed in."""
        await visits.check(request, self._context.sealer, self._portal.cookies)
        viewer = await find_viewer(request)
        if viewer is None:
            return self._portal.sign_in_page(request, "", kept=fields["kept"], status=401)
        page = self._offer(request, fields["kept"], viewer)
        return page or RedirectResponse(viewer.root, 303)

    def _offer(self, request: Request, kept: str, viewer: Viewer) -> Response | None:
        """Ask whether to send the form in *kept* now, or say that *viewer* may not; None if there is no form."""
        visit = visits.begin(request, self._portal.cookies)
        form = kept_forms.restore(kept, self._context.sealer, visit) if kept else None
        if form is None:
            return None
        company_id = addresses.company_in(form["path"])
        if company_id is not None and not viewer.may_see(company_id):
            own = company_title(viewer.company_id)
            said = f"The form was for {company_title(company_id)}, so it was not sent: you are signed in for {own}."
            return self._portal.redirect(viewer, viewer.root, flash=said, tone="warn")
        shown = viewer if company_id is None else viewer.at(company_id)
        return self._portal.render(shown, "kept_form.html", kept=form)

    def _refuse(self, request: Request, fields: Fields, sentence: str) -> Response:
        return self._portal.sign_in_page(
            request, fields["next"], error=sentence, kept=fields["kept"] or None, status=422
        )

    async def show_link(self, request: Request) -> Response:
        """Show the form, which sends itself unless somebody else is signed in."""
        return await self._link_form(request, request.query_params.get("link", ""))

    async def use_link(self, request: Request, fields: Submitted) -> Response:
        """Use the link, open a session, and end the previous session; ask first if that session is another person's."""
        await visits.check(request, self._context.sealer, self._portal.cookies)
        token = fields["link"]
        if not fields["replaces"] and await self._find_replaced(request, token):
            return await self._link_form(request, token)
        with audit.failures_noted(way="link"):
            link = await self._links.take(token)
        session = await self._portal.sessions.open_by(link)
        person = Principal(link.key_id, link.company_id, link.name or "Sign-in link", frozenset(link.scopes))
        audit.note_sign_in(person, way="link")
        return await enter(self._portal, request, session, next_path=addresses.HOME)

    async def _link_form(self, request: Request, token: str) -> Response:
        visit = visits.begin(request, self._portal.cookies)
        response = self._portal.show(
            request,
            None,
            "enter.html",
            csrf=visit.token(self._context.sealer),
            link=token,
            replaced=await self._find_replaced(request, token),
        )
        visit.remember(response, request, self._portal.cookies)
        return response

    async def _find_replaced(self, request: Request, token: str) -> dict[str, str] | None:
        """Name the person who is signed in and the person of the link; None if both are the same, or if one is missing."""
        viewer = await find_viewer(request)
        link = None if viewer is None else await self._links.find(token)
        if viewer is None or link is None or link.holder == viewer.session.holder:
            return None
        own = viewer.principal.company_id
        return {
            "who": viewer.principal.name,
            "of": "every company" if own is None else company_title(own),
            "by": link.name or "",
            "company": company_title(link.company_id),
        }


ROUTES = Table(
    SignInPages,
    get("/sign-in", SignInPages.show_form),
    post("/sign-in", SignInPages.sign_in, bucket=PAGES),
    post("/sign-in/resume", SignInPages.resume, bucket=PAGES),
    get("/enter", SignInPages.show_link),
    post("/enter", SignInPages.use_link, bucket=PAGES),
    below=ALONE,
)


async def enter(
    portal: Portal, request: Request, session: Session, *, next_path: str, page: Response | None = None
) -> Response:
    """Set the cookie of a new session, end the previous one, and show *page* or redirect to the requested page.

    The visit's cookie stays valid, because another tab may show a form of the visit.
    """
    if (viewer := await find_viewer(request)) is not None:
        await portal.sessions.end(viewer.session)
    response = page or RedirectResponse(local_path(next_path), 303)
    cookie, seconds = portal.sessions.cookie_of(session), portal.sessions.lifetime_seconds
    portal.cookies.set(response, request, cookies.SESSION, cookie, seconds=seconds)
    return response
