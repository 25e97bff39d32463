"""Companies over HTTP, for the operator: create, list, change, and delete with all their data."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from trunkline.access.companies import MAX_NAME, MAX_RECIPIENTS, Companies
from trunkline.api.models import InTest, Strict, Utc
from trunkline.api.problems import responses
from trunkline.api.requests import LOCATION, IfMatch, QueryModel
from trunkline.api.routing import route
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
    """The settings of a company's test environment."""

    limits: dict[str, int | None] = Field(
        max_length=50, description="its own limits, by name; null restores the deployment's limit"
    )


class TestEnvironmentView(BaseModel):
    """The test environment of a company, and its limits."""

    limits: dict[str, int] = Field(description="the limits in force, by name")
    own_limits: dict[str, int] = Field(description="limits that the operator set for it")


class DeliveryDefaults(Strict):
    """The delivery options of subscriptions that do not set their own."""

    timeout_seconds: paces.Timeout = None
    retry: paces.Retry = None
    max_in_flight: paces.MaxInFlight = None
    rate: paces.RateText = None


class CompanyRequest(Strict):
    """The settings of a company."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_SAID, "limits": _OWN}]})

    reference: str | None = Field(
        default=None,
        description=f"the product's own name of the company: {GIVEN_FORM}; unique, in upper or lower case",
    )
    name: str | None = Field(default=None, description=f"for people, up to {MAX_NAME} characters")
    limits: dict[str, int | None] | None = Field(
        default=None,
        max_length=50,
        description="its own limits, by name; null restores the deployment's limit",
    )
    delivery: DeliveryDefaults | None = Field(
        default=None,
        description="delivery options of subscriptions that do not set their own, in both environments; null for the deployment's",
    )
    test: TestEnvironmentRequest | None = Field(default=None, description="its test environment")
    time_zone: str | None = Field(default=None, description="IANA time zone, such as `Europe/Berlin`")
    metadata: dict[str, Any] | None = Field(
        default=None, description="any data that the product keeps with the company"
    )
    alert_recipients: list[str] | None = Field(
        default=None,
        max_length=MAX_RECIPIENTS,
        description=f"up to {MAX_RECIPIENTS} e-mail addresses, which get mail when a subscription fails, is disabled or recovers",
    )


class CompanyView(BaseModel):
    """A company and its limits."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    reference: str | None
    name: str | None
    limits: dict[str, int] = Field(description="the limits in force, by name")
    own_limits: dict[str, int] = Field(description="limits that the operator set for this company")
    delivery: DeliveryDefaults = Field(
        description="delivery options of subscriptions that do not set their own; null for the deployment's"
    )
    test: TestEnvironmentView = Field(description="its test environment")
    time_zone: str | None
    metadata: dict[str, Any]
    alert_recipients: list[str]
    created_utc: Utc | None = Field(description="null for a company that exists only by its id")
    updated_utc: Utc | None


class CompanyList(BaseModel):
    """Companies, in the order of their ids."""

    companies: list[CompanyView]
    next_cursor: str | None = Field(description="null on the last page")


class CompanyQuery(QueryModel):
    """The page of companies to list."""

    reference: str | None = Field(default=None, description="only the one with exactly this reference")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class ErasureReceipt(BaseModel):
    """The progress of the removal of a company's data."""

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
    removed: dict[str, int] = Field(description="number of removed rows, by table")
    remaining: dict[str, int] | SkipJsonSchema[None] = Field(
        default=None,
        description="while it runs: rows left in the largest tables, counted up to a million each",
    )
    estimated_seconds: int | None = Field(
        default=None,
        description="while it runs: estimated time until the end; null until something was removed",
    )
    created_utc: Utc
    completed_utc: Utc | None


class CompanyHandlers:
    """Answers the calls on companies."""

    def __init__(self, companies: Companies) -> None:
        self._companies = companies

    @route(
        "POST",
        "/companies",
        openapi_extra={LOCATION: "/api/v1/companies/{id}"},
        status_code=201,
        response_model=CompanyView,
        summary="Make a company",
    )
    async def create_company(self, body: CompanyRequest, _: Administers) -> dict[str, Any]:
        """Make a company. Calls may name it by its `id` or by its `reference`."""
        return await self._companies.create(body.model_dump(exclude_unset=True))

    @route("GET", "/companies", response_model=CompanyList, summary="List companies")
    async def list_companies(self, query: Annotated[CompanyQuery, Query()], _: Reads) -> dict[str, Any]:
        """List the companies that were made or changed. Companies that exist only by their ids are not listed."""
        return await self._companies.page(**query.model_dump())

    @route("GET", "/companies/{company_id}", response_model=CompanyView, summary="Show a company")
    async def get_company(self, company_id: CompanyPath, _: Reads, response: Response) -> dict[str, Any]:
        """Show a company. A company that was never made has the deployment's limits."""
        view = await self._companies.view(_name(company_id))
        response.headers["ETag"] = etag_of(view)
        return view

    @route(
        "PATCH",
        "/companies/{company_id}",
        response_model=CompanyView,
        summary="Change a company",
        responses=responses(409),
    )
    async def update_company(
        self,
        company_id: CompanyPath,
        body: CompanyRequest,
        _: Administers,
        response: Response,
        if_match: IfMatch = None,
    ) -> dict[str, Any]:
        """Change the members in the body; null removes one. Every process uses new limits within five seconds.

        Events that are accepted from then on have the new reference in their envelopes; earlier events keep the old one.
        """
        changes = body.model_dump(exclude_unset=True)
        view = await self._companies.change(_name(company_id), changes, if_match=if_match)
        response.headers["ETag"] = etag_of(view)
        return view

    @route(
        "DELETE",
        "/companies/{company_id}",
        status_code=202,
        response_model=ErasureReceipt,
        summary="Delete a company and everything of it",
    )
    async def delete_company(
        self,
        company_id: CompanyPath,
        response: Response,
        caller: Annotated[Caller, Depends(requires(OPERATOR))],
    ) -> dict[str, Any]:
        """Delete a company with all its data in both environments.

        With `X-Environment: test`, delete only its test environment. Its keys and subscriptions stop at once. Its data
        are removed in small steps, which the receipt counts.
        """
        receipt = await self._companies.delete(_name(company_id), environment=caller.environment)
        response.headers["Location"] = f"/api/v1/erasures/{receipt['id']}"
        return receipt

    @route(
        "GET",
        "/erasures/{erasure_id}",
        response_model=ErasureReceipt,
        summary="Show the receipt of a deletion",
    )
    async def get_erasure(self, erasure_id: str, _: Reads) -> dict[str, Any]:
        """Show how much of a deleted company's data has been removed."""
        return await self._companies.receipt(erasure_id)


def _name(company_id: str) -> int | str:
    name = read_name(company_id)
    if name is None:
        raise NotFound("company", company_id[:SHOWN])
    return name
