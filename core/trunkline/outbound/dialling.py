"""Makes connections: resolves the name, checks every address, and dials a checked address."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import aiohappyeyeballs
from msgspec import Struct

from trunkline.errors import MachineExhausted
from trunkline.outbound import tls
from trunkline.outbound.connection import Connection
from trunkline.outbound.failures import NoAnswer
from trunkline.outbound.resolving import Names, Resolve
from trunkline.outbound.tls import Sessions
from trunkline.runtime import shortages
from trunkline.runtime.beginnings import Beginnings
from trunkline.targets.addresses import AddressPolicy

Made = TypeVar("Made")
DIAL_AT_ONCE = 4
"""The number of connections begun in one iteration of the event loop; each TLS handshake blocks the loop for a millisecond."""
FALLBACK_SECONDS = 0.25
"""How long one address has to answer before the next one is dialled in parallel (RFC 8305 §5)."""


class Origin(Struct, frozen=True):
    """The target of a connection: *host* is a name or an address without brackets."""

    is_tls: bool
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Read the origin from a URL that the policy has normalised."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        is_tls = parts.scheme == "https"
        return cls(is_tls, parts.hostname, parts.port or (443 if is_tls else 80))


def guarded(resolve: Resolve, policy: AddressPolicy) -> Resolve:
    """Make a resolver that raises AddressRefused if any address of a name is refused."""

    async def judged(host: str, port: int) -> Sequence[str]:
        addresses = await resolve(host, port)
        if not addresses:
            raise OSError(None, "the name has no address")
        for address in addresses:
            policy.check_address(address)
        return addresses

    return judged


MOST_CERTIFICATES = 10_000
"""The maximum number of targets for which the expiry of the certificate is stored."""


class Dialler:
    """Makes connections."""

    def __init__(self, names: Names, *, ssl_context: ssl.SSLContext | None) -> None:
        self._names = names
        self._sessions = Sessions(ssl_context)
        self._beginnings = Beginnings(DIAL_AT_ONCE)
        self.dialled = 0
        """The number of connections made."""
        self.certificates: dict[tuple[int, str, int], int] = {}
        """The expiry (Unix seconds) of the certificate that each target sent last, by tenant, host and port."""

    async def dial(self, origin: Origin, *, tenant: int, deadline: float) -> Connection:
        """Connect to *origin* for *tenant*, until *deadline* (of the loop's clock).

        Raises:
            AddressRefused: the policy forbids an address that its name resolves to.
            NoAnswer: the name does not resolve in time, or no address took the connection.
            TimeoutError: no connection was made in time.
            MachineExhausted: this machine has no file, memory or port left.
        """
        connect = partial(asyncio.get_running_loop().create_connection, Connection)
        made: tuple[object, Connection] = await self._dial(origin, tenant, deadline, connect)
        return made[1]

    async def dial_stream(
        self, origin: Origin, *, tenant: int, deadline: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to *origin* for *tenant*, for a protocol that is not HTTP. Raises as ``dial`` does."""
        return await self._dial(origin, tenant, deadline, asyncio.open_connection)

    async def _dial(
        self, origin: Origin, tenant: int, deadline: float, connect: Callable[..., Awaitable[Made]]
    ) -> Made:
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._names.addresses(origin.host, origin.port, tenant=tenant)
        except OSError as error:
            _raise_own_shortage(error)
            raise NoAnswer("dns_failed", "the target's name does not resolve") from None
        try:
            async with asyncio.timeout_at(deadline):
                if not self._beginnings.try_take():
                    await self._beginnings.wait(tenant)
                context = self._sessions.context((tenant, origin)) if origin.is_tls else None
                made = await _connect(connect, origin, addresses, context)
        except ssl.SSLError as error:
            _raise_own_shortage(error)
            self._sessions.forget((tenant, origin))
            raise tls.failure(error) from None
        except ConnectionRefusedError:
            raise NoAnswer("connection_refused", "nothing listens at the target's address and port") from None
        except TimeoutError:
            raise
        except OSError as error:
            _raise_own_shortage(error)
            reason = f"errno {error.errno}" if error.errno else "the target closed the connection"
            raise NoAnswer("connection_failed", reason) from None
        self.dialled += 1
        return made

    def keep_session(self, origin: Origin, connection: Connection, *, tenant: int) -> None:
        """Keep the TLS session of a connection, to resume it when *tenant* connects to *origin* again."""
        if secured := connection.tls:
            self._sessions.keep((tenant, origin), secured)
            ends = (secured.getpeercert() or {}).get("notAfter")
            if isinstance(ends, str):
                target = (tenant, origin.host, origin.port)
                self.certificates.pop(target, None)
                self.certificates[target] = int(ssl.cert_time_to_seconds(ends))
            while len(self.certificates) > MOST_CERTIFICATES:
                del self.certificates[next(iter(self.certificates))]


def _raise_own_shortage(error: OSError) -> None:
    """Raise MachineExhausted if this machine caused *error*.

    Lookups and OpenSSL do not report a lack of file descriptors as such, so that is tested here.
    """
    if shortages.is_own(error):
        reason = f"This machine lacks what a connection needs ({error.strerror or error})"
    elif shortages.has_no_file_left():
        reason = shortages.NO_MORE_FILES
    else:
        return
    raise MachineExhausted(reason, retry_after_seconds=1) from None


async def _connect(
    connect: Callable[..., Awaitable[Made]],
    origin: Origin,
    addresses: Sequence[str],
    context: ssl.SSLContext | None,
) -> Made:
    """Dial *addresses*, and call *connect* with the socket and the name that the target's certificate must have."""
    infos = [_info(address, origin.port) for address in addresses]
    try:
        connected = await aiohappyeyeballs.start_connection(infos, happy_eyeballs_delay=FALLBACK_SECONDS)
    except OSError as error:
        # The error and its frames refer to each other: some twenty objects for the garbage collector.
        raise error.with_traceback(None) from None
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = origin.host.removesuffix(".") if origin.is_tls else None
    try:
        return await connect(sock=connected, ssl=context, server_hostname=name)
    except BaseException:
        connected.close()
        raise


def _info(address: str, port: int) -> tuple[int, int, int, str, tuple[str, int]]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
