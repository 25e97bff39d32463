"""Connections for protocols other than HTTP, checked, dialled and encrypted like those of the HTTP client."""

import asyncio
from collections.abc import Sequence

from trunkline.errors import AddressRefused
from trunkline.outbound.client import Outbound

_NOT_IN_HOSTS = frozenset("/?#@\\%")


class Network:
    """Opens connections for plugins through *outbound* (``contract.Network``)."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def connect(
        self, host: str, port: int, *, company_id: int, tls: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection for a company. Raises AddressRefused, OSError, TimeoutError."""
        return await self._outbound.open_stream(_url(host, port), tenant=company_id, tls=tls)

    async def addresses(self, host: str, port: int, *, company_id: int) -> Sequence[str]:
        """Find the addresses that may be dialled for *host*. Raises AddressRefused, OSError."""
        return await self._outbound.addresses(_url(host, port), tenant=company_id)


def _url(host: str, port: int) -> str:
    """Write *host* and *port* as a URL for the address policy. Raises AddressRefused."""
    if not host or not _NOT_IN_HOSTS.isdisjoint(host) or not 0 < port < 65_536:
        what = "the target's host and port"
        raise AddressRefused(what, "are not a name or an address, and a number from 1 to 65535")
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"https://{bracketed}:{port}/"
