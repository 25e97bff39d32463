"""The path to a receiver: its URL, its addresses, a connection and TLS.

This module opens sockets itself instead of using ``outbound``, because an HTTP client shows neither which address failed nor
a refused certificate. Only addresses allowed by the policy are dialled, and nothing is sent.
"""

import asyncio
import errno
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address

from msgspec import Struct

from trunkline.cli.doctor import certificates
from trunkline.cli.doctor.checks import Check, Verdict, bad, duration_text, good, improve
from trunkline.errors import AddressRefused, TargetRefused
from trunkline.outbound import Origin, Resolve, guarded, resolve_by_system, tls_context
from trunkline.targets import urls
from trunkline.targets.addresses import AddressPolicy

MAX_ADDRESSES = 8
"""The number of addresses of one name that are tried."""

_PRIVATE_ADVICE = "give a public address, or set delivery.allow_private_networks if this is for development"
_NO_WAY_FROM_HERE = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""Error numbers of a missing route for an address family on this machine; they are not faults of the receiver."""


class Path(Struct, frozen=True, kw_only=True):
    """The result of connecting. *url* is normalised; if connecting failed, it is None and *checks* ends with the reason.

    *is_connected* tells whether a TCP connection could be made, whatever the result of TLS.
    """

    checks: tuple[Check, ...]
    url: str | None = None
    is_connected: bool = False


async def explore(
    url: str,
    *,
    policy: AddressPolicy,
    timeout_seconds: float,
    now: float,
    resolve: Resolve = resolve_by_system,
    renewal: timedelta | None = None,
) -> Path:
    """Check each step of the connection to *url*, up to the first that fails.

    *now* is Unix seconds. *renewal* is as in ``certificates.judge_trusted``.
    """
    allowed, normalised = _check_url(url, policy)
    if normalised is None:
        return Path(checks=(allowed,))
    target = Origin.of(normalised)
    resolved, addresses = await _resolve(
        target, resolve=guarded(resolve, policy), timeout_seconds=timeout_seconds
    )
    if not addresses:
        return Path(checks=(allowed, resolved))
    connected, address = await _connect(target, addresses, timeout_seconds=timeout_seconds)
    checks = (allowed, resolved, connected)
    if address is None:
        return Path(checks=checks)
    if not target.is_tls and all(ip_address(each.partition("%")[0]).is_loopback for each in addresses):
        clear = good("tls", "There is none, and none is needed: events do not leave this machine.")
        return Path(checks=(*checks, clear), url=normalised, is_connected=True)
    if not target.is_tls:
        sentence = (
            "Events and their signatures travel in the clear, for anyone on the way to read; use https."
        )
        return Path(checks=(*checks, improve("tls", sentence)), url=normalised, is_connected=True)
    secured = await _secure(target, address, timeout_seconds=timeout_seconds, now=now, renewal=renewal)
    is_open = not any(check.verdict is Verdict.BAD for check in secured)
    return Path(checks=(*checks, *secured), url=normalised if is_open else None, is_connected=True)


def _check_url(url: str, policy: AddressPolicy) -> tuple[Check, str | None]:
    scheme = urls.scheme_of(url)
    follows = url[len(scheme) + 1 :]
    if scheme and scheme not in urls.HTTP_SCHEMES and not follows[:1].isdigit():  # a digit: host:8000
        sentence = f"Only receivers of HTTP are examined; what '{scheme[:20]}:' leads to is known to its channel alone."
        return bad("url", sentence), None
    try:
        normalised = policy.check_url(url)
    except TargetRefused as refused:
        message, advice = refused.errors[0].message, ""
        with suppress(TargetRefused):  # otherwise this is not the reason
            AddressPolicy(allow_http=policy.allow_http, allow_private_networks=True).check_url(url)
            advice = f"; {_PRIVATE_ADVICE}"
        return bad("url", f"This hub refuses the URL: it {message}{advice}."), None
    return good("url", "This hub may send to the URL."), normalised


async def _resolve(
    target: Origin, *, resolve: Resolve, timeout_seconds: float
) -> tuple[Check, tuple[str, ...]]:
    host = target.host
    with suppress(ValueError):
        ip_address(host)
        return good("dns", "The URL names an address; there is nothing to resolve."), (host,)
    try:
        async with asyncio.timeout(timeout_seconds):
            addresses = tuple(await resolve(host, target.port))
    except AddressRefused as refused:
        sentence = f"This hub refuses '{host}': {refused.address}, to which it resolves, {refused.reason}; {_PRIVATE_ADVICE}."
        return bad("dns", sentence), ()
    except OSError:  # TimeoutError is one
        return bad("dns", f"'{host}' does not resolve; check the name and its DNS records."), ()
    return good("dns", f"'{host}' resolves to {', '.join(addresses[:MAX_ADDRESSES])}."), addresses


async def _connect(
    target: Origin, addresses: tuple[str, ...], *, timeout_seconds: float
) -> tuple[Check, str | None]:
    port = target.port
    seconds: dict[str, float] = {}
    errors: dict[str, OSError] = {}

    async def dial(address: str) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(timeout_seconds), _connection(address, port):
                seconds[address] = loop.time() - began
        except OSError as error:
            errors[address] = error

    await asyncio.gather(*map(dial, addresses[:MAX_ADDRESSES]))
    failed = [
        address
        for address in addresses
        if address in errors and not (seconds and errors[address].errno in _NO_WAY_FROM_HERE)
    ]
    reasons = "; ".join(f"{address}: {_reason(errors[address])}" for address in failed)
    if not seconds:
        sentence = f"Nothing answers at port {port} ({reasons}); start the receiver, and open the port in its firewall."
        return bad("connect", sentence), None
    reached = next(address for address in addresses if address in seconds)
    if failed:
        sentence = f"Some addresses do not answer ({reasons}); make them work, or take them out of DNS."
        return improve("connect", sentence), reached
    return good("connect", f"Connects in {duration_text(seconds[reached])}."), reached


async def _secure(
    target: Origin, address: str, *, timeout_seconds: float, now: float, renewal: timedelta | None
) -> tuple[Check, ...]:
    host, port = target.host, target.port
    name = host.removesuffix(".")
    context = tls_context()
    try:
        async with asyncio.timeout(timeout_seconds), _connection(address, port, context, name) as secured:
            spoken = good("tls", f"Speaks {secured.version()}.")
            der = secured.getpeercert(True)
            return spoken, certificates.judge_trusted(der, host=name, now=now, renewal=renewal)
    except ssl.SSLCertVerificationError as error:
        der = await _refused_certificate(address, port, name, timeout_seconds=timeout_seconds)
        refused = certificates.judge_refused(der, host=name, now=now, error=error)
        return good("tls", "Speaks TLS."), refused
    except ssl.SSLError as error:
        reason = (error.reason or "the handshake failed").lower().replace("_", " ")
        return (bad("tls", f"Does not speak TLS 1.2 or 1.3 at this port ({reason}); set it up there."),)
    except OSError as error:
        sentence = f"The TLS handshake does not end ({_reason(error)}); see whether this port speaks TLS."
        return (bad("tls", sentence),)


async def _refused_certificate(address: str, port: int, name: str, *, timeout_seconds: float) -> bytes | None:
    """Fetch the refused certificate to explain its fault; sends no data."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(timeout_seconds), _connection(address, port, context, name) as secured:
            return secured.getpeercert(True)
    except OSError:  # ssl.SSLError is one
        return None


@asynccontextmanager
async def _connection(
    address: str, port: int, context: ssl.SSLContext | None = None, name: str | None = None
) -> AsyncGenerator[ssl.SSLObject]:
    """Open a connection, with TLS if there is a *context*, and close it without sending data."""
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
    try:
        yield writer.get_extra_info("ssl_object")
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def _reason(error: OSError) -> str:
    match error:
        case ConnectionRefusedError():
            return "the connection was refused"
        case TimeoutError():
            return "no answer in time"
        case OSError(errno=int(number)) if number in errno.errorcode:
            return f"error {errno.errorcode[number]}"
        case _:
            return "the connection was closed"
