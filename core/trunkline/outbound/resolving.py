"""Resolving names: the queries, the lifetime of answers, and old answers while no name server responds.

An unanswered lookup must not affect others: c-ares waits for it without a thread, a failure is cached for a few seconds, and
a tenant's simultaneous lookups are limited.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import aiodns
from msgspec import Struct

LOOKUPS_PER_TENANT = 16
"""The number of simultaneous lookups of one tenant; further ones wait, within the timeout of their call."""
PATIENT_PER_TENANT = 4
"""The number of simultaneous lookups of one tenant with long timeouts, after quick tries at a slow name server failed."""
FAILURE_SECONDS = 5.0
"""How long a failed lookup is not repeated."""
STALE_SECONDS = 3600.0
"""How long the last answer is used while no name server responds."""
STALE_WAIT_SECONDS = 1.0
"""How long a caller waits for a new answer if the last one can still be used."""
_TRIES = 2
_QUICK_SECONDS, _PATIENT_SECONDS = 1.0, 5.0
"""Timeouts of the first try; the second try takes up to twice as long.

After fast answers c-ares shortens both timeouts, but not below 0.25 s.
"""
_NOT_FOUND = frozenset({aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA})
_SLOW = frozenset({aiodns.error.ARES_ETIMEOUT})

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Finds the addresses (as text) of a host for a port.

Raises OSError: the host does not resolve; ``NameServersSilent`` if no name server responded.
"""


MayLookUp = Callable[[int], Awaitable[bool]]
"""Count a lookup of a tenant; False if its limit is used up."""


class NameServersSilent(OSError):
    """No name server answered, or none was asked, as the tenant has used up its lookups."""


class NameServersSlow(NameServersSilent):
    """No name server answered in time."""


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, as ``getaddrinfo`` does; the lookup occupies a thread."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in infos))


class NameServers:
    """Looks up names in the machine's hosts file and at its name servers with c-ares; *patient* sets long timeouts.

    Use and close it on one event loop.
    """

    def __init__(self, nameservers: Sequence[str] | None = None, *, patient: bool = False) -> None:
        seconds = _PATIENT_SECONDS if patient else _QUICK_SECONDS
        self._make = partial(aiodns.DNSResolver, nameservers, timeout=seconds, tries=_TRIES)
        self._servers: aiodns.DNSResolver | None = None

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Find the addresses of *host*. Raises OSError, NameServersSilent."""
        if self._servers is None:
            self._servers = self._make()
        try:
            answer = await self._servers.getaddrinfo(host, port=port, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            code = error.args[0] if error.args else None
            kind = OSError if code in _NOT_FOUND else NameServersSlow if code in _SLOW else NameServersSilent
            raise kind(code, "the name does not resolve") from None
        found = [node.addr[0] for node in answer.nodes]
        texts = [address.decode() if isinstance(address, bytes) else str(address) for address in found]
        return list(dict.fromkeys(texts))

    async def close(self) -> None:
        """Close the sockets."""
        if self._servers is not None:
            await self._servers.close()
            self._servers = None


class _Entry(Struct):
    """The cached state of a name: its last good answer, or the failure of the newest lookup."""

    addresses: Sequence[str] = ()
    fresh_until: float = 0.0
    stale_until: float = 0.0
    failure: OSError | None = None
    failed_until: float = 0.0
    lookup: "asyncio.Task[Sequence[str]] | None" = None


class Names:
    """Addresses of names, each cached for *cache_seconds*. Simultaneous requests for a name share one lookup.

    A lookup that is too slow for *resolve* continues with *resolve_patiently*; its result is cached even if no caller
    waits for it.
    """

    def __init__(
        self,
        resolve: Resolve,
        resolve_patiently: Resolve | None = None,
        *,
        cache_seconds: float,
        may_look_up: MayLookUp | None = None,
    ) -> None:
        self._resolve = resolve
        self._resolve_patiently = resolve_patiently
        self._patient: Counter[int] = Counter()
        self._may_look_up = may_look_up
        self._cache_seconds = cache_seconds
        self._failure_seconds = min(FAILURE_SECONDS, cache_seconds)
        self._entries: dict[str, _Entry] = {}
        self._turns: dict[int, asyncio.Semaphore] = {}
        self._swept = 0.0

    async def addresses(self, host: str, port: int, *, tenant: int) -> Sequence[str]:
        """Return the addresses of *host*. Raises OSError, and the errors of the resolver."""
        now = asyncio.get_running_loop().time()
        if now - self._swept > 60:
            self._sweep(now)
        entry = self._entries.setdefault(host, _Entry())
        if now < entry.fresh_until:
            return entry.addresses
        if entry.failure is not None and now < entry.failed_until:
            return _stale_or_raise(entry, entry.failure, now)
        try:
            async with asyncio.timeout(STALE_WAIT_SECONDS if _has_stale(entry, now) else None):
                while entry.lookup is None:
                    await self._begin(entry, host, port, tenant)
                return await asyncio.shield(entry.lookup)
        except TimeoutError:
            return entry.addresses
        except OSError as failure:
            return _stale_or_raise(entry, failure, now)

    def close(self) -> None:
        """Cancel the running lookups."""
        for entry in self._entries.values():
            if entry.lookup is not None:
                entry.lookup.cancel()
        self._entries.clear()

    async def _begin(self, entry: _Entry, host: str, port: int, tenant: int) -> None:
        """Wait until *tenant* may begin a lookup, then begin it, unless another caller has begun it meanwhile."""
        turn = self._turns.setdefault(tenant, asyncio.Semaphore(LOOKUPS_PER_TENANT))
        await turn.acquire()
        may_begin = False
        try:
            may = self._may_look_up
            may_begin = entry.lookup is not None or may is None or await may(tenant)
        finally:
            if not may_begin:
                turn.release()
        if not may_begin:
            raise NameServersSilent("the company looks up too many names")
        if entry.lookup is None:
            entry.lookup = asyncio.ensure_future(self._look_up(entry, host, port, tenant))
            entry.lookup.add_done_callback(lambda _: turn.release())
        else:
            turn.release()

    async def _look_up(self, entry: _Entry, host: str, port: int, tenant: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            entry.addresses = await self._find(host, port, tenant)
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

    async def _find(self, host: str, port: int, tenant: int) -> Sequence[str]:
        try:
            return await self._resolve(host, port)
        except NameServersSlow:
            if self._resolve_patiently is None or self._patient[tenant] >= PATIENT_PER_TENANT:
                raise
        self._patient[tenant] += 1
        try:
            return await self._resolve_patiently(host, port)
        finally:
            self._patient[tenant] -= 1
            if not self._patient[tenant]:
                del self._patient[tenant]

    def _sweep(self, now: float) -> None:
        self._swept = now
        for host, entry in list(self._entries.items()):
            last_used = max(entry.fresh_until, entry.stale_until, entry.failed_until)
            if entry.lookup is None and now >= last_used:
                del self._entries[host]
        for tenant in [tenant for tenant, turn in self._turns.items() if not turn.locked()]:
            del self._turns[tenant]


def _has_stale(entry: _Entry, now: float) -> bool:
    return bool(entry.addresses) and now < entry.stale_until


def _stale_or_raise(entry: _Entry, failure: OSError, now: float) -> Sequence[str]:
    """Return the last good answer if no name server responded; otherwise raise *failure*."""
    if isinstance(failure, NameServersSilent) and _has_stale(entry, now):
        return entry.addresses
    raise failure
