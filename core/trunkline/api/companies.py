"""Companies over HTTP, for the operator: which limits hold for one, and limits of its own."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from trunkline.access.company_limits import CompanyLimits
from trunkline.access.keys import MAX_COMPANY_ID
from trunkline.api.problems import responses
from trunkline.api.routing import Route, bind
from trunkline.api.security import Caller, requires
from trunkline.model.principals import OPERATOR

_OWN: JsonDict = {"subscriptions": 500}
_ALL: JsonDict = {
    "subscriptions": 500,
    "filter_cost": 10_000,
    "lookups_per_minute": 600,
    "events_per_second": 1_000,
    "replays_at_once": 5,
    "keys": 100,
}
CompanyId = Annotated[int, Path(ge=1, le=MAX_COMPANY_ID, description="the company")]


class CompanyView(BaseModel):
    """A company and the limits that hold for it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": 92, "limits": _ALL, "own_limits": _OWN}]}
    )

    id: int
    limits: dict[str, int] = Field(description="the limits that hold, by their names")
    own_limits: dict[str, int] = Field(description="those of them that the operator gave this company")


class CompanyChange(BaseModel):
    """What is to change of a company."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"limits": _OWN}]})

    limits: dict[str, Annotated[int, Field(strict=True)] | None] = Field(
        description="limits of its own, by their names; null gives it the deployment's again"
    )


class CompanyHandlers:
    """Answers the calls on companies."""

    def __init__(self, limits: CompanyLimits) -> None:
        self._limits = limits

    async def show_company(
        self, company_id: CompanyId, _: Annotated[Caller, Depends(requires(OPERATOR))]
    ) -> dict[str, Any]:
        """Show the limits that hold for a company; one that never was made has the deployment's."""
        return await self._limits.view(company_id)

    async def change_company(
        self,
        company_id: CompanyId,
        body: CompanyChange,
        _: Annotated[Caller, Depends(requires(OPERATOR, bucket="admin"))],
    ) -> dict[str, Any]:
        """Give a company limits of its own. Every process knows them within five seconds."""
        return await self._limits.change(company_id, body.limits)


ROUTES = (
    Route(
        "GET",
        "/companies/{company_id}",
        CompanyHandlers.show_company,
        response_model=CompanyView,
        summary="Show a company's limits",
        responses=responses(401, 403, 404),
    ),
    Route(
        "PATCH",
        "/companies/{company_id}",
        CompanyHandlers.change_company,
        response_model=CompanyView,
        summary="Give a company limits of its own",
        responses=responses(401, 403, 404, 422),
    ),
)


def make_router(limits: CompanyLimits) -> APIRouter:
    """Build the router over the hub's *limits* of companies."""
    return bind(CompanyHandlers(limits), ROUTES, prefix="/api/v1", tags=["Companies"])
