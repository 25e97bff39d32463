"""REST hooks: a platform subscribes on behalf of its users. A channel's plugin mounts these routes under its own name.

A hook is a subscription of its channel. Platforms repeat a subscription when in doubt, and delete hooks that do not exist.
Such calls must succeed and change nothing.
"""

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from trunkline.api.models import Strict, Utc, with_fields
from trunkline.api.paging import ListQuery
from trunkline.api.requests import LOCATION
from trunkline.api.routing import Route, bind
from trunkline.api.security import Caller, requires
from trunkline.contract import EventReader, PluginContext, Routes, Subscriptions
from trunkline.errors import BodyInvalid, FieldError, NotFound
from trunkline.filters.filters import without_blanks
from trunkline.model.event_groups import takes_type
from trunkline.model.subscriptions import GONE
from trunkline.schemas.versions import choose
from trunkline.subscribing import options
from trunkline.subscribing.checks import MAX_EVENT_TYPES

Reads = Annotated[Caller, Depends(requires("webhooks:read"))]
Deletes = Annotated[Caller, Depends(requires("webhooks:write", bucket="write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]

_URLS = ("target_url", "hookUrl", "url")


@with_fields(options.members_of_hook())
class HookRequest(Strict):
    """A hook to make. The URL may have one of three names, the event types one of two."""

    target_url: str | None = Field(
        default=None,
        description="URL to which events are pushed",
        examples=["https://hooks.example.com/catch/1"],
    )
    hookUrl: str | None = Field(default=None, description="another name for `target_url`")  # noqa: N815
    url: str | None = Field(default=None, description="another name for `target_url`")
    event_type: str | None = Field(
        default=None, description="one event type, or a group such as `client.*`", examples=["client.created"]
    )
    event_types: list[str] | None = Field(
        default=None, max_length=MAX_EVENT_TYPES, description='several, or `["*"]` for all'
    )


class Hook(BaseModel):
    """A hook, without its secret."""

    id: str
    target_url: str
    event_types: list[str]
    filter: dict[str, Any] | None
    channel: str
    status: Literal["active", "paused", "disabled"]
    created_utc: Utc


class SubscribedHook(Hook):
    """A hook with the secret that signs its pushes. The same request again shows the secret again."""

    secret: str = Field(description="`whsec_…`")
    warnings: list[str] | None = Field(
        default=None,
        description="faults of the target, such as a name that does not resolve; absent if there are none",
    )


class HookList(BaseModel):
    """A company's hooks, oldest first."""

    hooks: list[Hook]
    count: int
    next_cursor: str | None = Field(description="null on the last page")


class HookQuery(ListQuery):
    """The page of hooks to list."""

    target_url: str | None = Field(default=None, description="only those with exactly this target URL")


class RestHookHandlers:
    """Answers the calls with which a platform subscribes to *channel* and unsubscribes."""

    def __init__(self, subscriptions: Subscriptions, events: EventReader, *, channel: str) -> None:
        self._subscriptions = subscriptions
        self._events = events
        self._channel = channel

    async def subscribe(self, body: HookRequest, caller: Administers) -> JSONResponse:
        """Push events to a URL. A repeated request with the same target, types and filter returns the existing hook."""
        request = _subscription_of(body)
        if "filter" in request:
            request["filter"] = without_blanks(request["filter"]) or None
        versions = request.get("versions") or _versions_of_app(caller, request["event_types"], self._events)
        if versions:
            request["versions"] = versions
        view, is_new = await self._subscriptions.subscribe(caller.company_id, request, channel=self._channel)
        hook = SubscribedHook.model_validate(view)
        content = hook.model_dump(mode="json", exclude_unset=True)
        return JSONResponse(content, status_code=201 if is_new else 200)

    async def list_hooks(self, caller: Reads, query: Annotated[HookQuery, Query()]) -> dict[str, Any]:
        """List hooks, except hooks that their target ended with the answer 410. A page of long entries may be shorter."""
        page = await self._subscriptions.page(caller.company_id, channel=self._channel, **query.model_dump())
        hooks = [view for view in page["subscriptions"] if view["disabled_reason"] != GONE]
        return {"hooks": hooks, "count": len(hooks), "next_cursor": page["next_cursor"]}

    async def unsubscribe(self, hook_id: str, caller: Deletes) -> None:
        """Delete a hook; nothing is pushed to it any more. Deleting a hook that does not exist succeeds, too."""
        with suppress(NotFound):
            await self._subscriptions.delete(caller.company_id, hook_id, channel=self._channel)


def rest_hook_routes(
    context: PluginContext, *, channel: str, title: str, example: str = "https://hooks.example.com/catch/1"
) -> Routes:
    """Return the three calls under ``/api/v1/{channel}/hooks``.

    *title* is the platform's name in the documentation, *example* a target URL that the channel takes.
    """
    name = "".join(part.capitalize() for part in channel.replace("-", "_").split("_"))
    request = {"target_url": example, "event_types": ["*"]}
    examples = {"subscribe": {"summary": "every event type", "value": request}}
    routes = (
        Route(
            "POST",
            "",
            RestHookHandlers.subscribe,
            operation_id=f"create{name}Hook",
            status_code=201,
            response_model=SubscribedHook,
            summary=f"Subscribe from {title}",
            responses={200: {"model": SubscribedHook, "description": "The hook was there already"}},
            openapi_extra={
                "requestBody": {"content": {"application/json": {"examples": examples}}},
                LOCATION: "/api/v1/subscriptions/{id}",
            },
        ),
        Route(
            "GET",
            "",
            RestHookHandlers.list_hooks,
            operation_id=f"list{name}Hooks",
            response_model=HookList,
            summary=f"List the hooks of {title}",
        ),
        Route(
            "DELETE",
            "/{hook_id}",
            RestHookHandlers.unsubscribe,
            operation_id=f"delete{name}Hook",
            status_code=204,
            summary=f"Unsubscribe from {title}",
        ),
    )
    handlers = RestHookHandlers(context.subscriptions, context.events, channel=channel)
    return Routes(bind(handlers, routes, tags=[title]), prefix=f"/{channel}/hooks")


def _subscription_of(body: HookRequest) -> dict[str, Any]:
    """Convert a hook to a request for a subscription. Raises BodyInvalid unless it names its target and event types once."""
    urls = {name: url for name in _URLS if (url := getattr(body, name))}
    errors = _faults_unless_one(urls, "target_url", f"is required (or {' or '.join(_URLS[1:])})")
    types = {
        "event_type": [body.event_type] if body.event_type else None,
        "event_types": body.event_types,
    }
    chosen = {name: value for name, value in types.items() if value is not None}
    errors += _faults_unless_one(chosen, "event_type", "is required (or event_types)")
    if errors:
        raise BodyInvalid(errors)
    named = {name: getattr(body, name) for name in options.members_of_hook()}
    return {
        "target_url": next(iter(urls.values())),
        "event_types": next(iter(chosen.values())),
        **{name: value for name, value in named.items() if value not in ({}, None)},
    }


def _versions_of_app(caller: Caller, names: list[str], events: EventReader) -> dict[str, int]:
    """Return the versions that the platform's app was made for, if it sends them (``schemas.versions.HEADER``)."""
    if caller.made_for is None:
        return {}
    known = [kind.name for kind in events.types() if takes_type(names, kind.name)]
    return {name: choose(events.versions(name), caller.made_for.get(name, 1)) for name in known}


def _faults_unless_one(values: dict[str, Any], name: str, missing: str) -> list[FieldError]:
    if not values:
        return [FieldError(f"/{name}", missing)]
    first, *repeated = values
    return [FieldError(f"/{other}", f"says the same as {first}; send one of the two") for other in repeated]
