"""The portal itself: what every page module is given, and how pages come about.

A page module has ``make_router(portal)``; its routes take a viewer (``access``), and answer with ``portal.render`` or, after
a form, with ``portal.redirect``.
"""

import functools
import http
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import orjson
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from trunkline import PluginContext, Refused, TrunklineError
from trunkline_portal import assets, formats, highlighting, navigation, security
from trunkline_portal import cookies as names
from trunkline_portal.access import CompanyNeeded, SignInNeeded, Viewer, find_viewer
from trunkline_portal.cookies import CookieRules
from trunkline_portal.links import Links
from trunkline_portal.routing import route_class
from trunkline_portal.sessions import Sessions
from trunkline_portal.settings import Settings

TEMPLATES = Path(__file__).parent / "templates"
SIGN_IN = "/portal/sign-in"
COMPANY = "/portal/company"
FRAGMENT_HEADER = "x-fragment"
"""Sent by our script where it wants a part of a page: it is answered 401 instead of by the sign-in page."""
_THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an error page says."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str]


class Portal:
    """What pages are made with. *links* and *sessions* let people in, *context* has everything else."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self.context = context
        self.settings = context.settings
        self.sessions = Sessions(context, self.settings)
        self.links = Links(context, self.settings)
        self.limit = security.SignInLimit(self.settings.sign_in_per_minute)
        self.cookies = CookieRules(
            context.deployment.public_url, is_framed=bool(self.settings.frame_ancestors)
        )
        self.assets = assets.load(context.deployment.brand)
        self._headers = security.headers(self.settings.frame_ancestors)
        self._route_class = route_class(self)

    def router(self) -> APIRouter:
        """Make a router for pages: what goes wrong in them is answered by a page, and they are in no API document."""
        return APIRouter(route_class=self._route_class, include_in_schema=False)

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self.context.clock.now_ms()

    def base_url(self, request: Request) -> str:
        """Tell where the hub is reached, for examples, without a slash at its end."""
        return self.context.deployment.public_url or str(request.base_url).rstrip("/")

    # ---- answers -----------------------------------------------------------------------------------------------------

    def render(
        self, request: Request, viewer: Viewer | None, template: str, *, status: int = 200, **values: Any
    ) -> Response:
        """Show a page: *template* with *values*, in the frame, with the message that the last form left."""
        flash = self._read_flash(request, viewer)
        html = self._templates.get_template(template).render(
            {**self._frame_values(request, viewer), "flash": flash, **values}
        )
        response = HTMLResponse(html, status)
        if flash is not None:
            self.cookies.drop(response, request, names.FLASH)
        return response

    def fragment(self, request: Request, viewer: Viewer, template: str, **values: Any) -> Response:
        """Show a part of a page, without the frame, for our script."""
        html = self._templates.get_template(template).render(
            {**self._frame_values(request, viewer), **values}
        )
        return HTMLResponse(html)

    def redirect(
        self,
        request: Request,
        path: str,
        *,
        viewer: Viewer | None = None,
        flash: str | None = None,
        tone: str = "good",
    ) -> Response:
        """Answer a form: go to *path* (303), where *flash* is shown to *viewer*; *tone* is good, info, warn or bad."""
        response = RedirectResponse(path, 303)
        if flash is not None and viewer is not None:
            data = orjson.dumps({"text": flash, "tone": tone})
            sealed = self.context.sealer.seal(data, purpose=_flash_purpose(viewer))
            self.cookies.set(response, request, names.FLASH, sealed, seconds=60)
        return response

    def confirm(
        self,
        request: Request,
        viewer: Viewer,
        *,
        title: str,
        sentences: Sequence[str],
        action: str,
        button: str,
        back: str,
        fields: Mapping[str, str] | None = None,
        is_dangerous: bool = True,
        status: int = 200,
    ) -> Response:
        """Ask before something is done: *sentences* say what will happen, *button* posts *fields* to *action*."""
        return self.render(
            request,
            viewer,
            "confirm.html",
            status=status,
            title=title,
            sentences=sentences,
            action=action,
            button=button,
            back=back,
            fields=fields or {},
            is_dangerous=is_dangerous,
        )

    async def answer_error(self, request: Request, error: Exception) -> Response:
        """Say what is the matter; the way to the sign-in page, or to choosing a company, where that is what it takes."""
        if isinstance(error, SignInNeeded):
            return self._ask_to_sign_in(request)
        if isinstance(error, CompanyNeeded):
            return RedirectResponse(f"{COMPANY}?next={quote(_here(request))}", 303)
        trouble = _trouble_of(error)
        if trouble.status == 500:
            self.context.log.error("the page %s %s failed", request.method, request.url.path, exc_info=error)
        try:
            viewer = await find_viewer(request)
        except Exception:  # noqa: BLE001 - that is what went wrong, and was logged; the page is shown all the same
            viewer = None
        response = self.render(request, viewer, "error.html", status=trouble.status, trouble=trouble)
        response.headers.update(trouble.headers)
        return response

    def finish(self, response: Response) -> None:
        """Put the security headers on *response*; nothing but assets is kept by anyone."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")

    # ---- within ------------------------------------------------------------------------------------------------------

    def _ask_to_sign_in(self, request: Request) -> Response:
        if FRAGMENT_HEADER in request.headers:
            return Response(status_code=401)
        here = _here(request)
        response = RedirectResponse(
            SIGN_IN if here == navigation.HOME else f"{SIGN_IN}?next={quote(here)}", 303
        )
        if names.SESSION in request.cookies:
            self.cookies.drop(response, request, names.SESSION)
        return response

    def _frame_values(self, request: Request, viewer: Viewer | None) -> dict[str, Any]:
        pages = self.context.pages() if viewer is not None else ()
        theme = request.cookies.get(names.THEME)
        return {
            "viewer": viewer,
            "path": request.url.path,
            "here": _here(request),
            "base_url": self.base_url(request),
            "theme": theme if theme in _THEMES else None,
            "items": navigation.seen_by(viewer) if viewer else [],
            "extras": navigation.extras_for(viewer, pages) if viewer else [],
            "now_ms": self.now_ms(),
        }

    def _read_flash(self, request: Request, viewer: Viewer | None) -> dict[str, str] | None:
        sealed = request.cookies.get(names.FLASH)
        if sealed is None or viewer is None:
            return None
        try:
            message: dict[str, str] = orjson.loads(
                self.context.sealer.unseal(sealed, purpose=_flash_purpose(viewer))
            )
        except ValueError:
            return None
        return message

    @functools.cached_property
    def _templates(self) -> Environment:
        """The templates, compiled when the first page is asked for: that takes 25 ms, which a hub need not start with."""
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters |= {
            "time": formats.time,
            "with_times": formats.with_times,
            "number": formats.number,
            "percent": formats.percent,
            "duration": formats.duration,
            "size": formats.size,
            "words": formats.words,
            "tone": formats.tone_of,
            "json": highlighting.highlight,
            "indented": highlighting.indented,
        }
        shared = cast("dict[str, Any]", environment.globals)
        shared |= {
            "brand": self.context.deployment.brand,
            "asset": self._address_of,
            "has_logo": "logo.svg" in self.assets,
            "has_dark_logo": "logo-dark.svg" in self.assets,
        }
        shared["ui"] = environment.get_template("macros.html").module
        return environment

    def _address_of(self, asset: str) -> str:
        return self.assets[asset].url


def local_path(text: str) -> str:
    """Give *text* where it is the path of one of our pages, the overview's otherwise: what follows a sign-in is ours."""
    parts = urlsplit(text)
    is_ours = parts.path == navigation.HOME or parts.path.startswith(f"{navigation.HOME}/")
    is_plain = text.isascii() and text.isprintable() and "\\" not in text and not parts.netloc
    return text if is_ours and is_plain and text.startswith(navigation.HOME) else navigation.HOME


def _here(request: Request) -> str:
    """Give the address of the page, without the host; a form's is the page that follows it."""
    if request.method not in {"GET", "HEAD"}:
        return navigation.HOME
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _flash_purpose(viewer: Viewer) -> str:
    return f"flash of {viewer.session.id}"


def _trouble_of(error: Exception) -> Trouble:
    match error:
        case Refused():
            return Trouble(error.status, error.title, error.detail, error.headers)
        case HTTPException(status_code=404) | RequestValidationError():
            return Trouble(
                404, "There is no such page", "The address may be misspelt, or what was here has gone.", {}
            )
        case HTTPException():
            phrase = http.HTTPStatus(error.status_code).phrase
            return Trouble(error.status_code, phrase, "Go back and try it another way.", error.headers or {})
        case TrunklineError() if getattr(error, "status", None) == 503:
            detail = "The database does not answer; nothing was changed. Try again in a moment."
            return Trouble(503, "Not available now", detail, {"Retry-After": "5"})
        case TrunklineError() if hasattr(error, "detail"):
            return Trouble(502, "Somebody else's failure", str(error), {})
        case _:
            detail = "Something went wrong on our side; it was logged. Try again, or tell whoever runs this service."
            return Trouble(500, "This page failed", detail, {})
