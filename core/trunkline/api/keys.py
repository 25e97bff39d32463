"""API keys over HTTP: who am I, and making, listing and revoking keys."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from starlette.responses import JSONResponse, Response

from trunkline.access.key_terms import DEFAULT_OVERLAP_SECONDS, MAX_NETWORKS, MAX_OVERLAP_SECONDS
from trunkline.api.company_names import PLATFORM, KeyOwner
from trunkline.api.models import InTest, Maker
from trunkline.api.paging import ListQuery, page_of
from trunkline.api.requests import LOCATION
from trunkline.api.routing import route
from trunkline.api.security import COMPANY_HEADER, Caller, Requires, requires
from trunkline.contract import ApiKeys, Subscriptions
from trunkline.errors import BodyInvalid, FieldError
from trunkline.model.environments import company_number, environment_member
from trunkline.model.principals import ADMIN, COMPANY_SCOPES, OPERATOR

Anyone = Annotated[Caller, Depends(Requires(None, bucket=None, for_emitters=True))]
_SCOPES = ", ".join(f"`{scope}`" for scope in COMPANY_SCOPES)
_EXAMPLE: JsonDict = {
    "id": "key_5f0c9a2d1e83c55b4f0c9a2d",
    "company_id": 92,
    "name": "Zapier",
    "scopes": ["events:read", "webhooks:write"],
    "last4": "k3Qw",
    "created_utc": "2026-01-28T10:30:00Z",
    "created_by": {"kind": "operator", "id": "key_9d1e83c55b4f0c9a2d5f0c9a"},
    "last_used_utc": "2026-01-29T08:00:12.5Z",
    "revoked_utc": None,
    "expires_utc": None,
    "allowed_networks": [],
}


class Me(BaseModel):
    """The key of the call."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"company_id": 92, "key_name": "Zapier", "scopes": ["events:read"]}]}
    )

    company_id: int | None = Field(description="null for a key of no company")
    environment: InTest = None
    key_name: str
    scopes: list[str]


class KeyRequest(BaseModel):
    """A key to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"company_id": 92, "name": "Zapier", "scopes": ["events:read", "webhooks:write"]}]
        },
    )

    company_id: KeyOwner = Field(
        description="the company of the key: its id or its reference; 0 for a key of no company"
    )
    name: str = Field(min_length=1, max_length=200, description="purpose of the key, in the company's words")
    environment: Literal["live", "test"] | None = Field(
        default=None,
        description="the company's environment that the key is for; that of the header X-Environment, or `live`, if absent",
    )
    scopes: list[str] = Field(
        max_length=50,
        description=f"what it may do: {_SCOPES}; of no company `operator`, which may do everything, or `events:write`, which emits "
        "events of every company and does nothing else",
    )
    expires_utc: str | None = Field(default=None, description="when it expires, ISO 8601; never, if absent")
    allowed_networks: list[str] = Field(
        default=[],
        max_length=MAX_NETWORKS,
        description=f"addresses and networks from which it may be used, at most {MAX_NETWORKS}; any, if empty",
    )


class KeyRotation(BaseModel):
    """The rotation of a key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_seconds": 3600}]})

    overlap_seconds: int = Field(
        default=DEFAULT_OVERLAP_SECONDS,
        ge=0,
        le=MAX_OVERLAP_SECONDS,
        strict=True,
        description="how long the old key is valid beside the new one; 0 revokes it at once",
    )


_A_DAY = KeyRotation()


class KeyView(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    company_id: int | None = Field(description="null for a key of no company")
    environment: InTest = None
    name: str
    scopes: list[str]
    last4: str = Field(description="last characters of the key, to recognise it")
    created_utc: str
    created_by: Maker | None = Field(description="who made it; null if unknown")
    last_used_utc: str | None = Field(description="exact to five minutes; null if never used")
    revoked_utc: str | None = Field(description="null while it is valid")
    expires_utc: str | None = Field(description="when it expires or has expired; null for never")
    allowed_networks: list[str] = Field(description="networks from which it may be used; any, if empty")


class NewKey(KeyView):
    """A key that was just made, with its secret, which is never shown again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _EXAMPLE
                | {
                    "last_used_utc": None,
                    "key": "trunkline_live_92_Jx2yV0o5m1dH8rQfYw3tZb7nKc9uLe4aSg6iPhDk3Qw",
                }
            ]
        }
    )

    key: str = Field(description="the key itself; store it now")


class KeyList(BaseModel):
    """Keys, oldest first, revoked ones included."""

    keys: list[KeyView]
    count: int
    next_cursor: str | None = Field(description="null on the last page")


class DisabledSubscriptions(BaseModel):
    """The number of subscriptions that were disabled with a key."""

    subscriptions_disabled: int


class KeyHandlers:
    """Answers the calls on API keys."""

    def __init__(self, keys: ApiKeys, subscriptions: Subscriptions) -> None:
        self._keys = keys
        self._subscriptions = subscriptions

    @route("GET", "/me", response_model=Me, summary="Show whose key this is")
    async def get_me(self, caller: Anyone) -> dict[str, Any]:
        """Show the key of the call; any valid key may call.

        Platforms use the answer to test a connection and to label it.
        """
        principal = caller.principal
        company_id = principal.company_id
        return {
            "company_id": company_id and company_number(company_id),
            **environment_member(company_id or 0),
            "key_name": principal.name,
            "scopes": sorted(principal.scopes),
        }

    @route(
        "POST", "/keys", openapi_extra={LOCATION: "/api/v1/keys/{id}"}, status_code=201, summary="Make a key"
    )
    async def create_key(
        self, body: KeyRequest, caller: Annotated[Caller, Depends(requires(OPERATOR, bucket="admin"))]
    ) -> NewKey:
        """Make a key for a company, or an operator's key, which has no company. The key is shown only in this answer."""
        view, key = await self._keys.create(
            await _owner_of(body, caller),
            name=body.name,
            scopes=body.scopes,
            expires_utc=body.expires_utc,
            networks=body.allowed_networks,
        )
        return NewKey(**view, key=key)

    @route("GET", "/keys", summary="List keys")
    async def list_keys(
        self, caller: Annotated[Caller, Depends(requires(ADMIN))], query: Annotated[ListQuery, Query()]
    ) -> KeyList:
        """List the company's keys.

        An operator who names no company gets the keys of every company, in both environments.
        """
        keys = await self._keys.list(caller.named_company_id)
        views, cursor = page_of(keys, query, name=lambda view: view["id"])
        return KeyList(keys=[KeyView(**view) for view in views], count=len(views), next_cursor=cursor)

    @route(
        "POST",
        "/keys/{key_id}/rotate",
        openapi_extra={LOCATION: "/api/v1/keys/{id}"},
        status_code=201,
        summary="Replace a key, with an overlap",
    )
    async def rotate_key(
        self,
        key_id: str,
        caller: Annotated[Caller, Depends(requires(ADMIN, bucket="admin"))],
        body: KeyRotation = _A_DAY,
    ) -> NewKey:
        """Make a key's successor with the same name, scopes and networks. The old key stays valid during the overlap.

        The caller's own key must have every scope of the new key.
        """
        view, key = await self._keys.rotate(
            key_id,
            company_id=caller.named_company_id,
            by=caller.principal,
            overlap_seconds=body.overlap_seconds,
        )
        return NewKey(**view, key=key)

    @route(
        "DELETE",
        "/keys/{key_id}",
        status_code=204,
        response_class=Response,
        summary="Revoke a key",
        responses={200: {"model": DisabledSubscriptions}},
    )
    async def revoke_key(
        self,
        key_id: str,
        caller: Annotated[Caller, Depends(requires(ADMIN))],
        also: Annotated[
            Literal["subscriptions"] | None,
            Query(
                alias="with", description="`subscriptions`: also disable the subscriptions that the key made"
            ),
        ] = None,
    ) -> Response:
        """Revoke a key of the company, at once and permanently. An operator may revoke any key.

        Apps that the key connected are disconnected. With `?with=subscriptions` the subscriptions that the key made are
        disabled, and the answer is 200 with their number.
        """
        company_id = caller.named_company_id
        await self._keys.revoke(key_id, company_id=company_id)
        if also is None:
            return Response(status_code=204)
        disabled = await self._subscriptions.disconnect(company_id, maker_id=key_id)
        return JSONResponse({"subscriptions_disabled": disabled})


async def _owner_of(body: KeyRequest, caller: Caller) -> int | None:
    """Return the owner of the new key: a company, or None for the platform. Raises as ``Caller.company_named`` does."""
    if body.company_id != PLATFORM:
        return await caller.company_named(body.company_id, path="/company_id", environment=body.environment)
    faults = []
    if caller.named_company_id is not None:
        faults.append(FieldError("/company_id", f"is not the company of the {COMPANY_HEADER} header"))
    if body.environment is not None:
        faults.append(
            FieldError("/environment", "must be left out: a key of no company is for both environments")
        )
    if faults:
        raise BodyInvalid(faults)
    return None
