"""The means of a row's attack: the hub's address, keys of three companies, and a scripted target."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import orjson
from furniture import Company
from scale import Scale

from trunkline_kit.receiver import Receiver, Reply

PATIENCE_SECONDS = 30.0
_AT_ONCE = 4
LEAD = {
    "client_id": 1,
    "first_name": "Mallory",
    "last_name": "Doe",
    "email": "mallory@example.com",
    "phone": "+1 555-010-4477",
    "status": "Lead - New",
    "status_id": 10,
    "created_date": "2026-01-28T10:30:00Z",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The hub's answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


class Attack:
    """The means of one attack by *companies* that lasts *seconds*. Enter it to have connections."""

    def __init__(self, url: str, companies: list[Company], scale: Scale, *, seconds: float) -> None:
        self.url = url
        self.companies = companies
        self.scale = scale
        self.noted: Counter[str] = Counter()
        """Counts for the report: statuses, and a row's own notes."""
        self._keys = [itertools.cycle(company.keys) for company in companies]
        self._ends_at = time.monotonic() + seconds

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            connector = aiohttp.TCPConnector(limit=0, force_close=False)
            timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
            self.http = await stack.enter_async_context(
                aiohttp.ClientSession(connector=connector, timeout=timeout)
            )
            self.receiver = await stack.enter_async_context(Receiver(record=False))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        if self.receiver.count:
            self.noted["pushes"] = self.receiver.count
        await self._stack.aclose()

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self._ends_at

    def size(self, whole: int, part: int) -> int:
        return whole if self.scale.is_whole else part

    def key(self, company: int = 0) -> str:
        """Give the next key of the first, second or third attacking company."""
        return next(self._keys[company])

    def target(self, reply: Reply, *, path: str = "/") -> str:
        self.receiver.always(reply, path=path)
        return f"{self.receiver.url}{path}"

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        company: int = 0,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        base: str = "/api/v1",
    ) -> Answer:
        """Call the API, or another *base*, with a key of *company*."""
        sent = {"X-Api-Key": key or self.key(company), "Content-Type": "application/json"} | dict(
            headers or {}
        )
        content = data if data is not None else None if body is None else orjson.dumps(body)
        return await self.ask(method, f"{base}{path}", data=content, headers=sent)

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request without a key; an error is an answer with status 0."""
        try:
            async with self.http.request(method, f"{self.url}{path}", **options) as answer:
                found = Answer(answer.status, await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            self.noted[type(error).__name__] += 1
            return Answer(0, b"")
        self.noted[str(found.status)] += 1
        return found

    async def subscribe(
        self,
        count: int,
        url_of: Callable[[int], str],
        *,
        company: int = 0,
        at_once: int = _AT_ONCE,
        **more: Any,
    ) -> list[str]:
        """Make *count* subscriptions to everything; return the ids of the successful ones."""
        numbers = iter(range(count))
        ids: list[str] = []

        async def make() -> None:
            for number in numbers:
                request = {"target_url": url_of(number), "event_types": ["*"], **more}
                answer = await self.call("POST", "/webhooks/subscriptions", request, company=company)
                if answer.status == 201:
                    ids.append(answer.json()["id"])

        await asyncio.gather(*(make() for _ in range(at_once)))
        self.noted["subscriptions"] += len(ids)
        return ids

    async def subscribe_dearly(
        self, count: int, url_of: Callable[[int], str], clauses: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """Make *count* subscriptions that match any of *clauses*; return the ids.

        A filter has as many of *clauses* as the limits of a filter's cost allow.
        """
        ids: list[str] = []
        for size in dict.fromkeys(min(size, len(clauses)) for size in (100, 50, 30, 20, 10, 5, 1)):
            condition, asked, made = {"any": clauses[:size]}, 0, list[str]()
            while len(made) == asked and len(ids) < count:  # a refused call counts as a call, too
                asked = min(_AT_ONCE, count - len(ids))
                made = await self.subscribe(asked, url_of, filter=condition)
                self.noted["clauses"] += len(made) * size
                ids += made
        return ids

    async def path_of_subscription(self) -> str:
        """Give the path of the first company's only subscription."""
        answer = await self.call("GET", "/webhooks/subscriptions")
        return f"/webhooks/subscriptions/{answer.json()['subscriptions'][0]['id']}"

    async def flood(
        self, url_of: Callable[[int], str], *, events: int, pause_seconds: float = 0.5, **more: Any
    ) -> None:
        """Make a hundred subscriptions, and emit batches of *events* for them until time is up."""
        await self.subscribe(100, url_of, **more)
        await self.repeat(lambda _: self.emit(events), pause_seconds=pause_seconds)

    async def emit(self, count: int, *, company: int = 0, **payload: Any) -> Answer:
        events = [
            {"type": "lead.created", "payload": {**LEAD, "client_id": n + 1, **payload}} for n in range(count)
        ]
        return await self.call("POST", "/events/batch", {"events": events}, company=company)

    async def repeat(
        self, act: Callable[[int], Awaitable[object]], *, at_once: int = 1, pause_seconds: float = 0.02
    ) -> None:
        """Repeat *act* until time is up, in *at_once* tasks; *act* gets the number of the repetition."""
        turns = itertools.count()

        async def work() -> None:
            while self.goes_on:
                await act(next(turns))
                await asyncio.sleep(pause_seconds)

        await asyncio.gather(*(work() for _ in range(at_once)))

    async def rest(self) -> None:
        await asyncio.sleep(max(self._ends_at - time.monotonic(), 0))

    async def pause(self, seconds: float) -> None:
        """Wait for *seconds*, or until a second before the end if that is earlier."""
        await asyncio.sleep(max(min(seconds, self._ends_at - time.monotonic() - 1), 0))

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            yield reader, writer
        finally:
            writer.close()
