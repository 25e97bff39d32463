"""The audit log over HTTP: who changed what."""

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from trunkline.api.models import InTest, Utc
from trunkline.api.requests import QueryModel
from trunkline.api.routing import route
from trunkline.api.security import Caller, requires
from trunkline.contract import Journal
from trunkline.schemas.catalog import Json

Reads = Annotated[Caller, Depends(requires("admin"))]


class AuditQuery(QueryModel):
    """The changes to list."""

    actor: str | None = Field(
        default=None, description="only changes by this actor, such as `key_…`, `cli` or `hub`"
    )
    action: str | None = Field(default=None, description="only changes of this kind, such as `key.created`")
    target: str | None = Field(default=None, description="only changes of this record, by its id")
    request_id: str | None = Field(
        default=None, description="only changes by this request, by its `X-Request-Id`"
    )
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class AuditEntry(BaseModel):
    """One change."""

    id: int = Field(description="number of the change: ascending, without gaps")
    at_utc: Utc
    actor: str = Field(
        description="who made it: `key:`, `operator:`, `person:`, `link:`, `app:` or `token:` and the id, "
        "`plugin:` and the name, `cli`, or `hub`"
    )
    action: str = Field(description="what was done, such as `subscription.changed`")
    target: str = Field(description="the id of what was changed")
    company_id: int | None = Field(description="the company of the change; null for the deployment")
    environment: InTest = None
    from_address: str | None = Field(
        description="client address of the call; null if there was no call, and in answers to a company if an operator made it"
    )
    before: dict[str, Any] | None = Field(
        description="the changed values before the change; null if the record was created"
    )
    after: dict[str, Any] | None = Field(
        description="the changed values after the change; null if the record was deleted"
    )
    request_id: str | None = Field(description="the `X-Request-Id` of the call; null if there was no call")


class AuditEntryList(BaseModel):
    """Changes, newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None = Field(description="`cursor` of the next page; null if this is the last")


class AuditHandlers:
    """Answers the calls on the audit log."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @route("GET", "/api/v1/audit", response_model=AuditEntryList, summary="List changes")
    async def list_audit_entries(
        self, caller: Reads, query: Annotated[AuditQuery, Query()]
    ) -> dict[str, Json]:
        """List changes, newest first. A company's key reads the changes of its company, an operator's key all changes.

        Secrets are masked.
        """
        return await self._journal.page(caller.named_company_id, **query.model_dump())
