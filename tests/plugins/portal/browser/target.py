"""The scripted receiver for tests with a synchronous browser: it runs in a separate thread."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from tests.waiting import wait_for

from trunkline_kit.receiver import Answer, ReceivedRequest, Receiver

Value = TypeVar("Value")


class Target:
    """The target of subscriptions, which also serves pages of another site."""

    def __init__(self, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> None:
        self._receiver = receiver
        self._loop = loop
        self.url = receiver.url

    @property
    def requests(self) -> list[ReceivedRequest]:
        return list(self._receiver.requests)

    def answer(
        self,
        status: int = 200,
        *,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        path: str | None = None,
    ) -> None:
        reply = Answer(status, headers or {}, body.encode())
        self._call(lambda: self._receiver.always(reply, path=path))

    def show(self, path: str, html: str) -> str:
        self.answer(body=html, headers={"content-type": "text/html; charset=utf-8"}, path=path)
        return path

    def wait_for(self, path: str, count: int = 1, *, seconds: float = 60) -> list[ReceivedRequest]:
        came = lambda: [request for request in self.requests if request.path == path]  # noqa: E731
        wait_for(f"{count} calls of {path}", lambda: len(came()) >= count, seconds=seconds)
        return came()

    def _call(self, function: Callable[[], Value]) -> Value:
        async def call() -> Value:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(60)


@contextmanager
def started_target() -> Iterator[Target]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="target", daemon=True)
    thread.start()
    receiver = Receiver()
    asyncio.run_coroutine_threadsafe(receiver.__aenter__(), loop).result(60)
    try:
        yield Target(receiver, loop)
    finally:
        asyncio.run_coroutine_threadsafe(receiver.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
