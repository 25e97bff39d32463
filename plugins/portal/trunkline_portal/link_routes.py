"""``POST /api/v1/portal/links``: an operator makes a link that signs a customer's user in to one company."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from trunkline import BodyInvalid, FieldError
from trunkline.routes import (
    COMPANY_SCOPES,
    Caller,
    CompanyName,
    Maker,
    Strict,
    StrictRoute,
    requires,
    responses,
)
from trunkline_portal.formats import moment
from trunkline_portal.links import Links
from trunkline_portal.portal import Portal

Operates = Annotated[Caller, Depends(requires("operator", bucket="admin"))]
_UNLESS_NAMED = tuple(scope for scope in COMPANY_SCOPES if scope != "admin")
_EXAMPLE: JsonDict = {
    "company_id": 92,
    "name": "jane.doe@example.com",
    "scopes": ["events:read", "webhooks:write"],
    "minutes": 5,
}


class LinkRequest(Strict):
    """The visitor who will sign in with the link."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    company_id: CompanyName = Field(description="the company that the visitor sees: its id or its reference")
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description='name of the visitor; "sign out everywhere" ends all sessions with this name',
    )
    scopes: list[str] | None = Field(
        default=None,
        max_length=50,
        description="the visitor's scopes; every scope of a company but `admin`, if absent",
    )
    minutes: int | None = Field(
        default=None,
        ge=1,
        le=1440,
        strict=True,
        description="how long the link works; `portal.link_minutes`, if absent",
    )


class LinkView(BaseModel):
    """A sign-in link, which is shown only once."""

    url: str = Field(
        description="sign-in link for a browser or a frame; it works once",
        examples=["https://events.example.com/portal/enter?link=AYqz0kY3N2VhZmE"],
    )
    expires_utc: str = Field(examples=["2026-01-28T10:40:00Z"])
    created_by: Maker


def make_router(portal: Portal) -> APIRouter:
    """Build the router with the routes of this module."""
    links = Links(portal.context, portal.settings)
    router = APIRouter(route_class=StrictRoute, tags=["Portal"])

    async def create(request: Request, body: LinkRequest, caller: Operates) -> LinkView:
        """Make a link that signs one visitor into one company, once (an operator's key only).

        The session that the link opens ends when the key that made the link ends.
        """
        scopes = _UNLESS_NAMED if body.scopes is None else tuple(dict.fromkeys(body.scopes))
        known = ", ".join(COMPANY_SCOPES)
        if not scopes:
            raise BodyInvalid([FieldError("/scopes", f"must name at least one of {known}")])
        faults = [
            FieldError(f"/scopes/{number}", f"is not a scope; the scopes are {known}")
            for number, scope in enumerate(body.scopes or ())
            if scope not in COMPANY_SCOPES
        ]
        if faults:
            raise BodyInvalid(faults)
        token, link = await links.make(
            caller.principal,
            await caller.company_named(body.company_id, path="/company_id"),
            scopes=scopes,
            name=body.name,
            minutes=body.minutes,
        )
        expires = moment(link.expires_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return LinkView(
            url=f"{portal.base_url(request)}/portal/enter?link={quote(token)}",
            expires_utc=expires,
            created_by=Maker(kind=caller.principal.kind, id=caller.principal.id),
        )

    router.add_api_route(
        "",
        create,
        methods=["POST"],
        status_code=201,
        operation_id="createPortalLink",
        summary="Make a sign-in link",
        responses=responses(401, 403, 422, 429),
    )
    return router
