"""Registering event types over HTTP, for the operator."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Request
from pydantic import BaseModel, Field

from trunkline.api.models import Strict
from trunkline.api.problems import responses
from trunkline.api.requests import LOCATION
from trunkline.api.routing import route
from trunkline.api.security import Caller, requires
from trunkline.ingest import event_types
from trunkline.ingest.event_types import RegisteredTypes
from trunkline.model.principals import OPERATOR

Administers = Annotated[Caller, Depends(requires(OPERATOR, bucket="admin"))]


class EventTypeChange(Strict):
    """The new schema of an event type."""

    payload_schema: dict[str, Any] = Field(
        alias="schema",
        description="JSON Schema (draft 2020-12) of the payload, with `title`, `description` and `examples`",
    )


class EventTypeRequest(EventTypeChange):
    """A new event type."""

    type: str = Field(max_length=200, description="its name, such as `client.created`")


class RegisteredType(BaseModel):
    """An event type that was registered."""

    type: str
    revision: int = Field(description="1, plus one for each change of the schema")
    title: str


class RegistrationHandlers:
    """Answers the calls that register event types."""

    def __init__(self, registered: RegisteredTypes) -> None:
        self._registered = registered

    @route(
        "POST",
        "/api/v1/event-types",
        openapi_extra={LOCATION: "/api/v1/event-types/{type}"},
        status_code=201,
        response_model=RegisteredType,
        summary="Register an event type",
    )
    async def create_event_type(
        self, request: Request, body: EventTypeRequest, _: Administers
    ) -> dict[str, Any]:
        """Add an event type to those in files. Every process uses it within two seconds."""
        made = await self._registered.register(body.type, await _schema(request))
        return event_types.view(made, self._registered.revision_of(made.name))

    @route(
        "PATCH",
        "/api/v1/event-types/{name}",
        response_model=RegisteredType,
        summary="Change a registered event type",
        responses=responses(409),
    )
    async def update_event_type(
        self,
        name: str,
        request: Request,
        body: EventTypeChange,  # noqa: ARG002 - it was checked
        _: Administers,
    ) -> dict[str, Any]:
        """Change the schema of a registered event type. A change that would break clients of the older schema is refused."""
        made = await self._registered.revise(name, await _schema(request))
        return event_types.view(made, self._registered.revision_of(made.name))


async def _schema(request: Request) -> bytes:
    """Return the bytes of the schema as received, so that every digit of its numbers is kept."""
    body = msgspec.json.decode(await request.body(), type=dict[str, msgspec.Raw])
    return msgspec.json.format(bytes(body["schema"]), indent=-1)
