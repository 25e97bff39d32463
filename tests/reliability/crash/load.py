"""Load on a deployment that crashes meanwhile: writers that remember the answers."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import Any, NamedTuple

import aiohttp
import orjson
from actor import Actor
from calls import answer_of
from eraser import Eraser
from furniture import Furniture
from maker import Maker
from tenant import Tenant

from trunkline.schemas.files import load_event_types

WRITERS = (1, 1, 2, 3)
"""The company of each writer."""
REQUESTS = 9
STOPPING = "urn:trunkline:problem:stopping"
"""After this answer the outcome of a request is unknown, as it is without an answer."""
_TYPES = load_event_types(files("trunkline_schemas"))
_EXAMPLE = next(kind.example for kind in _TYPES if kind.name == "lead.created")


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a writer: the *count* events from number *first* on; one of them is invalid unless *is_valid*."""

    writer: int
    first: int
    count: int
    key: str | None
    is_valid: bool = True

    @property
    def numbers(self) -> range:
        """The events' numbers, unique for each writer."""
        return range(self.first, self.first + self.count)


EVENT = {"type": "lead.created", "payload": dict(_EXAMPLE)}


class Extras(NamedTuple):
    """Further activities in a case; None for an activity that does not pass the case's point."""

    actor: Actor | None
    eraser: Eraser | None
    tenant: Tenant | None
    maker: Maker | None


@dataclass(slots=True)
class Promises:
    """The hub's answers to the writers. An event is identified by (writer, number)."""

    accepted: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    """The envelope of each event answered with 2xx."""
    refused: set[tuple[int, int]] = field(default_factory=set)
    unanswered: list[Request] = field(default_factory=list)
    """Requests without an idempotency key whose connection broke: the log has all of their events or none."""
    surprises: list[str] = field(default_factory=list)
    retried: int = 0


class Load:
    """The writers, the keeper and the *extras* of one case, against the live process."""

    def __init__(self, case: int, chance: random.Random, *, extras: Extras) -> None:
        self.promises = Promises()
        self.extras = extras
        self._case = case
        self._chance = chance
        self._url = ""
        self._furniture: Furniture | None = None
        self._up = asyncio.Event()

    def connect(self, url: str, furniture: Furniture) -> None:
        """Send everything to *url* from now on."""
        self._url, self._furniture = url, furniture
        self._up.set()

    def disconnect(self) -> None:
        """Suspend everything until the next ``connect``."""
        self._up.clear()

    async def run(self) -> None:
        """Carry out the plan; the run ends only with a live process."""
        plans = [self._plan(writer) for writer in range(len(WRITERS))]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            await asyncio.gather(
                self._keep(session),
                *(self._write(session, plan, random.Random(self._chance.random())) for plan in plans),
                *(extra.run(partial(self._call, session)) for extra in self.extras if extra),
            )

    def _plan(self, writer: int) -> list[Request]:
        chance = self._chance
        requests: list[Request] = []
        first = writer * 1000
        for index in range(REQUESTS):
            count = 1 if chance.random() < 0.7 else chance.randint(2, 8)
            has_key = chance.random() < 0.7
            requests.append(
                Request(
                    writer,
                    first,
                    count,
                    f"{self._case}-{writer}-{index}" if has_key else None,
                    is_valid=chance.random() > 0.08,
                )
            )
            first += count
        return requests

    async def _write(
        self, session: aiohttp.ClientSession, plan: list[Request], chance: random.Random
    ) -> None:
        for request in plan:
            is_hasty = request.key is not None and chance.random() < 0.4
            await self._send(session, request, times=2 if is_hasty else 1)
            await asyncio.sleep(chance.uniform(0, 0.05))

    async def _send(self, session: aiohttp.ClientSession, request: Request, *, times: int) -> None:
        """Send *request*, *times* times at once, until all of them are answered.

        Without an idempotency key *times* must be 1, and a request without an answer is not sent again.
        """
        body = self._body(request)
        path = "/events" if request.count == 1 else "/events/batch"
        while True:
            try:
                calls = [
                    self._call(session, "POST", path, body, company=WRITERS[request.writer], key=request.key)
                    for _ in range(times)
                ]
                answers = await asyncio.gather(*calls)
            except (aiohttp.ClientError, TimeoutError):
                if request.key is None:
                    self.promises.unanswered.append(request)
                    return
                self.promises.retried += 1
                continue
            if request.key is not None and any(status == 503 for status, _ in answers):
                continue
            if request.is_valid and any(answer != answers[0][1] for _, answer in answers):
                self.promises.surprises.append(f"{request} was answered in two ways: {str(answers)[:400]}")
            self._note(request, *answers[0])
            return

    def _note(self, request: Request, status: int, answer: dict[str, Any]) -> None:
        promises = self.promises
        names = [(request.writer, number) for number in request.numbers]
        if status in {200, 201}:
            envelopes = [answer] if request.count == 1 else answer["events"]
            promises.accepted |= dict(zip(names, envelopes, strict=True))
        else:
            promises.refused |= set(names)
        if (status in {200, 201}) != request.is_valid and status != 503:
            promises.surprises.append(f"{request} was answered with {status}: {str(answer)[:200]}")

    async def _keep(self, session: aiohttp.ClientSession) -> None:
        """Pause and resume a subscription to make it catch up; replay three others, cancel the last replay, and replay one again."""
        await self._up.wait()
        assert self._furniture is not None
        ids = self._furniture.ids
        paused = f"/webhooks/subscriptions/{ids['/paused']}"
        answer: dict[str, Any] = {}
        for pause, method, template, body, company in (
            (0.05, "PATCH", paused, {"status": "paused"}, 3),
            (0.2, "PATCH", paused, {"status": "active"}, 3),
            (0.1, "POST", f"/webhooks/subscriptions/{ids['/all']}/replay", {}, 1),
            (0.05, "POST", f"/webhooks/subscriptions/{ids['/ordered']}/replay", {}, 2),
            (0.2, "POST", f"/webhooks/subscriptions/{ids['/paced']}/replay", {}, 1),
            (0.3, "DELETE", "/replays/{id}", {}, 1),
            (0.1, "POST", f"/webhooks/subscriptions/{ids['/all']}/replay", {}, 1),
        ):
            path = template.format(**answer)
            await asyncio.sleep(pause * self._chance.uniform(0.5, 1.5))
            call = partial(self._call, session)
            status, answer = await answer_of(call, method, path, body, company=company)
            if status >= 300:
                self.promises.surprises.append(f"{method} {path} was answered with {status}: {answer}")

    async def _call(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: bytes,
        *,
        company: int,
        key: str | None = None,
        base: str = "/api/v1",
        more: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        await self._up.wait()
        assert self._furniture is not None
        headers = {
            "X-Api-Key": self._furniture.keys[company],
            "Content-Type": "application/json",
            **(more or {}),
        }
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            async with session.request(
                method, f"{self._url}{base}{path}", data=body, headers=headers
            ) as answer:
                content = orjson.loads(await answer.read() or b"{}")
                if content.get("type") == STOPPING:
                    raise aiohttp.ServerDisconnectedError
                return answer.status, content
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.02)
            raise

    def _body(self, request: Request) -> bytes:
        events = [self._event(request.writer, number) for number in request.numbers]
        if not request.is_valid:
            del events[-1]["payload"]["client_id"]
        return orjson.dumps(events[0] if request.count == 1 else {"events": events})

    def _event(self, writer: int, number: int) -> dict[str, Any]:
        return {
            "type": "lead.created",
            "payload": dict(_EXAMPLE),
            "metadata": {
                "case": self._case,
                "writer": writer,
                "n": number,
                "amount": number * 37 % 100,
                "lane": number % 3,
            },
        }
