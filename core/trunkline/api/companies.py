"""Companies over HTTP, for the operator: create, list, change, and delete with all their data."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from trunkline.access.companies import MAX_NAME, MAX_RECIPIENTS, Companies
from trunkline.api.models import InTest, Strict, Utc
from trunkline.api.problems import responses
from trunkline.api.requests import LOCATION, IfMatch, QueryModel
from trunkline.api.routing import Route, bind
from trunkline.api.security import Caller, requires
from trunkline.errors import SHOWN, NotFound
from trunkline.model.companies import GIVEN_FORM, read_name
from trunkline.model.etags import etag_of
from trunkline.model.principals import OPERATOR
from trunkline.subscribing import paces

_OWN: JsonDict = {"subscriptions": 500}
_ALL: JsonDict = {
    "subscriptions": 500,
    "filter_cost": 10_000,
    "lookups_per_minute": 600,
    "events_per_second": 1_000,
    "replays_at_once": 5,
    "keys": 100,
    "consumers": 100,
}
_SAID: JsonDict = {
    "reference": "acme-4f2a",
    "name": "Acme Ltd",
    "time_zone": "Europe/Berlin",
    "metadata": {"plan": "growth"},
    "alert_recipients": ["ops@acme.example"],
}
_EXAMPLE: JsonDict = {
    "id": 93,
    **_SAID,
    "limits": _ALL,
    "own_limits": _OWN,
    "delivery": {"timeout_seconds": None, "retry": None, "max_in_flight": None, "rate": "50/second"},
    "test": {
        "limits": {
            "subscriptions": 25,
            "filter_cost": 2_500,
            "lookups_per_minute": 150,
            "events_per_second": 250,
            "replays_at_once": 2,
            "keys": 25,
            "consumers": 25,
        },
        "own_limits": {},
    },
    "created_utc": "2026-01-28T10:30:00Z",
    "updated_utc": "2026-01-28T10:30:00Z",
}
CompanyPath = Annotated[str, Path(description="the company's id or reference")]
Reads = Annotated[Caller, Depends(requires(OPERATOR))]
Administers = Annotated[Caller, Depends(requires(OPERATOR, bucket="admin"))]


class TestEnvironmentRequest(Strict):
    """What is to be set of a company's test environment."""

    limits: dict[str, int | None] = Field(
        max_length=50, description="limits of its own, by their names; null gives it the deployment's again"
    )


class TestEnvironmentView(BaseModel):
    """The test environment of a company, and the limits that hold for it."""

    limits: dict[str, int] = Field(description="the limits that hold, by their names")
    own_limits: dict[str, int] = Field(description="those of them that the operator gave it")


class DeliveryDefaults(Strict):
    """How targets are treated where their subscriptions do not say."""

    timeout_seconds: paces.Timeout = None
    retry: paces.Retry = None
    max_in_flight: paces.MaxInFlight = None
    rate: paces.RateText = None


class CompanyRequest(Strict):
    """What is to be set of a company."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_SAID, "limits": _OWN}]})

    reference: str | None = Field(
        default=None,
        description=f"the product's own name of it: {GIVEN_FORM}; no other company has it, in upper or lower case",
    )
    name: str | None = Field(default=None, description=f"for people, up to {MAX_NAME} characters")
    limits: dict[str, int | None] | None = Field(
        default=None,
        max_length=50,
        description="limits of its own, by their names; null gives it the deployment's again",
    )
    delivery: DeliveryDefaults | None = Field(
        default=None,
        description="how its targets are treated where their subscriptions do not say, in both environments; null: as the deployment says",
    )
    test: TestEnvironmentRequest | None = Field(default=None, description="its test environment")
    time_zone: str | None = Field(default=None, description="of the IANA database, such as `Europe/Berlin`")
    metadata: dict[str, Any] | None = Field(
        default=None, description="what the product wants to keep with it"
    )
    alert_recipients: list[str] | None = Field(
        default=None,
        max_length=MAX_RECIPIENTS,
        description=f"up to {MAX_RECIPIENTS} e-mail addresses of those who look after its integrations; they get mail when a subscription fails, is disabled or recovers",
    )


class CompanyView(BaseModel):
    """A company, and the limits that hold for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    reference: str | None
    name: str | None
    limits: dict[str, int] = Field(description="the limits that hold, by their names")
    own_limits: dict[str, int] = Field(description="those of them that the operator gave this company")
    delivery: DeliveryDefaults = Field(
        description="how its targets are treated where their subscriptions do not say; null where the deployment says"
    )
    test: TestEnvironmentView = Field(description="its test environment")
    time_zone: str | None
    metadata: dict[str, Any]
    alert_recipients: list[str]
    created_utc: Utc | None = Field(
        description="null for a company that was never made, and exists by its id"
    )
    updated_utc: Utc | None


class CompanyList(BaseModel):
    """Companies, by their ids."""

    companies: list[CompanyView]
    next_cursor: str | None = Field(description="null on the last page")


class CompanyQuery(QueryModel):
    """Which companies to list."""

    reference: str | None = Field(default=None, description="only the one with exactly this reference")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class ErasureReceipt(BaseModel):
    """The removal of all that is of a company."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "era_5f0c9a2d1e83c55b4f0c9a2d",
                    "company_id": 93,
                    "status": "completed",
                    "removed": {"events": 1204, "deliveries": 3310, "attempts": 3402, "api_keys": 2},
                    "created_utc": "2026-01-28T10:30:00Z",
                    "completed_utc": "2026-01-28T10:30:12Z",
                }
            ]
        }
    )

    id: str
    company_id: int
    environment: InTest = None
    status: str = Field(description="`running` or `completed`")
    removed: dict[str, int] = Field(description="how many rows are gone, by table")
    remaining: dict[str, int] | SkipJsonSchema[None] = Field(
        default=None,
        description="while it runs, how many rows of the largest tables are left, up to a million of each",
    )
    estimated_seconds: int | None = Field(
        default=None,
        description="while it runs, how long what is left may take; null until something was removed",
    )
    created_utc: Utc
    completed_utc: Utc | None


class CompanyHandlers:
    """Answers the calls on companies."""

    def __init__(self, companies: Companies) -> None:
        self._companies = companies

    async def create_company(self, body: CompanyRequest, _: Administers) -> dict[str, Any]:
        """Make a company. Calls may name it by its `id`, or by its `reference` wherever they name one."""
        return await self._companies.create(body.model_dump(exclude_unset=True))

    async def list_companies(self, query: Annotated[CompanyQuery, Query()], _: Reads) -> dict[str, Any]:
        """List the companies that were made or changed. Others exist by their ids, once a key or a call has named them."""
        return await self._companies.page(reference=query.reference, cursor=query.cursor, limit=query.limit)

    async def show_company(self, company_id: CompanyPath, _: Reads, response: Response) -> dict[str, Any]:
        """Show a company; one that never was made has the deployment's limits."""
        view = await self._companies.view(_name(company_id))
        response.headers["ETag"] = etag_of(view)
        return view

    async def change_company(
        self,
        company_id: CompanyPath,
        body: CompanyRequest,
        _: Administers,
        response: Response,
        if_match: IfMatch = None,
    ) -> dict[str, Any]:
        """Change what the body names; null takes it back. Every process knows new limits within five seconds.

        A new reference is in the envelopes of events from then on; those that were accepted before keep theirs.
        """
        changes = body.model_dump(exclude_unset=True)
        view = await self._companies.change(_name(company_id), changes, if_match=if_match)
        response.headers["ETag"] = etag_of(view)
        return view

    async def delete_company(
        self,
        company_id: CompanyPath,
        response: Response,
        caller: Annotated[Caller, Depends(requires(OPERATOR))],
    ) -> dict[str, Any]:
        """Delete a company and everything of it, in both environments; with `X-Environment: test` its test environment alone.

        Its keys and subscriptions stop at once. Events, deliveries and records go in small pieces, which the receipt counts.
        """
        receipt = await self._companies.delete(_name(company_id), environment=caller.environment)
        response.headers["Location"] = f"/api/v1/erasures/{receipt['id']}"
        return receipt

    async def show_erasure(self, erasure_id: str, _: Reads) -> dict[str, Any]:
        """Show what has been removed of a company that was deleted."""
        return await self._companies.receipt(erasure_id)


def _name(company_id: str) -> int | str:
    name = read_name(company_id)
    if name is None:
        raise NotFound("company", company_id[:SHOWN])
    return name


ROUTES = (
    Route(
        "POST",
        "/companies",
        CompanyHandlers.create_company,
        operation_id="createCompany",
        openapi_extra={LOCATION: "/api/v1/companies/{id}"},
        status_code=201,
        response_model=CompanyView,
        summary="Make a company",
    ),
    Route(
        "GET",
        "/companies",
        CompanyHandlers.list_companies,
        operation_id="listCompanies",
        response_model=CompanyList,
        summary="List companies",
    ),
    Route(
        "GET",
        "/companies/{company_id}",
        CompanyHandlers.show_company,
        operation_id="getCompany",
        response_model=CompanyView,
        summary="Show a company",
    ),
    Route(
        "PATCH",
        "/companies/{company_id}",
        CompanyHandlers.change_company,
        operation_id="updateCompany",
        response_model=CompanyView,
        summary="Change a company",
        responses=responses(409),
    ),
    Route(
        "DELETE",
        "/companies/{company_id}",
        CompanyHandlers.delete_company,
        operation_id="deleteCompany",
        status_code=202,
        response_model=ErasureReceipt,
        response_model_exclude_unset=True,
        summary="Delete a company and everything of it",
    ),
    Route(
        "GET",
        "/erasures/{erasure_id}",
        CompanyHandlers.show_erasure,
        operation_id="getErasure",
        response_model=ErasureReceipt,
        response_model_exclude_unset=True,
        summary="Show the receipt of a deletion",
    ),
)


def make_router(companies: Companies) -> APIRouter:
    """Build the router over the hub's *companies*."""
    return bind(CompanyHandlers(companies), ROUTES, prefix="/api/v1", tags=["Companies"])
