"""The HTTP client that channels get: it checks the URL and the headers, and makes one call.

It replaces aiohttp, which took 68 µs of CPU per POST with 64 at once, more than half of a delivery; this client takes 12 µs
(docs/internals/performance.md).
"""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Self

from msgspec import Struct, structs

from trunkline.contract import HttpClient, HttpResponse
from trunkline.errors import AddressRefused, TargetRefused
from trunkline.outbound import framing
from trunkline.outbound.connection import Connection
from trunkline.outbound.dialling import Dialler, Origin, guarded
from trunkline.outbound.failures import SENT_TWICE, ClosedBeforeAnswer
from trunkline.outbound.pool import Pool
from trunkline.outbound.resolving import MayLookUp, Names, NameServers, Resolve
from trunkline.runtime.open_files import MAX_KEPT
from trunkline.targets.addresses import AddressPolicy

DNS_CACHE_SECONDS = 10
RESEND_SECONDS = 0.2
"""A request is sent again only if its kept-alive connection closes within this time.

A connection that closes so soon was already closing; after a later close, the target may have read the request.
"""
NO_TENANT = 0
"""The tenant of calls for the deployment itself."""

_URLS_REMEMBERED = 16_384


class _Target(Struct, frozen=True):
    """An allowed URL: its origin, and the beginning of its requests after the method."""

    origin: Origin
    start: str


class HttpMethods:
    """The methods of an ``HttpClient``, built on ``send``."""

    __slots__ = ()

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        """Make a call."""
        raise NotImplementedError

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to *url*. Raises as ``send`` does."""
        return await self.send("POST", url, headers=headers, body=body)

    async def get(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Read the resource at *url*. Raises as ``send`` does."""
        return await self.send("GET", url, headers=headers)

    async def put(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Replace the resource at *url* with *body*. Raises as ``send`` does."""
        return await self.send("PUT", url, headers=headers, body=body)

    async def patch(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Change the resource at *url* as *body* says. Raises as ``send`` does."""
        return await self.send("PATCH", url, headers=headers, body=body)

    async def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Delete the resource at *url*. Raises as ``send`` does."""
        return await self.send("DELETE", url, headers=headers)


class Outbound(HttpMethods):
    """An ``HttpClient`` with kept-alive connections. Use it as a context manager.

    *timeout_seconds* limits one call, from resolving the name to the answer's last byte. *ssl_context* replaces the
    default one, to trust another CA; it must verify certificates. *name_servers* (``address`` or ``address:port``)
    replace the machine's name servers. *resolve* replaces every lookup at a name server. The resolved addresses are
    always checked. Each tenant has its own connections and its own limit of simultaneous lookups, and *may_look_up* is
    called to count each lookup of a tenant. If *resends* is True, a request is sent again on a new connection if a
    kept-alive one closes within ``RESEND_SECONDS`` and before the first byte of an answer. Up to *most_kept* idle
    connections are kept.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        timeout_seconds: float,
        ssl_context: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
        name_servers: Sequence[str] | None = None,
        dns_cache_seconds: float = DNS_CACHE_SECONDS,
        may_look_up: MayLookUp | None = None,
        resends: bool = True,
        most_kept: int = MAX_KEPT,
    ) -> None:
        if ssl_context is not None and ssl_context.verify_mode is not ssl.CERT_REQUIRED:
            raise ValueError("ssl_context must verify certificates")
        self._policy = policy
        self._timeout_seconds = timeout_seconds
        self._resolve = resolve
        self._resends = resends
        self._servers = NameServers(name_servers)
        self._patient_servers = NameServers(name_servers, patient=True)
        self._names = Names(
            guarded(self._look_up, policy),
            guarded(self._patient_servers.resolve, policy) if resolve is None else None,
            cache_seconds=dns_cache_seconds,
            may_look_up=may_look_up,
        )
        self._dialler = Dialler(self._names, ssl_context=ssl_context)
        self.certificates: Mapping[tuple[int, str, int], int] = self._dialler.certificates
        """The expiry of targets' certificates (Unix seconds), by tenant, host and port."""
        self._pool = Pool(most_kept)
        self._loop: asyncio.AbstractEventLoop | None = None
        # The policy never changes, so allowed URLs are cached without expiry. Refusals are not cached.
        self._target = lru_cache(maxsize=_URLS_REMEMBERED)(self._check)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._loop = None
        self._pool.close()
        self._names.close()
        await self._servers.close()
        await self._patient_servers.close()

    @property
    def connections_opened(self) -> int:
        """The number of connections made so far."""
        return self._dialler.dialled

    def for_tenant(self, tenant: int, timeout_seconds: float | None = None) -> HttpClient:
        """Return a client whose connections serve only *tenant*; *timeout_seconds*, if given, replaces the timeout."""
        return _TenantClient(self, tenant, timeout_seconds)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        tenant: int = NO_TENANT,
        timeout_seconds: float | None = None,
    ) -> HttpResponse:
        """Make a call to *url* and read the answer, whatever its status, up to ``MAX_BODY_BYTES`` of its body.

        *timeout_seconds*, if given, replaces the client's timeout for this call.

        Raises:
            AddressRefused: the policy forbids *url*, or an address that its name resolves to.
            TimeoutError: no complete head of an answer came in time.
            NoAnswer: the name did not resolve, the connection failed, or the answer was not HTTP.
            ValueError: a header cannot be sent.
        """
        loop = self._loop
        if loop is None:
            raise RuntimeError("Outbound is used outside its context")
        target = self._target(url)
        origin, way = target.origin, (tenant, target.origin)
        request = framing.request(method, target.start, headers, body)
        now = loop.time()
        deadline = now + (timeout_seconds or self._timeout_seconds)
        is_sent = False
        if kept := self._pool.take(way, now=now):
            try:
                return await self._exchange(way, kept, request, deadline)
            except ClosedBeforeAnswer:  # it may have been closing during the write (RFC 9112 §9.3.1)
                if not self._resends or loop.time() - now > RESEND_SECONDS:
                    raise
                is_sent = True
        connection = await self._dialler.dial(origin, tenant=tenant, deadline=deadline)
        try:
            response = await self._exchange(way, connection, request, deadline)
        except OSError as error:
            if is_sent:
                error.add_note(SENT_TWICE)
            raise
        self._dialler.keep_session(origin, connection, tenant=tenant)
        return replace(response, sent_twice=True) if is_sent else response

    async def open_stream(
        self, url: str, *, tenant: int, tls: bool
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the host and port of *url* for a protocol other than HTTP, within a call's timeout.

        Raises:
            AddressRefused: the policy forbids *url*, or an address that its name resolves to.
            OSError, TimeoutError: there is no connection.
        """
        origin = structs.replace(self._target(url).origin, is_tls=tls)
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        return await self._dialler.dial_stream(origin, tenant=tenant, deadline=deadline)

    async def addresses(self, url: str, *, tenant: int) -> Sequence[str]:
        """Find the addresses that a call of *tenant* to *url* would dial.

        Raises:
            AddressRefused: the policy forbids *url*, or an address that its name resolves to.
            OSError: its name does not resolve.
        """
        origin = self._target(url).origin
        return await self._names.addresses(origin.host, origin.port, tenant=tenant)

    async def _exchange(
        self, way: tuple[int, Origin], connection: Connection, request: bytes, deadline: float
    ) -> HttpResponse:
        response = await connection.exchange(request, deadline=deadline)
        if connection.is_idle:
            now = asyncio.get_running_loop().time()
            keeps = framing.keep_seconds(response.headers)
            self._pool.put(way, connection, now=now, target_keeps=keeps)
        return response

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        with contextlib.suppress(ValueError):  # an IP address needs no lookup
            return [str(ipaddress.ip_address(host))]
        if self._resolve is not None:
            return await self._resolve(host, port)
        return await self._servers.resolve(host, port)

    def _check(self, url: str) -> _Target:
        try:
            normalised = self._policy.check_url(url)
        except TargetRefused as refused:
            raise AddressRefused("the target URL", refused.errors[0].message) from None
        return _Target(Origin.of(normalised), framing.request_start(normalised))


ClientOf = Callable[[int, float | None], HttpClient]
"""Returns the client of a tenant (``Outbound.for_tenant``); seconds, if given, replace the timeout."""


class _TenantClient(HttpMethods):
    """An ``HttpClient`` for one tenant."""

    __slots__ = ("_outbound", "_tenant", "_timeout_seconds")

    def __init__(self, outbound: Outbound, tenant: int, timeout_seconds: float | None) -> None:
        self._outbound = outbound
        self._tenant = tenant
        self._timeout_seconds = timeout_seconds

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        """Make a call for the tenant; see ``Outbound.send``."""
        return await self._outbound.send(
            method,
            url,
            headers=headers,
            body=body,
            tenant=self._tenant,
            timeout_seconds=self._timeout_seconds,
        )
