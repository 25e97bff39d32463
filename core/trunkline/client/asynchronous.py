"""The client for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, Self

import httpx2

from trunkline.client import calls
from trunkline.client.calls import Attempts, Call
from trunkline.client.errors import HubError
from trunkline.client.events import Event, Places
from trunkline.client.following import Following


class AsyncClient:
    """Calls one hub with one key. Enter it, or await ``close`` in the end.

    Every call raises ``HubError`` where the hub refuses it. What writes carries an idempotency key, so it is tried again
    by itself while the hub is away or busy; give a key of your own to make it safe across restarts of your program too.

    A company's key has its environment; with an operator's, *environment* (``live`` or ``test``) says which the calls are for.
    """

    def __init__(
        self, url: str, key: str, *, timeout_seconds: float = 15, environment: str | None = None
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=url, headers=calls.default_headers(key, environment=environment)
        )
        self._timeout_seconds = timeout_seconds
        self._listed: dict[str, Sequence[Mapping[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def follow(
        self,
        places: Places | None = None,
        *,
        types: Iterable[str] = (),
        since: str | None = None,
        wait_seconds: float = 30,
    ) -> AsyncGenerator[Event]:
        """Give every event after the stored place, oldest first, and wait for those to come; it never ends.

        Without a stored place it begins at *since* (ISO 8601), or at the oldest event that the hub keeps. While the hub
        is away or busy it waits and goes on.

        Raises:
            HubError: the hub refuses: the key, a type's name, a place that is older than what the hub keeps.
        """
        following = Following(places, types=types, since=since, wait_seconds=wait_seconds)
        while True:
            answer = await self._call(following.next_page(), tries=None, longer_seconds=wait_seconds)
            for event in following.events(answer):
                yield event

    async def emit(
        self,
        type: str,
        payload: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        company_id: int | str | None = None,
        idempotency_key: str | None = None,
    ) -> Event:
        """Put an event on the stream and give it as it was stored. Only an operator's key needs *company_id*, an id or a reference.

        Raises:
            EventQuarantined: it breaks its schema, and is kept aside.
        """
        call = calls.emit(
            type, payload, metadata=metadata, company_id=company_id, idempotency_key=idempotency_key
        )
        return calls.emitted(await self._call(call))

    async def act(self, name: str, *, idempotency_key: str | None = None, **values: Any) -> dict[str, Any]:
        """Carry out the action *name*: ``await hub.act("create_lead", first_name="Jane", …)``; gives its output.

        Raises:
            LookupError: there is no such action.
        """
        action = calls.find(name, await self._definitions("actions"), kind="action")
        return dict(await self._call(calls.act(action, values, idempotency_key=idempotency_key)))

    async def search(self, name: str, **values: Any) -> dict[str, Any] | None:
        """Find a record: ``await hub.search("find_client", email="jane@example.com")``; None where there is none.

        Raises:
            LookupError: there is no such search.
        """
        search = calls.find(name, await self._definitions("searches"), kind="search")
        try:
            return calls.found(search, await self._call(calls.search(search, values)))
        except HubError as error:
            if calls.is_missing(search, error):
                return None
            raise

    async def search_all(self, name: str, **values: Any) -> AsyncGenerator[dict[str, Any]]:
        """Give every record that a search finds, page by page: ``async for client in hub.search_all("list_clients")``.

        Raises:
            LookupError: there is no such search.
        """
        search = calls.find(name, await self._definitions("searches"), kind="search")
        while True:
            answer = await self._call(calls.search(search, values))
            for item in calls.items(answer):
                yield dict(item)
            if not (cursor := answer.get("next_cursor")):
                return
            values["cursor"] = cursor

    async def lookup(self, name: str, query: str | None = None) -> AsyncGenerator[dict[str, Any]]:
        """Give every item of a list: ``hub.lookup("employees")``, or those that *query* finds."""
        cursor: str | None = None
        while True:
            answer = await self._call(calls.lookup(name, query=query, cursor=cursor))
            for item in calls.items(answer):
                yield dict(item)
            if not (cursor := answer.get("next_cursor")):
                return

    async def _definitions(self, kind: str) -> Sequence[Mapping[str, Any]]:
        if kind not in self._listed:
            self._listed[kind] = (await self._call(calls.listed(kind)))[kind]
        return self._listed[kind]

    async def _call(self, call: Call, *, tries: int | None = calls.TRIES, longer_seconds: float = 0) -> Any:
        """Make *call* until it is answered or fails for good, *tries* times at most (None: for ever)."""
        attempts = Attempts(tries)
        while True:
            try:
                return await self._send(call, longer_seconds)
            except HubError as error:
                await asyncio.sleep(attempts.wait_after(error))

    async def _send(self, call: Call, longer_seconds: float) -> Any:
        try:
            answer = await self._http.request(
                **call.arguments(), timeout=self._timeout_seconds + longer_seconds
            )
        except httpx2.HTTPError as error:
            raise calls.unreachable(error) from error
        return calls.read(answer.status_code, answer.headers, answer.content)
