"""Names to addresses: what is asked, for how long an answer serves, and what serves while no name server answers.

A lookup that is never answered must cost others nothing: c-ares waits for it without a thread, a failure is remembered for a
few seconds, and one tenant has only so many lookups under way.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiodns

LOOKUPS_PER_TENANT = 16
"""Lookups that one tenant may have under way; its others wait, within the limit of their own call."""
FAILURE_SECONDS = 5.0
"""For how long a name that did not resolve is not asked for again."""
STALE_SECONDS = 3600.0
"""For how long the last answer serves while no name server answers."""
_TRY_SECONDS = 1.0
_TRIES = 2
_NOT_FOUND = frozenset({aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA})

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Find the addresses of a host, for a port, as text.

Raises:
    OSError: the host does not resolve; ``NameServersSilent`` where nobody could say.
"""


MayLookUp = Callable[[int], Awaitable[bool]]
"""Count a lookup of a tenant; False where it has used up those that it may make."""


class NameServersSilent(OSError):
    """No name server answered, or none could."""


class LookupsUsedUp(NameServersSilent):
    """The tenant has made all the lookups that it may for now, so that none was asked."""


async def always(_: int) -> bool:
    """Let every lookup be made."""
    return True


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, as ``getaddrinfo`` does. It takes a thread for as long as it lasts."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in infos))


class NameServers:
    """The machine's hosts file and name servers, asked by c-ares. Use it on one event loop, and close it there."""

    def __init__(self, nameservers: Sequence[str] | None = None) -> None:
        self._servers = aiodns.DNSResolver(nameservers=nameservers, timeout=_TRY_SECONDS, tries=_TRIES)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Find the addresses of *host*. Raises OSError, NameServersSilent."""
        try:
            answer = await self._servers.getaddrinfo(
                host, family=socket.AF_UNSPEC, port=port, type=socket.SOCK_STREAM
            )
        except aiodns.error.DNSError as error:
            code = error.args[0] if error.args else None
            kind = OSError if code in _NOT_FOUND else NameServersSilent
            raise kind(code, "the name does not resolve") from None
        addresses = (node.addr[0] for node in answer.nodes)
        return list(
            dict.fromkeys(
                address.decode() if isinstance(address, bytes) else str(address) for address in addresses
            )
        )

    async def close(self) -> None:
        """Give the sockets back."""
        await self._servers.close()


@dataclass(slots=True)
class _Entry:
    """What is known of a name: its last good answer, or how the newest lookup failed."""

    addresses: Sequence[str] = ()
    fresh_until: float = 0.0
    stale_until: float = 0.0
    failure: OSError | None = None
    failed_until: float = 0.0
    lookup: "asyncio.Task[Sequence[str]] | None" = None


class Names:
    """Addresses of names, each kept for *cache_seconds*. Those who ask for one name together wait for one lookup."""

    def __init__(self, resolve: Resolve, *, cache_seconds: float, may_look_up: MayLookUp = always) -> None:
        self._resolve = resolve
        self._may_look_up = may_look_up
        self._cache_seconds = cache_seconds
        self._failure_seconds = min(FAILURE_SECONDS, cache_seconds)
        self._entries: dict[str, _Entry] = {}
        self._turns: dict[int, asyncio.Semaphore] = {}
        self._swept = 0.0

    async def addresses(self, host: str, port: int, *, tenant: int) -> Sequence[str]:
        """Give the addresses of *host*. Raises OSError, and what the resolver raises."""
        now = asyncio.get_running_loop().time()
        entry = self._entry(host, now)
        if now < entry.fresh_until:
            return entry.addresses
        if entry.failure is not None and now < entry.failed_until:
            return _stale_or_raise(entry, entry.failure, now)
        # One's own turn: a lookup that others wait for never waits for somebody's turn.
        async with self._turn(tenant):
            if entry.lookup is None and not await self._may_look_up(tenant):
                return _stale_or_raise(entry, LookupsUsedUp("the company looks up too many names"), now)
            if entry.lookup is None:
                entry.lookup = asyncio.ensure_future(self._look_up(entry, host, port))
            try:
                return await asyncio.shield(entry.lookup)
            except OSError as failure:
                return _stale_or_raise(entry, failure, now)

    def close(self) -> None:
        """Cancel the lookups that run."""
        for entry in self._entries.values():
            if entry.lookup is not None:
                entry.lookup.cancel()
        self._entries.clear()

    async def _look_up(self, entry: _Entry, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            entry.addresses = await self._resolve(host, port)
        except OSError as error:
            entry.failure, entry.failed_until = error, loop.time() + self._failure_seconds
            raise
        else:
            entry.failure = None
            entry.fresh_until = loop.time() + self._cache_seconds
            entry.stale_until = loop.time() + STALE_SECONDS
            return entry.addresses
        finally:
            entry.lookup = None

    def _turn(self, tenant: int) -> asyncio.Semaphore:
        return self._turns.setdefault(tenant, asyncio.Semaphore(LOOKUPS_PER_TENANT))

    def _entry(self, host: str, now: float) -> _Entry:
        if now - self._swept > 60:
            self._sweep(now)
        return self._entries.setdefault(host, _Entry())

    def _sweep(self, now: float) -> None:
        """Forget what serves nobody any more."""
        self._swept = now
        for host in [host for host, entry in self._entries.items() if _is_spent(entry, now)]:
            del self._entries[host]
        for tenant in [tenant for tenant, turn in self._turns.items() if not turn.locked()]:
            del self._turns[tenant]


def _is_spent(entry: _Entry, now: float) -> bool:
    return entry.lookup is None and now >= max(entry.fresh_until, entry.stale_until, entry.failed_until)


def _stale_or_raise(entry: _Entry, failure: OSError, now: float) -> Sequence[str]:
    """Give the last good answer where no name server could say better; raise *failure* elsewhere."""
    if isinstance(failure, NameServersSilent) and entry.addresses and now < entry.stale_until:
        return entry.addresses
    raise failure
