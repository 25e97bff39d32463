"""The demo's scenario: actions make a lead and a client, a product reports an event of each other type, and a customer
receives all of them by webhook and by polling.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import standardwebhooks

from trunkline_kit.demo.client import Client, Person
from trunkline_kit.demo.progress import Progress, Summary, summarize
from trunkline_kit.receiver import Answer, ReceivedRequest, Receiver

LIMIT_SECONDS = 20.0
"""Time limit for events that have not arrived."""

REFUSAL = Answer(500, body=b"the demo fails once, on purpose")
_POLL_SECONDS = 10
_KINDS = {"lead.created": "leads", "client.created": "clients"}
"""The event types that actions emit, each with the kind of record that the action makes."""


class _Envelope(msgspec.Struct):
    """The members of an envelope that the demo reads."""

    id: int
    type: str


class Scenario:
    """Acts as the product and as its customer. *secret* is the subscription's secret.

    *run* is the receiver's path, and marks the events of this run, in the metadata or in an email address: the database may
    hold events of other runs. *on_change* is called after each change.
    """

    def __init__(
        self,
        client: Client,
        receiver: Receiver,
        *,
        run: str,
        secret: str,
        on_change: Callable[[Progress], None],
    ) -> None:
        self.rows: dict[str, Progress] = {}
        self._client = client
        self._receiver = receiver
        self._run = run
        self._path = f"/{run}"
        self._verifier = standardwebhooks.Webhook(secret)
        self._on_change = on_change
        self._started: dict[str, float] = {}
        self._seen = 0
        self._has_refused = False
        self._payloads: dict[str, bytes] = {}
        self._persons: dict[str, Person] = {}

    async def prepare(self) -> None:
        """Read the event types, and make the receiver fail on the first push."""
        for kind in await self._client.event_types():
            self.rows[kind.type] = Progress(kind.type, kind.title)
            self._payloads[kind.type] = bytes(kind.example)
        self._receiver.script([REFUSAL], path=self._path)

    async def play(self, *, pause_seconds: float) -> Summary:
        """Cause each event, *pause_seconds* apart, and follow it until it is accepted, pushed and polled."""
        began = time.monotonic()
        cursor = await self._client.end_of_log()
        followers = [asyncio.create_task(self.follow_pushes()), asyncio.create_task(self._follow_log(cursor))]
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                for row in self.rows.values():
                    await self._cause(row)
                    await asyncio.sleep(pause_seconds)
                await self._all_done(followers)
        except TimeoutError:
            pass  # the summary shows the missing steps
        finally:
            for task in followers:
                task.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
        matches = None
        if client := self._persons.get("clients"):
            matches = await self._client.find_clients(self._email_of("clients")) == [client]
        return summarize(self.rows.values(), search_matches=matches, seconds=time.monotonic() - began)

    async def follow_pushes(self, on_new: Callable[[Progress], None] | None = None) -> None:
        """Note each push as it comes; call *on_new* for pushes of other events. Never ends."""
        while True:
            while self._seen < len(self._receiver.requests):
                request = self._receiver.requests[self._seen]
                self._seen += 1
                if request.path == self._path:
                    self._note_push(request, on_new)
            await self._receiver.wait_for(self._seen + 1, timeout_seconds=float(10**9))

    async def _cause(self, row: Progress) -> None:
        self._started[row.event_type] = time.monotonic()
        if kind := _KINDS.get(row.event_type):
            person = {"first_name": "Jane", "last_name": "Doe", "email": self._email_of(kind)}
            self._persons[kind] = await self._client.create_person(kind, person)
        else:
            metadata = {"source": "demo", "demo_run": self._run}
            payload = self._payloads[row.event_type]
            row.accepted_body = await self._client.emit(row.event_type, payload, metadata=metadata)
            row.event_id = msgspec.json.decode(row.accepted_body, type=_Envelope).id
        row.accepted_ms = self._since_start(row)
        self._on_change(row)

    def _email_of(self, kind: str) -> str:
        return f"{kind}.{self._run}@example.com"

    async def _all_done(self, followers: list[asyncio.Task[None]]) -> None:
        while not all(row.is_done for row in self.rows.values()):
            for task in followers:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)

    def _note_push(self, request: ReceivedRequest, on_new: Callable[[Progress], None] | None) -> None:
        envelope = msgspec.json.decode(request.body, type=_Envelope)
        row = self._row_of(envelope, request.body)
        if row is None:
            if on_new is not None:
                genuine = self._is_genuine(request)
                on_new(Progress(envelope.type, "", event_id=envelope.id, verified=genuine, attempts=1))
            return
        row.event_id = envelope.id
        row.attempts += 1
        if self._has_refused:
            row.verified = self._is_genuine(request)
            row.pushed_ms = request.received_at / 1e6 - self._started[row.event_type] * 1e3
            row.pushed_body = request.body
        self._has_refused = True
        self._on_change(row)

    def _row_of(self, envelope: _Envelope, body: bytes) -> Progress | None:
        return self.rows.get(envelope.type) if self._run.encode() in body else None

    def _is_genuine(self, request: ReceivedRequest) -> bool:
        with suppress(standardwebhooks.WebhookVerificationError, ValueError):
            self._verifier.verify(request.body, dict(request.headers))
            return True
        return False

    async def _follow_log(self, cursor: str) -> None:
        while True:
            page = await self._client.poll(cursor, wait_seconds=_POLL_SECONDS)
            cursor = page.next_cursor
            for body in map(bytes, page.events):
                envelope = msgspec.json.decode(body, type=_Envelope)
                if (row := self._row_of(envelope, body)) is not None:
                    row.event_id = envelope.id
                    row.polled_ms = self._since_start(row)
                    row.polled_body = body
                    self._on_change(row)

    def _since_start(self, row: Progress) -> float:
        return (time.monotonic() - self._started[row.event_type]) * 1e3
