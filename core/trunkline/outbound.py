"""The only way out: HTTP to targets, guarded where it is dialled.

A channel's ``deliver`` gets an ``Outbound`` as its ``HttpClient``. The policy (``trunkline.addresses``) judges the URL,
then every address that its name resolves to; the addresses that were judged are the ones that aiohttp dials, so a name
that changes its answer in between gains nothing. No redirect is followed, no cookie kept, no proxy taken from the
environment, nothing decompressed.
"""

import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from trunkline.addresses import AddressPolicy
from trunkline.capabilities import HttpResponse
from trunkline.errors import AddressRefused, TargetRefused
from trunkline.version import __version__

MAX_BODY_BYTES = 64 * 1024
"""How much of an answer's body is read (CONTRACT §6); beyond it the connection is closed, not drained."""

DNS_CACHE_SECONDS = 10
KEEPALIVE_SECONDS = 4
"""Below the 5 s after which Node.js and uvicorn close an idle connection: a POST that meets that close is lost."""

_URLS_REMEMBERED = 16_384


class NoAnswer(ConnectionError):
    """The target gave no usable answer. *error* is the attempt's word for it, *reason* a few words for a log.

    *reason* holds neither URL nor headers.
    """

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(f"{error}: {reason}")
        self.error = error
        self.reason = reason


class GuardedResolver(AbstractResolver):
    """Resolves with *resolver*, and refuses a name of which any one address is refused."""

    def __init__(self, policy: AddressPolicy, resolver: AbstractResolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of *host*, each of them allowed.

        Raises:
            AddressRefused: one of the addresses is refused; none is dialled.
            OSError: *host* does not resolve.
        """
        results = await self._resolver.resolve(host, port, family)
        if not results:
            raise OSError(None, "the name has no address")
        for result in results:
            self._policy.check_address(result["host"])
        return results

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._resolver.close()


class Outbound:
    """An ``HttpClient`` over one pool of connections, entered as a context.

    *timeout_seconds* bounds one call from resolving the name to the answer's last byte. *connections* bounds how many
    are open at once; 0 leaves that to the caller. *ssl_context* replaces the default one, to trust an own CA; it must
    verify. *resolver* replaces the system's name resolution; its answers are judged all the same.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        timeout_seconds: float,
        connections: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
        dns_cache_seconds: int = DNS_CACHE_SECONDS,
    ) -> None:
        if ssl_context is not None and ssl_context.verify_mode is not ssl.CERT_REQUIRED:
            msg = "ssl_context must verify certificates"
            raise ValueError(msg)
        self._policy = policy
        self._timeout_seconds = timeout_seconds
        self._connections = connections
        self._ssl_context = ssl_context
        self._resolver = resolver
        self._dns_cache_seconds = dns_cache_seconds
        self._session: aiohttp.ClientSession | None = None
        # The policy never changes, so a URL that it allowed is allowed for good. Refusals are not remembered.
        self._dialled = lru_cache(maxsize=_URLS_REMEMBERED)(self._check)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=self._connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": f"trunkline/{__version__}"},
            # aiohttp rounds limits of 5 s and more up to a whole second, unless told otherwise.
            timeout=aiohttp.ClientTimeout(total=self._timeout_seconds, ceil_threshold=float("inf")),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to *url* and read the answer, whatever its status, up to ``MAX_BODY_BYTES`` of its body.

        Raises:
            AddressRefused: the policy forbids *url*, or an address that its name resolves to.
            TimeoutError: there was no whole answer in time.
            NoAnswer: the name did not resolve, the connection failed, or what came was not HTTP.
        """
        if self._session is None:
            msg = "Outbound is used outside its context"
            raise RuntimeError(msg)
        target = self._dialled(url)
        try:
            response = await self._session.post(target, data=body, headers=headers, allow_redirects=False)
            try:
                content = await _read(response)
            finally:
                response.close()  # nothing happens where the body has ended: the connection is back in the pool
        except (aiohttp.ClientError, OSError) as error:
            raise _translate(error, self._timeout_seconds) from None
        return HttpResponse(
            response.status, {name.lower(): value for name, value in response.headers.items()}, content
        )

    def _connector(self) -> aiohttp.TCPConnector:
        resolver = GuardedResolver(self._policy, self._resolver or aiohttp.DefaultResolver())
        return aiohttp.TCPConnector(
            limit=self._connections,
            keepalive_timeout=KEEPALIVE_SECONDS,
            resolver=resolver,
            ttl_dns_cache=self._dns_cache_seconds,
            use_dns_cache=self._dns_cache_seconds > 0,
            ssl=self._ssl_context or True,
        )

    def _check(self, url: str) -> URL:
        try:
            normalised = self._policy.check_url(url)
        except TargetRefused as refused:
            what = "the target URL"
            raise AddressRefused(what, refused.errors[0].message) from None
        return URL(normalised, encoded=True)  # as it was judged; yarl would requote its path


def error_of(exception: BaseException) -> str:
    """Name *exception*, which ``Outbound.post`` raised, in the attempt's words.

    One of ``address_refused``, ``timeout``, ``dns_failed``, ``tls_failed``, ``connection_refused``,
    ``connection_failed``, ``invalid_answer``.
    """
    match exception:
        case AddressRefused():
            return "address_refused"
        case TimeoutError():
            return "timeout"
        case NoAnswer():
            return exception.error
        case ConnectionRefusedError():
            return "connection_refused"
        case _:
            return "connection_failed"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    stream = response.content
    if stream.at_eof():
        return b""
    body = await stream.read(MAX_BODY_BYTES)
    if stream.at_eof() or not body:
        return body
    pieces, left = [body], MAX_BODY_BYTES - len(body)
    while left > 0 and not stream.at_eof():
        piece = await stream.read(left)
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _translate(error: aiohttp.ClientError | OSError, timeout_seconds: float) -> OSError:
    if isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
        return TimeoutError(f"no whole answer within {timeout_seconds:g} s")
    match error:
        case aiohttp.ClientConnectorDNSError():
            return NoAnswer("dns_failed", "the target's name does not resolve")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return NoAnswer("tls_failed", _tls_reason(error))
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return NoAnswer("connection_refused", "nothing listens at the target's address and port")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return NoAnswer("invalid_answer", "what came back is not a whole HTTP answer")
        case _:
            return NoAnswer("connection_failed", _connection_reason(error))


def _tls_reason(error: aiohttp.ClientError | OSError) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or "the handshake failed"


def _connection_reason(error: aiohttp.ClientError | OSError) -> str:
    number = getattr(error, "errno", None)
    return f"errno {number}" if number else "the target closed the connection"
