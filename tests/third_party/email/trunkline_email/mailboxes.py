"""The mailboxes of a company: added and removed below ``/api/v1/email/mailboxes``."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from trunkline import PluginContext
from trunkline.routes import Caller, Strict, StrictRoute, requires, responses

CHANNEL = "email"

Reads = Annotated[Caller, Depends(requires("webhooks:read"))]
Deletes = Annotated[Caller, Depends(requires("webhooks:write", bucket="write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]


class NewMailbox(Strict):
    """Whom to write to, and about what."""

    target_url: str = Field(description="whom to write to", examples=["mailto:someone@example.com"])
    event_types: list[str] = Field(description='event types, or `["*"]` for all', examples=[["*"]])
    filter: dict[str, Any] | None = Field(default=None, description="conditions on the payload")


class Mailbox(BaseModel):
    """A mailbox that is written to."""

    id: str
    target_url: str
    event_types: list[str]
    filter: dict[str, Any] | None
    status: str


class Mailboxes(BaseModel):
    """A company's mailboxes, oldest first."""

    mailboxes: list[Mailbox]
    count: int


def make_router(context: PluginContext) -> APIRouter:
    """Build the router over the hub's subscriptions of this channel."""
    router = APIRouter(route_class=StrictRoute, tags=["E-mail"])
    subscriptions = context.subscriptions

    @router.post(
        "", status_code=201, response_model=Mailbox, summary="Add a mailbox", responses=responses(409, 422)
    )
    async def add(mailbox: NewMailbox, caller: Administers) -> dict[str, Any]:
        """Write to a mailbox from now on."""
        request = mailbox.model_dump(exclude_none=True)
        return await subscriptions.create(caller.company_id, request, channel=CHANNEL)

    @router.get("", response_model=Mailboxes, summary="List the mailboxes")
    async def list_mailboxes(caller: Reads) -> dict[str, Any]:
        """List the company's mailboxes, oldest first."""
        found = await subscriptions.list(caller.company_id, channel=CHANNEL)
        return {"mailboxes": found, "count": len(found)}

    @router.delete("/{mailbox_id}", status_code=204, summary="Remove a mailbox", responses=responses(404))
    async def remove(mailbox_id: str, caller: Deletes) -> None:
        """Write no more to a mailbox."""
        await subscriptions.delete(caller.company_id, mailbox_id, channel=CHANNEL)

    return router
