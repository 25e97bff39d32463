"""The audit log over HTTP: who changed what."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from trunkline.api.models import InTest, Utc
from trunkline.api.problems import responses
from trunkline.api.requests import QueryModel
from trunkline.api.routing import Route, bind
from trunkline.api.security import Caller, requires
from trunkline.contract import Journal
from trunkline.schemas.catalog import Json

Reads = Annotated[Caller, Depends(requires("admin"))]


class AuditQuery(QueryModel):
    """Which changes to list."""

    actor: str | None = Field(
        default=None, description="only those by this actor, such as `key_…`, `cli` or `hub`"
    )
    action: str | None = Field(default=None, description="only those of this kind, such as `key.created`")
    target: str | None = Field(default=None, description="only those of this thing, by its id")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class AuditEntry(BaseModel):
    """One change."""

    id: int = Field(description="its number: without gaps, in the order of the changes")
    at_utc: Utc
    actor: str = Field(
        description="who made it: `key:`, `operator:`, `person:`, `link:`, `app:` or `token:` and the id, "
        "`plugin:` and the name, `cli`, or `hub`"
    )
    action: str = Field(description="what was done, such as `subscription.changed`")
    target: str = Field(description="the id of what was changed")
    company_id: int | None = Field(description="the company that it is about; null for the deployment")
    environment: InTest = None
    from_address: str | None = Field(
        description="the address that the call came from; null for no call, and for operators' in answers to a company"
    )
    before: dict[str, Any] | None = Field(
        description="the values that differ, as they were; null for what was made"
    )
    after: dict[str, Any] | None = Field(description="the same as they are now; null for what is no more")


class AuditEntryList(BaseModel):
    """Changes, newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None = Field(description="`cursor` of the next page; null if this is the last")


class AuditHandlers:
    """Answers the calls on the audit log."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def list_changes(self, caller: Reads, query: Annotated[AuditQuery, Query()]) -> dict[str, Json]:
        """List changes, newest first. A company's key reads those about its company, an operator's those about every one.

        Secrets are masked.
        """
        return await self._journal.page(
            caller.named_company_id,
            actor=query.actor,
            action=query.action,
            target=query.target,
            cursor=query.cursor,
            limit=query.limit,
        )


ROUTES = (
    Route(
        "GET",
        "/api/v1/audit",
        AuditHandlers.list_changes,
        operation_id="listAuditEntries",
        response_model=AuditEntryList,
        response_model_exclude_unset=True,
        summary="List changes",
        responses=responses(400),
    ),
)


def make_router(journal: Journal) -> APIRouter:
    """Build the router over the hub's audit log."""
    return bind(AuditHandlers(journal), ROUTES, tags=["Audit"])
