"""HTTP to one origin that is named in the settings, through a guarded client that can call only this origin.

The origin may be in a private network and without TLS, since the operator has named it. A caller's input cannot lead
elsewhere: every other origin is refused and no redirect is followed.
"""

from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

from trunkline.contract import HttpResponse
from trunkline.errors import AddressRefused, TargetRefused
from trunkline.outbound.client import HttpMethods, Outbound
from trunkline.targets.addresses import AddressPolicy

_POLICY = AddressPolicy(allow_http=True, allow_private_networks=True)


class OriginClient(HttpMethods):
    """An ``HttpClient`` for the origin of *url*.

    Raises ValueError: *url* cannot be called, or leads to a cloud's metadata service.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        try:
            self._origin = _origin_of(url)
        except TargetRefused as refused:
            msg = f"'{url}' {refused.errors[0].message}"
            raise ValueError(msg) from None
        self._http = Outbound(_POLICY, timeout_seconds=timeout_seconds)
        self._is_open = False

    async def close(self) -> None:
        """Close the client's connections."""
        if self._is_open:
            self._is_open = False
            await self._http.__aexit__(None, None, None)

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        """Make a call, as ``Outbound.send`` does. Raises AddressRefused if *url* has another origin."""
        try:
            origin = _origin_of(url)
        except TargetRefused as refused:
            raise AddressRefused(url, refused.errors[0].message) from None
        if origin != self._origin:
            reason = f"is not the origin that this client was opened for ({self._origin})"
            raise AddressRefused(origin, reason)
        if not self._is_open:
            self._is_open = True
            await self._http.__aenter__()
        return await self._http.send(method, url, headers=headers, body=body)


class Origins:
    """The clients that plugins have requested; each opens at its first call, and all close on exit."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, float], OriginClient] = {}

    def open(self, url: str, *, timeout_seconds: float) -> OriginClient:
        """Return the client for the origin of *url* (``contract.OpenOrigin``)."""
        key = (url, timeout_seconds)
        if key not in self._clients:
            self._clients[key] = OriginClient(url, timeout_seconds=timeout_seconds)
        return self._clients[key]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients.values():
            await client.close()


def _origin_of(url: str) -> str:
    """Write the scheme, host and port of *url* in the form in which they are dialled. Raises TargetRefused."""
    parts = urlsplit(_POLICY.check_url(url))
    return f"{parts.scheme}://{parts.netloc}"
