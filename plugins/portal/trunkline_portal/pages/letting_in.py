"""Making a sign-in link for a customer: the operator chooses the customer's rights."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from trunkline.routes import COMPANY_SCOPES
from trunkline_portal import scopes
from trunkline_portal.access import ADMIN, OPERATOR, RequiresScope, Viewer
from trunkline_portal.forms import Submitted, read_number
from trunkline_portal.links import Links
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import Table, get, post

LINKS = "/links"
"""Path of the section below ``Viewer.root``."""
MAX_NAME, MAX_MINUTES = 200, 1440
OperatesCompany = Annotated[Viewer, Depends(RequiresScope(OPERATOR))]
_READS = tuple(scope for scope in COMPANY_SCOPES if scope.endswith(":read"))
_PRESETS = {"all": tuple(scope for scope in COMPANY_SCOPES if scope != ADMIN), "read": _READS}


class LettingInPages(Pages):
    """The form for a link, and the page that shows it once."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(portal)
        self._links = Links(portal.context, portal.settings)

    async def show_form(self, request: Request, viewer: OperatesCompany) -> Response:
        """Show the form."""
        chosen = _PRESETS.get(request.query_params.get("preset", ""), _PRESETS["all"])
        return self._form(viewer, chosen=chosen)

    async def create(self, request: Request, viewer: OperatesCompany, fields: Submitted) -> Response:
        """Make a link and show it."""
        chosen = tuple(scope for scope in COMPANY_SCOPES if scope in fields.all("scopes"))
        name, text = fields["name"], fields["minutes"]
        minutes = read_number(text, most=MAX_MINUTES)
        faults: dict[str, str] = {}
        if not chosen:
            faults["scopes"] = "Choose at least one scope: without any, the customer sees nothing."
        if text and not minutes:
            faults["minutes"] = f"Enter a number of minutes from 1 to {MAX_MINUTES}."
        if len(name) > MAX_NAME:
            faults["name"] = f"A name may have {MAX_NAME} characters; this one has {len(name)}."
        if faults:
            return self._form(viewer, chosen=chosen, name=name, minutes=text, faults=faults)
        token, link = await self._links.make(
            viewer.principal, viewer.company_id, scopes=chosen, name=name or None, minutes=minutes
        )
        url = f"{self._portal.base_url(request)}/portal/enter?link={quote(token)}"
        return self._portal.render(viewer, "links_made.html", link=link, url=url)

    def _form(
        self,
        viewer: Viewer,
        *,
        chosen: tuple[str, ...],
        name: str = "",
        minutes: str = "",
        faults: dict[str, str] | None = None,
    ) -> Response:
        return self._portal.render(
            viewer,
            "links_new.html",
            status=422 if faults else 200,
            chosen=chosen,
            name=name,
            minutes=minutes,
            default_minutes=self._portal.settings.link_minutes,
            scopes=scopes.SCOPES,
            max_name=MAX_NAME,
            errors=faults or {},
        )


ROUTES = Table(
    LettingInPages, get(LINKS, LettingInPages.show_form), post(LINKS, LettingInPages.create, bucket="admin")
)
