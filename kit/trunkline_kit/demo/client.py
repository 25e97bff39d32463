"""The API calls of the demo, as a product and its customer would make them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec

from trunkline.errors import TrunklineError

COMPANY_ID = 92
SCOPES = ("events:read", "events:write", "webhooks:write", "integrations:read", "integrations:write", "admin")
_SUBSCRIPTIONS = "/api/v1/webhooks/subscriptions"
_INTEGRATIONS = "/api/v1/integrations"


class ListedType(msgspec.Struct):
    """An event type, with its example as received bytes."""

    type: str
    title: str
    example: msgspec.Raw
    operational: bool


class _Types(msgspec.Struct):
    event_types: list[ListedType]


class Page(msgspec.Struct):
    """A page of the log, each envelope as received bytes."""

    events: list[msgspec.Raw]
    next_cursor: str


class Person(msgspec.Struct):
    """A lead or a client, as the answers of actions and searches show it."""

    client_id: int


class _SearchResults(msgspec.Struct):
    results: list[Person]


class Key(msgspec.Struct):
    """A new key."""

    id: str
    key: str


class _Problem(msgspec.Struct):
    detail: str = "no reason was given"


class DemoFailed(TrunklineError):
    """The hub refused a call of the demo, or did not answer the call."""


@dataclass(frozen=True, slots=True)
class Client:
    """Calls with one key. A failed call raises ``DemoFailed``."""

    http: httpx2.AsyncClient
    api_key: str

    async def create_key(self, name: str) -> Key:
        """Make a key for the company. Only an operator's key may do this."""
        body = {"company_id": COMPANY_ID, "name": name, "scopes": list(SCOPES)}
        return msgspec.json.decode(await self._call("POST", "/api/v1/keys", body=body), type=Key)

    async def revoke_key(self, key_id: str) -> None:
        """Revoke a key."""
        await self._call("DELETE", f"/api/v1/keys/{key_id}")

    async def event_types(self) -> list[ListedType]:
        """List every event type of the product."""
        listed = msgspec.json.decode(await self._call("GET", "/api/v1/event-types"), type=_Types).event_types
        return [kind for kind in listed if not kind.operational]

    async def subscribe(self, target_url: str) -> tuple[str, str]:
        """Subscribe *target_url* to every type; returns the subscription's id and its secret."""
        body = {"target_url": target_url, "event_types": ["*"], "description": "trunkline demo"}
        subscription = msgspec.json.decode(await self._call("POST", _SUBSCRIPTIONS, body=body))
        return subscription["id"], subscription["secret"]

    async def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription."""
        await self._call("DELETE", f"{_SUBSCRIPTIONS}/{subscription_id}")

    async def emit(self, event_type: str, payload: bytes, *, metadata: Mapping[str, str]) -> bytes:
        """Report an event; returns the envelope that was accepted."""
        body = {"type": event_type, "payload": msgspec.Raw(payload), "metadata": metadata}
        return await self._call("POST", "/api/v1/events", body=body)

    async def create_person(self, kind: str, fields: Mapping[str, str]) -> Person:
        """Make a lead or a client (*kind* is ``leads`` or ``clients``) by the action that creates it."""
        answer = await self._call("POST", f"{_INTEGRATIONS}/{kind}", body=fields)
        return msgspec.json.decode(answer, type=Person)

    async def find_clients(self, email: str) -> list[Person]:
        """Search for a client."""
        answer = await self._call("GET", f"{_INTEGRATIONS}/clients/search", query={"email": email})
        return msgspec.json.decode(answer, type=_SearchResults).results

    async def end_of_log(self) -> str:
        """Return a cursor near the end of the log.

        A few older events may follow the cursor, because clocks differ slightly; these events do no harm.
        """
        return (await self._page({"since": datetime.now(UTC).isoformat(), "limit": 1})).next_cursor

    async def poll(self, cursor: str, *, wait_seconds: int) -> Page:
        """Read the events after *cursor*; wait for the first one."""
        return await self._page({"cursor": cursor, "wait": wait_seconds, "limit": 200})

    async def _page(self, query: Mapping[str, str | int]) -> Page:
        return msgspec.json.decode(await self._call("GET", "/api/v1/events", query=query), type=Page)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> bytes:
        headers = {"X-Api-Key": self.api_key}
        content = None if body is None else msgspec.json.encode(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = await self.http.request(method, path, headers=headers, content=content, params=query)
        except httpx2.HTTPError as error:
            msg = f"The demo's call {method} {path} failed: {type(error).__name__}"
            raise DemoFailed(msg) from error
        if not answer.is_success:
            detail = msgspec.json.decode(answer.content, type=_Problem).detail
            msg = f"The demo's call {method} {path} was answered with {answer.status_code}: {detail}"
            raise DemoFailed(msg)
        return answer.content
