"""Calls that end before their answer: the client disconnects, or cancels (``notifications/cancelled``)."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from trunkline import Json

CANCELLED = -32800
"""The SDK's error code for a cancelled request that must have an answer; no client reads it."""
Key = tuple[object, ...]


class RunningCalls:
    """The calls that one process is answering.

    There are no sessions, so a call is identified by a key: its sender, the sender's address, and the id of its
    message. Each client counts ids from 1, so two calls may have the same key; then neither of them is cancelled.
    """

    def __init__(self) -> None:
        self._running: dict[Key, list[anyio.CancelScope]] = {}

    async def run(
        self, answer: Awaitable[None], receive: Receive, *, key: Key, is_sent: Callable[[], bool]
    ) -> bool:
        """Wait for *answer* until its client disconnects or cancels.

        Return False if the call was cancelled before *is_sent* returned True.

        Raises:
            ClientDisconnect: the client disconnected; the call was ended.
        """
        scope = anyio.CancelScope()
        alike = self._running.setdefault(key, [])
        alike.append(scope)
        leaving = asyncio.create_task(_end_when_left(receive, scope, is_sent))
        try:
            with scope:
                await answer
        finally:
            alike.remove(scope)
            if not alike:
                del self._running[key]
            has_left = leaving.done()
            leaving.cancel()
        if scope.cancelled_caught and has_left:
            raise ClientDisconnect
        return not scope.cancelled_caught

    def cancel(self, key: Key) -> None:
        """End the call with *key*, if it runs in this process."""
        alike = self._running.get(key, [])
        if len(alike) == 1:
            alike[0].cancel()


def cancelled_by(message: Json) -> str | int | None:
    """Return the id of the request that *message* cancels; None if the message is not a cancellation."""
    if not isinstance(message, dict) or message.get("method") != "notifications/cancelled":
        return None
    params = message.get("params")
    request_id = params.get("requestId") if isinstance(params, dict) else None
    return request_id if isinstance(request_id, str | int) else None


async def _end_when_left(receive: Receive, scope: anyio.CancelScope, is_sent: Callable[[], bool]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if not is_sent():  # a server also sends http.disconnect after a complete answer
        scope.cancel()
