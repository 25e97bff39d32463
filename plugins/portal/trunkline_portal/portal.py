"""The portal: shared state and answers for every module of pages.

The handlers of a module are methods of a class; they take a viewer (``access``), and answer with ``portal.render`` or, after
a form, with ``portal.redirect``. A table at the end of the module lists their routes (``routing``).
"""

import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from types import MethodType
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from trunkline import EventType, NotFound, PluginContext, Refused
from trunkline.routes import in_environment, takes_type
from trunkline_portal import (
    addresses,
    assets,
    audit,
    curl,
    kept_forms,
    navigation,
    security,
    templating,
    visits,
)
from trunkline_portal import cookies as names
from trunkline_portal.access import (
    EVENTS_READ,
    FRAGMENT_HEADER,
    INTEGRATIONS_READ,
    CompanyNeeded,
    ReferenceNamed,
    SignInNeeded,
    Viewer,
    find_viewer,
    looked_at,
)
from trunkline_portal.cookies import CookieRules
from trunkline_portal.counting import counted
from trunkline_portal.flashes import Flashes
from trunkline_portal.problems import problem_of
from trunkline_portal.routing import Table, route_class
from trunkline_portal.sessions import Sessions
from trunkline_portal.settings import Settings
from trunkline_portal.visits import Visit


class Portal:
    """Renders pages. *sessions* finds the viewer, *context* is the plugin API."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self.context = context
        self.settings = context.settings
        self.sessions = Sessions(context, self.settings)
        self.cookies = CookieRules(
            context.deployment.public_url, is_framed=bool(self.settings.frame_ancestors)
        )
        self.assets = assets.load(context.deployment.brand)
        self._flashes = Flashes(context.sealer, self.cookies)
        self._headers = security.headers(self.settings.frame_ancestors)
        self._route_class = route_class(self)

    def router(self, table: Table) -> APIRouter:
        """Make the router of *table*. Errors are answered with an error page, and the pages are not in the OpenAPI document."""
        router = APIRouter(route_class=self._route_class, include_in_schema=False)
        pages = table.pages(self)
        for begin, route in itertools.product(table.below, table.routes):
            limits = []
            if route.bucket is not None:
                limits = [Depends(counted(route.bucket, context=self.context, settings=self.settings))]
            handler = MethodType(route.handler, pages)
            methods = list(route.methods)
            router.add_api_route(f"{begin}{route.path}", handler, methods=methods, dependencies=limits)
        return router

    def address_of(self, request: Request) -> str:
        """Return the address of the client of *request*; forwarded headers are used only if a trusted proxy sent them."""
        peer = request.client.host if request.client else None
        return self.context.client_addresses.find(peer, request.headers.getlist("x-forwarded-for"))

    def base_url(self, request: Request) -> str:
        """Return the hub's address for examples, without a trailing slash."""
        return self.context.deployment.public_url or str(request.base_url).rstrip("/")

    def event_types(self) -> list[EventType]:
        """List the product's event types, then the operational ones."""
        return [*self.context.events.types(), *self.context.events.operational_types()]

    def first_event(self, request: Request, among: Sequence[str] = ("*",)) -> str | None:
        """Return the command that sends an event of the first type *among* these; None if there is no such type."""
        kinds = [kind for kind in self.context.events.types() if takes_type(among, kind.name)]
        return curl.send_event(self.base_url(request), kinds[0]) if kinds else None

    def runs(self, plugin: str) -> bool:
        """Return True if a plugin is active."""
        plugins = self.context.deployment.plugins()
        return any(each["name"] == plugin and each["state"] == "active" for each in plugins)

    def render(self, viewer: Viewer, template: str, *, status: int = 200, **values: Any) -> Response:
        """Show a page to *viewer*: *template* with *values*, in the frame, with the last form's message."""
        return self.show(viewer.request, viewer, template, status=status, **values)

    def show(
        self, request: Request, viewer: Viewer | None, template: str, *, status: int = 200, **values: Any
    ) -> Response:
        """Show a page as ``render`` does, also if nobody is signed in."""
        flash = self._flashes.read(request, viewer)
        response = HTMLResponse(self._html(request, viewer, template, {"flash": flash, **values}), status)
        if flash is not None:
            self._flashes.drop(response, request)
        return response

    def fragment(self, viewer: Viewer, template: str, **values: Any) -> Response:
        """Show a part of a page, without the frame, for our script."""
        return HTMLResponse(self._html(viewer.request, viewer, template, values))

    def redirect(
        self, viewer: Viewer, path: str, *, flash: str | None = None, tone: str = "good"
    ) -> Response:
        """Answer a form: redirect (303) to *path*, which shows *flash* to *viewer*; *tone* is good, info, warn or bad."""
        response = RedirectResponse(path, 303)
        if flash is not None:
            self._flashes.leave(response, viewer.request, viewer, text=flash, tone=tone)
        return response

    def confirm(
        self,
        viewer: Viewer,
        *,
        title: str,
        sentences: Sequence[str],
        action: str,
        button: str,
        back: str,
        choice: tuple[str, str] | None = None,
        is_dangerous: bool = True,
    ) -> Response:
        """Ask for confirmation: *sentences* describe the effect, *button* posts to *action*.

        *choice* is the name and the label of a checkbox.
        """
        return self.render(
            viewer,
            "confirm.html",
            title=title,
            sentences=sentences,
            action=action,
            button=button,
            back=back,
            choice=choice,
            is_dangerous=is_dangerous,
        )

    async def answer_error(self, request: Request, error: Exception) -> Response:
        """Answer *error* with a page, or with a redirect to the sign-in page or to the choice of a company."""
        if isinstance(error, SignInNeeded | CompanyNeeded) and FRAGMENT_HEADER in request.headers:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        if isinstance(error, SignInNeeded):
            return await self._ask_to_sign_in(request)
        if isinstance(error, CompanyNeeded):
            return await self._show_company(request)
        if isinstance(error, ReferenceNamed):
            try:
                return await self._show_named(request, error.reference, error.environment)
            except Refused as refusal:
                error = refusal
        problem = problem_of(error)
        if problem.status == 500:
            self.context.log.error("the page %s %s failed", request.method, request.url.path, exc_info=error)
        try:
            viewer = await find_viewer(request)
        except Exception:  # noqa: BLE001 - that is what went wrong, and was logged; the page is shown all the same
            viewer = None
        response = self.show(request, viewer, "error.html", status=problem.status, problem=problem)
        response.headers.update(problem.headers)
        return response

    def finish(self, request: Request, response: Response) -> None:
        """Add the security headers to *response*, and log the form; only assets may be cached."""
        audit.note_form(self.context.log, request, response)
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        if self.cookies.owns_host(request):
            response.headers["Strict-Transport-Security"] = security.HSTS

    def protect(self, response: Response, *, framed: bool, form_targets: Sequence[str]) -> None:
        """Replace the security headers of *response*.

        The headers say whether the page may be shown in a frame (*framed*), and where its forms may be sent. Raises
        ValueError.
        """
        ancestors = self.settings.frame_ancestors if framed else ()
        response.headers.update(security.headers(ancestors, form_targets=form_targets))

    async def _show_named(self, request: Request, reference: str, environment: str) -> Response:
        """Redirect to the page of the company with *reference*. Raises Refused if it is unknown, or hidden from the viewer."""
        viewer = await find_viewer(request)
        try:
            company_id = in_environment(await self.context.companies.find(reference), environment)
        except NotFound:
            company_id = None
        if company_id is None or viewer is None or not viewer.may_see(company_id):
            raise NotFound("company", reference)
        return RedirectResponse(addresses.moved_to(_here(request), company_id), 303)

    async def _show_company(self, request: Request) -> Response:
        """Redirect to the page of the company that is shown.

        If there is no such company, redirect from the home page to the page over all companies, and from any other page
        to the choice of a company.
        """
        viewer = await find_viewer(request)
        company_id = looked_at(request, viewer) if viewer else None
        here = _here(request)
        if company_id is None and here == addresses.HOME:
            return RedirectResponse(addresses.EVERYBODY, 303)
        if company_id is None:
            return RedirectResponse(f"{addresses.CHOOSER}?next={quote(here)}", 303)
        return RedirectResponse(addresses.moved_to(here, company_id), 303)

    def sign_in_page(
        self,
        request: Request,
        next_path: str,
        *,
        visit: Visit | None = None,
        error: str | None = None,
        kept: str | None = None,
        status: int = 200,
    ) -> Response:
        """Show the sign-in page. *kept* is a form that was sent after its session had ended (``kept_forms``)."""
        visit = visit or visits.begin(request, self.cookies)
        response = self.show(
            request,
            None,
            "sign_in.html",
            status=status,
            csrf=visit.token(self.context.sealer),
            next=local_path(next_path),
            error=error,
            kept=kept,
            has_keys=self.settings.key_sign_in,
            oidc=self.settings.oidc,
            is_signed_out="signed-out" in request.query_params,
        )
        visit.remember(response, request, self.cookies)
        return response

    async def _ask_to_sign_in(self, request: Request) -> Response:
        visit = visits.begin(request, self.cookies)
        if (kept := await kept_forms.keep(request, self.context.sealer, visit)) is not None:
            return self.sign_in_page(request, "", visit=visit, kept=kept, status=401)
        here = _here(request)
        response = RedirectResponse(
            addresses.SIGN_IN if here == addresses.HOME else f"{addresses.SIGN_IN}?next={quote(here)}", 303
        )
        if self.cookies.read(request, names.SESSION) is not None:
            self.cookies.drop(response, request, names.SESSION)
        return response

    def _html(
        self, request: Request, viewer: Viewer | None, template: str, values: Mapping[str, object]
    ) -> str:
        """Fill in *template* with *values* and the values that the frame shows on every page."""
        here, theme = _here(request), self.cookies.read(request, names.THEME)
        frame: dict[str, object] = {
            "viewer": viewer,
            "path": request.url.path,
            "root": addresses.HOME,
            "here": here,
            "environments": {},
            "base_url": self.base_url(request),
            "theme": theme if theme in {"light", "dark"} else None,
            "is_framed": self.cookies.is_framed
            and request.headers.get("sec-fetch-dest") in {"iframe", "frame"},
            "items": [],
            "extras": [],
            "explained": frozenset(),
            "now_ms": self.context.clock.now_ms(),
        }
        if viewer is not None:
            frame |= {
                "root": viewer.root,
                "environments": {
                    name: addresses.section_of(here, company_id)
                    for name, company_id in viewer.environments.items()
                },
                "items": navigation.seen_by(viewer),
                "extras": navigation.extras_for(viewer, self.context.pages()),
            }
            if viewer.has(INTEGRATIONS_READ, EVENTS_READ):  # the types whose pages the viewer may see
                frame["explained"] = {kind.name for kind in self.event_types()}
        return self._templates.get_template(template).render({**frame, **values})

    @functools.cached_property
    def _templates(self) -> Environment:
        """The templates. They are compiled for the first page, not when the hub starts; that shortens the start by 25 ms."""
        return templating.make_environment(self.context.deployment.brand, self.assets)


class Pages:
    """The pages of one module. Their handlers are methods, which share *portal*."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._context = portal.context


_LOCAL = re.compile(rf"{addresses.HOME}(?:[/?#][ -\[\]-~]*)?", re.ASCII)
"""Printable ASCII characters without the backslash, which browsers read as a slash."""


def local_path(text: str) -> str:
    """Return *text* if it is the path of a page of the portal, else the overview's path.

    So a sign-in never redirects to another site.
    """
    return text if _LOCAL.fullmatch(text) else addresses.HOME


def _here(request: Request) -> str:
    """Return the address of the page without the host; for a form, the address of the page that is shown after the form."""
    if request.method not in {"GET", "HEAD"}:
        return addresses.HOME
    raw_path: bytes | None = request.scope.get("raw_path")
    path = quote(request.url.path) if raw_path is None else raw_path.decode("latin-1")
    return f"{path}?{request.url.query}" if request.url.query else path
