"""Sends correct and slightly wrong events to a receiver.

Each event goes through ``outbound.push`` and ``outbound`` like a delivery, and is marked as a test: ``webhook-id``
begins with ``test_``, ``metadata.source`` is ``test``.
"""

import secrets as randomness
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trunkline.contract import HttpResponse, Push, Target
from trunkline.model.events import Draft
from trunkline.model.times import utc_text_of_ms
from trunkline.outbound import MAX_BODY_BYTES, Outbound
from trunkline.outbound.client import HttpMethods
from trunkline.outbound.push import deliver
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.targets import signatures

UNKNOWN_TYPE = "doctor.unknown"
UNKNOWN_HEADER = "x-doctor-unknown"
COMPANY_ID = 1
OTHER_COMPANY_ID = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """A test event. Its ``id`` is lower than the id of any real event."""

    id: str
    type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer after *seconds*: a status, or an *error* as in an attempt.

    *is_first_on_connection* is False if the request used a kept connection.
    """

    seconds: float
    status: int | None = None
    error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    size_bytes: int = 0
    is_first_on_connection: bool = True

    @property
    def is_accepted(self) -> bool:
        """Whether the hub would count the event as delivered."""
        return self.status is not None and 200 <= self.status <= 299


class Samples:
    """Makes distinct samples of a deployment's first event type."""

    def __init__(self, catalog: SchemaCatalog, *, now: Callable[[], float]) -> None:
        self._catalog = catalog
        self._now = now
        self._token = randomness.token_hex(8)
        self._count = 0

    def known(self) -> Sample:
        """Make an event of a type of this deployment."""
        names = self._catalog.names()
        return self._sample(names[0]) if names else self.unknown()

    def unknown(self) -> Sample:
        """Make an event of a type that no receiver knows."""
        return self._sample(UNKNOWN_TYPE)

    def rewritten(self, sample: Sample) -> bytes:
        """Write the body of *sample* as another JSON library would write it."""
        return sample.body.replace(b"{", b"{\n ", 1)

    def altered(self, sample: Sample) -> bytes:
        """Write the body of *sample* with another company, as a forger would."""
        before, after = (b'"companyId":%d,' % number for number in (COMPANY_ID, OTHER_COMPANY_ID))
        return sample.body.replace(before, after, 1)

    def _sample(self, type: str) -> Sample:
        self._count += 1
        created = utc_text_of_ms(int(self._now() * 1000))
        if type == UNKNOWN_TYPE:
            draft = Draft(COMPANY_ID, type, created, b"{}", b'{"source":"test"}')
        else:
            draft = self._catalog.example_draft(COMPANY_ID, type, source="test", created_utc=created)
        return Sample(f"test_{self._token}_{self._count}", type, draft.envelope(self._count))


class Trials:
    """Sends samples to *url*, signed with *secret* by default. *now* gives Unix seconds."""

    def __init__(self, url: str, *, http: Outbound, secret: str, now: Callable[[], float]) -> None:
        self._url = url
        self._http = http
        self._secret = secret
        self._now = now

    async def send(
        self,
        sample: Sample,
        *,
        secret: str | None = None,
        signs: bool = True,
        age_seconds: int = 0,
        attempt: int = 1,
        headers: Mapping[str, str] | None = None,
        altered_body: bytes | None = None,
        altered_headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send *sample*, signed *age_seconds* ago with *secret*; altered headers and an altered body replace the signed ones."""
        keys = (secret or self._secret,) if signs else ()
        push = Push(
            event_id=sample.id,
            event_type=sample.type,
            delivery_id=f"dlv_{sample.id}",
            attempt=attempt,
            timestamp=int(self._now()) - age_seconds,
            body=sample.body,
            target=Target("sub_test", COMPANY_ID, self._url, keys, headers or {}),
        )
        before = self._http.connections_opened
        recorder = _Recorder(self._http, altered_body, altered_headers or {})
        began = time.monotonic()
        result = await deliver(push, recorder)
        seconds = time.monotonic() - began
        is_first = self._http.connections_opened > before
        answer, error = recorder.response, result.error
        if answer is None:
            return Answer(seconds=seconds, error=error, is_first_on_connection=is_first)
        return Answer(
            seconds=seconds,
            status=answer.status,
            headers=answer.headers,
            size_bytes=_size_of(answer),
            is_first_on_connection=is_first,
        )


@dataclass
class _Recorder(HttpMethods):
    """The ``HttpClient`` of one push; it keeps the whole answer, and can replace the signed data before it is sent."""

    http: Outbound
    altered_body: bytes | None
    altered_headers: Mapping[str, str]
    response: HttpResponse | None = None

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        sent = body if self.altered_body is None else self.altered_body
        self.response = await self.http.post(url, body=sent, headers={**headers, **self.altered_headers})
        return self.response


def throwaway_secret() -> str:
    """Make a secret that no receiver knows."""
    return signatures.new_secret("standard")


def _size_of(response: HttpResponse) -> int:
    """Return the announced size of an answer, or else the number of bytes that were read, plus one if it was truncated."""
    announced = response.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit():
        return int(announced[:18])
    is_cut = len(response.body) >= MAX_BODY_BYTES
    return len(response.body) + is_cut
