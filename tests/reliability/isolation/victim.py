"""The victim: a company that posts, polls, gets pushes, reads its subscription and opens the portal. It measures the time of each."""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

import aiohttp
import orjson
from attack import LEAD
from furniture import Furniture

from trunkline_kit.receiver import ReceivedRequest, Receiver, Reply

PATIENCE_SECONDS = 15.0
_CSRF = re.compile(r'<input type="hidden" name="csrf" value="([^"]*)"')
_EVENT = {"type": "lead.created", "payload": LEAD}


@dataclass(frozen=True, slots=True)
class Sample:
    """One call, or one event from its POST to the target: start, duration and outcome."""

    kind: str
    at: float
    seconds: float
    fault: str = ""


class Target(Receiver):
    """The target of the victim's events; it notes the first arrival of each."""

    def __init__(self) -> None:
        super().__init__(record=False)
        self.arrivals: dict[int, float] = {}

    def _received(self, request: ReceivedRequest) -> Reply:
        self.arrivals.setdefault(int(request.headers["webhook-id"]), request.received_at / 1e9)
        return super()._received(request)


class Victim:
    """Makes ordinary calls at a steady pace within its limits, whatever the answers."""

    def __init__(self, url: str, furniture: Furniture, target: Target) -> None:
        self._url = url
        self._furniture = furniture
        self._target = target
        self._portal_key, *keys = furniture.victim.keys
        self._keys = itertools.cycle(keys)
        self._cursor: str | None = None
        self._posted: dict[int, float] = {}
        self._calls: list[Sample] = []
        self._under_way: dict[int, tuple[str, float]] = {}
        self._numbers = itertools.count()

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        self._target.arrivals.clear()
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        jar = aiohttp.CookieJar(unsafe=True)  # accept cookies of an IP address
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=jar) as session:
            await self._sign_in(session)
            await self._page(session)  # the first page compiles the templates
            work: list[tuple[float, str, Callable[[aiohttp.ClientSession], Awaitable[str]]]] = [
                (0.2, "post", self._post),
                (0.15, "poll", self._poll),
                (0.3, "read", self._read),
                (1.25, "page", self._page),
            ]
            tasks = [asyncio.create_task(self._repeat(session, *each)) for each in work]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def samples(self) -> list[Sample]:
        """Give all calls and pushes so far; an unfinished one counts with its waiting time so far."""
        now = time.monotonic()
        waiting = [Sample(kind, at, now - at) for kind, at in self._under_way.values()]
        pushes = [
            Sample("push", at, self._target.arrivals.get(event, now) - at)
            for event, at in self._posted.items()
        ]
        return self._calls + waiting + pushes

    @property
    def waits_seconds(self) -> float:
        """The waiting time of the oldest call in flight."""
        return time.monotonic() - min((at for _, at in self._under_way.values()), default=time.monotonic())

    async def _repeat(
        self,
        session: aiohttp.ClientSession,
        pause_seconds: float,
        kind: str,
        act: Callable[[aiohttp.ClientSession], Awaitable[str]],
    ) -> None:
        """Call *act* every *pause_seconds*, without waiting for the previous call, so that a slow hub is not called less often."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._timed(session, kind, act))
                await asyncio.sleep(pause_seconds)

    async def _timed(
        self,
        session: aiohttp.ClientSession,
        kind: str,
        act: Callable[[aiohttp.ClientSession], Awaitable[str]],
    ) -> None:
        at = time.monotonic()
        number = next(self._numbers)
        self._under_way[number] = kind, at
        try:
            fault = await act(session)
        except (aiohttp.ClientError, TimeoutError) as error:
            fault = f"{type(error).__name__} {error}".strip()
        del self._under_way[number]
        self._calls.append(Sample(kind, at, time.monotonic() - at, fault))

    async def _post(self, session: aiohttp.ClientSession) -> str:
        at = time.monotonic()
        status, body = await self._call(session, "POST", "/events", _EVENT)
        if status != 201:
            return f"{status} {body[:200]!r}"
        self._posted[orjson.loads(body)["id"]] = at
        return ""

    async def _poll(self, session: aiohttp.ClientSession) -> str:
        cursor = f"&cursor={self._cursor}" if self._cursor else ""
        status, body = await self._call(session, "GET", f"/events?limit=50{cursor}")
        if status != 200:
            return f"{status} {body[:200]!r}"
        self._cursor = orjson.loads(body)["next_cursor"]
        return ""

    async def _read(self, session: aiohttp.ClientSession) -> str:
        path = f"/webhooks/subscriptions/{self._furniture.subscription_id}"
        status, body = await self._call(session, "GET", path)
        return "" if status == 200 else f"{status} {body[:200]!r}"

    async def _page(self, session: aiohttp.ClientSession) -> str:
        address = f"{self._url}/portal/companies/{self._furniture.victim.id}/events"
        async with session.get(address, allow_redirects=False) as answer:
            await answer.read()
            return "" if answer.status == 200 else f"{answer.status} from the portal"

    async def _call(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None
    ) -> tuple[int, bytes]:
        headers = {"X-Api-Key": next(self._keys), "Content-Type": "application/json"}
        data = None if body is None else orjson.dumps(body)
        async with session.request(method, f"{self._url}/api/v1{path}", data=data, headers=headers) as answer:
            return answer.status, await answer.read()

    async def _sign_in(self, session: aiohttp.ClientSession) -> None:
        address = f"{self._url}/portal/sign-in"
        async with session.get(address) as form:
            found = _CSRF.search(await form.text())
        assert found is not None
        fields = {"csrf": unescape(found[1]), "key": self._portal_key, "next": "/portal"}
        async with session.post(address, data=fields, allow_redirects=False) as answer:
            if answer.status != 303:
                msg = f"the victim cannot sign in: {answer.status}"
                raise RuntimeError(msg)
