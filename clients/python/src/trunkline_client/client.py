"""The two clients. They have the same methods; one makes blocking calls, the other uses asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from trunkline_client import steps
from trunkline_client.errors import HubError, Unanswered
from trunkline_client.hub import Hub
from trunkline_client.steps import Answer, Call, Done, Item, Pause
from trunkline_client.version import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from typing_extensions import Self

    from trunkline_client.steps import Steps, Stream

T = TypeVar("T")


class Client(Hub):
    """Calls one hub with one API key or access token, in blocking calls. Use it in a ``with`` block, or call ``close`` at the end.

    A call that the hub refuses raises ``Refused``. A call without an answer raises ``Unanswered``; if it is idempotent,
    it is first retried three times. Pass ``idempotency_key`` to make a call safe across restarts of your program too.
    With an operator's key, *company* (an id or a reference) and *environment* (``live`` or ``test``) choose the
    company.

    Raises ValueError: *url* is not an HTTP URL, or the key, the company or the environment has a space, a line end, or a
    character outside of ASCII.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_seconds: float = 15,
        environment: str | None = None,
        company: int | str | None = None,
    ) -> None:
        super().__init__()
        self._http = httpx2.Client(base_url=_base_of(url), headers=_headers(key, environment, company))
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, asked: Steps[T]) -> T:
        """Carry out steps and return their final value."""
        step = steps.resume(asked)
        while not isinstance(step, Done):
            step = steps.resume(asked, self._carry_out(step))
        return step.value

    def iterate(self, asked: Stream[T]) -> Generator[T, None, None]:
        """Carry out steps and yield their items."""
        step = steps.resume(asked)
        try:
            while not isinstance(step, Done):
                if isinstance(step, Item):
                    yield step.value
                    step = steps.resume(asked)
                else:
                    step = steps.resume(asked, self._carry_out(step))
        finally:
            asked.close()

    def _carry_out(self, step: Call | Pause | Item[Any]) -> Answer | HubError | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        assert isinstance(step, Call)
        try:
            answer = self._http.request(**_request(step, self._timeout_seconds))
            return steps.read(answer.status_code, answer.headers, answer.content)
        except httpx2.HTTPError as error:
            return _unreachable(error)
        except HubError as error:
            return error


class AsyncClient(Hub):
    """``Client`` for asyncio: its methods are awaited, or iterated by ``async for``."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_seconds: float = 15,
        environment: str | None = None,
        company: int | str | None = None,
    ) -> None:
        super().__init__()
        self._http = httpx2.AsyncClient(base_url=_base_of(url), headers=_headers(key, environment, company))
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, asked: Steps[T]) -> T:
        """Carry out steps and return their final value."""
        step = steps.resume(asked)
        while not isinstance(step, Done):
            step = steps.resume(asked, await self._carry_out(step))
        return step.value

    async def iterate(self, asked: Stream[T]) -> AsyncGenerator[T, None]:
        """Carry out steps and yield their items."""
        step = steps.resume(asked)
        try:
            while not isinstance(step, Done):
                if isinstance(step, Item):
                    yield step.value
                    step = steps.resume(asked)
                else:
                    step = steps.resume(asked, await self._carry_out(step))
        finally:
            asked.close()

    async def _carry_out(self, step: Call | Pause | Item[Any]) -> Answer | HubError | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        assert isinstance(step, Call)
        try:
            answer = await self._http.request(**_request(step, self._timeout_seconds))
            return steps.read(answer.status_code, answer.headers, answer.content)
        except httpx2.HTTPError as error:
            return _unreachable(error)
        except HubError as error:
            return error


def _base_of(url: str) -> httpx2.URL:
    with contextlib.suppress(ValueError, httpx2.InvalidURL):
        if urlsplit(url).hostname and url.startswith(("http://", "https://")):
            return httpx2.URL(url)
    msg = f"the hub's URL must be of the form http://HOST or https://HOST, not '{url}'"
    raise ValueError(msg)


def _headers(key: str, environment: str | None, company: int | str | None) -> dict[str, str]:
    named = {"X-Environment": environment, "X-Company-Id": company}
    given = {name: str(value) for name, value in named.items() if value is not None}
    for name, value in {"key": key, **given}.items():
        if not (value.isascii() and value.isprintable()) or " " in value:  # the key stays out of the message
            msg = f"{name} has a space, a line end, or a character outside of ASCII"
            raise ValueError(msg)
    return {
        "Authorization": f"Bearer {key}",
        "User-Agent": f"trunkline-client/{__version__}",
        **given,
    }


def _request(call: Call, timeout_seconds: float) -> dict[str, Any]:
    return {
        "method": call.method,
        "url": call.path,
        "params": call.query,
        "content": call.body,
        "headers": call.headers,
        "timeout": timeout_seconds + call.longer_seconds,
    }


def _unreachable(error: httpx2.HTTPError) -> Unanswered:
    unanswered = Unanswered(0, f"the hub cannot be reached: {error or type(error).__name__}")
    unanswered.__cause__ = error
    return unanswered
