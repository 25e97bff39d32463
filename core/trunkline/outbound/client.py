"""The HTTP client that channels get: it checks the URL and the headers, and makes one call.

aiohttp was here before. It costs 68 µs of CPU per POST with 64 at once, and this 12 µs (docs/performance.md): it was more
than half of what a delivery cost.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from trunkline.contract import HttpResponse
from trunkline.errors import AddressRefused, TargetRefused
from trunkline.outbound import framing
from trunkline.outbound.connection import Connection
from trunkline.outbound.dialling import Dialler, Origin, Resolve, guarded, resolve_by_system
from trunkline.outbound.pool import Pool
from trunkline.targets.addresses import AddressPolicy

DNS_CACHE_SECONDS = 10

_URLS_REMEMBERED = 16_384


@dataclass(frozen=True, slots=True)
class _Target:
    """An allowed URL: its origin, and how every request to it begins."""

    origin: Origin
    start: str


class Outbound:
    """An ``HttpClient`` over kept connections, entered as a context.

    *timeout_seconds* bounds one call from resolving the name to the answer's last byte. *ssl_context* replaces the default
    one, to trust an own CA; it must verify. *resolve* replaces the system's name resolution; its answers are judged all
    the same.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        timeout_seconds: float,
        ssl_context: ssl.SSLContext | None = None,
        resolve: Resolve = resolve_by_system,
        dns_cache_seconds: float = DNS_CACHE_SECONDS,
    ) -> None:
        if ssl_context is not None and ssl_context.verify_mode is not ssl.CERT_REQUIRED:
            msg = "ssl_context must verify certificates"
            raise ValueError(msg)
        self._policy = policy
        self._timeout_seconds = timeout_seconds
        self._dialler = Dialler(
            guarded(resolve, policy), ssl_context=ssl_context, cache_seconds=dns_cache_seconds
        )
        self._pool = Pool()
        self._loop: asyncio.AbstractEventLoop | None = None
        # The policy never changes, so a URL that it allowed is allowed for good. Refusals are not remembered.
        self._target = lru_cache(maxsize=_URLS_REMEMBERED)(self._check)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._loop = None
        self._pool.close()
        self._dialler.close()

    @property
    def connections_opened(self) -> int:
        """How many connections were made so far."""
        return self._dialler.dialled

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to *url* and read the answer, whatever its status, up to ``MAX_BODY_BYTES`` of its body.

        Raises:
            AddressRefused: the policy forbids *url*, or an address that its name resolves to.
            TimeoutError: there was no whole answer in time.
            NoAnswer: the name did not resolve, the connection failed, or what came was not HTTP.
            ValueError: a header cannot be sent.
        """
        loop = self._loop
        if loop is None:
            msg = "Outbound is used outside its context"
            raise RuntimeError(msg)
        target = self._target(url)
        request = framing.request(target.start, headers, body)
        now = loop.time()
        deadline = now + self._timeout_seconds
        connection = self._pool.take(target.origin, now=now) or await self._dial(target.origin, deadline)
        status, received, content = await connection.exchange(request, deadline=deadline)
        if connection.is_idle:
            self._pool.put(target.origin, connection, now=loop.time())
        return HttpResponse(status, received, content)

    async def _dial(self, origin: Origin, deadline: float) -> Connection:
        async with asyncio.timeout_at(deadline):
            return await self._dialler.dial(origin)

    def _check(self, url: str) -> _Target:
        try:
            normalised = self._policy.check_url(url)
        except TargetRefused as refused:
            what = "the target URL"
            raise AddressRefused(what, refused.errors[0].message) from None
        return _Target(Origin.of(normalised), framing.request_start(normalised))
