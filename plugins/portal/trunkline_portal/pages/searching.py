"""One search for everything that has an id, for companies, and for values of fields in a company's events."""

import re

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline.routes import company_title
from trunkline_portal import addresses
from trunkline_portal.access import ADMIN, EVENTS_READ, WEBHOOKS_READ, AnyCompany, Viewer
from trunkline_portal.addresses import with_query
from trunkline_portal.pages.changes import CHANGES, EVERY_COMPANY
from trunkline_portal.portal import Pages
from trunkline_portal.previews import preview
from trunkline_portal.routing import EITHER, Table, get

SEARCH = "/search"
"""Path of the section below ``Viewer.root``."""
MAX_LENGTH = 200
_EVENTS = 20
_COMPANIES = 5
_CHANGES = 5
_ID = re.compile(
    r"(?P<sign>#)?(?P<event>[1-9][0-9]{0,18})|(?P<other>(?:dlv|sub|key)_[0-9A-Za-z_]{1,50})", re.ASCII
)
_REQUEST = re.compile(r"[0-9a-f]{16}", re.ASCII)
_KINDS = {
    "dlv": ("Delivery", WEBHOOKS_READ, "/deliveries/{}"),
    "sub": ("Subscription", WEBHOOKS_READ, "/subscriptions/{}"),
    "key": ("API key", ADMIN, "/keys#{}"),
}
_EVENT = ("Event", EVENTS_READ, "/events/{}")


class Hit(Struct, frozen=True):
    """A result at *url*; *of* names the result's company, unless the viewer looks at this company."""

    title: str
    url: str
    of: str | None = None


class SearchPages(Pages):
    """The page of results."""

    async def show(self, request: Request, viewer: AnyCompany) -> Response:
        """Show the results for an id or a text. If an id has a single result, redirect to it."""
        text = request.query_params.get("q", "").strip()[:MAX_LENGTH]
        before = request.query_params.get("before") or None
        match = _ID.fullmatch(text)
        hit = None if match is None else await self._with_id(viewer, match)
        if match is not None and hit is not None and match["event"] != text:
            return RedirectResponse(hit.url, 303)
        hits = [*([hit] if hit else []), *await self._companies(viewer, text)]
        if text and viewer.has(ADMIN):  # the changes that a request made, through an index of the audit log
            of = None if viewer.is_operator else viewer.company_id
            found = await self._context.journal.page(of, request_id=text, limit=_CHANGES)
            every = EVERY_COMPANY if viewer.is_operator else ""
            url = with_query(f"{viewer.root}{CHANGES}", request_id=text, of=every)
            hits += [Hit(f"{entry['action']} of {entry['target']}", url) for entry in found["entries"]]
        root, is_request = f"{viewer.root}{SEARCH}", _REQUEST.fullmatch(text) is not None
        page = None
        if text and viewer.chosen_company_id is not None and viewer.has(EVENTS_READ):
            page = await self._context.activity.events(
                viewer.company_id, text=text, before=before, limit=_EVENTS
            )
        return self._portal.render(
            viewer,
            "search.html",
            text=text,
            hits=hits,
            page=page,
            before=before,
            preview=preview,
            older=page and page.before and with_query(root, q=text, before=page.before),
            newest=with_query(root, q=text) if before else None,
            is_request=is_request,
            is_id=is_request or match is not None,
            max_length=MAX_LENGTH,
        )

    async def _with_id(self, viewer: Viewer, match: re.Match[str]) -> Hit | None:
        """Find a record by its id, through an index; None if the record does not exist, or the viewer may not see it."""
        name = match["event"] or match["other"]
        title, scope, page = _EVENT if match["event"] else _KINDS[name[:3]]
        company_id = await self._context.activity.owner(name) if viewer.has(scope) else None
        if not company_id or not viewer.may_see(company_id):
            return None
        of = None if company_id == viewer.chosen_company_id else company_title(company_id)
        return Hit(f"{title} {name}", f"{addresses.root_of(company_id)}{page.format(name)}", of)

    async def _companies(self, viewer: Viewer, text: str) -> list[Hit]:
        """Find, for operators, the companies whose number begins with *text* or whose reference is *text*."""
        if not viewer.is_operator or not text:
            return []
        context = self._context
        if text.isascii() and text.isdigit():
            found = [(number, "") for number in await context.activity.companies(text, limit=_COMPANIES)]
        else:
            records = await context.companies.page(reference=text, limit=_COMPANIES)
            found = [(company["id"], company["name"] or "") for company in records["companies"]]
        return [
            Hit(f"Company {number}{f', {name}' if name else ''}", addresses.root_of(number))
            for number, name in found
        ]


ROUTES = Table(SearchPages, get(SEARCH, SearchPages.show), below=EITHER)
