"""The client address of a request, and its scheme: its own, or those that a trusted proxy reports.

Any client can send ``X-Forwarded-For`` and ``X-Forwarded-Proto``; only entries added by the deployment's own proxies
(``server.trusted_proxies``) count.
"""

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

_IPV6_PREFIX = 64
"""An IPv6 network of this length counts as one address, as each site has at least one whole network (RFC 6177)."""
_log = logging.getLogger(__name__)


class ClientAddresses:
    """Finds the client's address of each request; limits are counted by this address."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = [ip_network(network, strict=False) for network in trusted_proxies]
        self._has_warned = False
        self._has_warned_of_scheme = False

    def find(self, peer: str | None, forwarded_for: Sequence[str]) -> str:
        """Find the client's address (``contract.ClientAddresses``): the rightmost address that is not a trusted proxy's.

        *peer* is None for a socket of this machine. An invalid entry and all entries before it are ignored.
        """
        return counted_as(str(self._address(peer, forwarded_for) or peer))

    def of_call(self, scope: Mapping[str, Any]) -> str:
        """Find the client's address of a call from its ASGI *scope*, as ``find`` does."""
        peer = scope.get("client")
        headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return self.find(peer[0] if peer else None, headers)

    def is_within(self, networks: Sequence[str], peer: str | None, forwarded_for: Sequence[str]) -> bool:
        """Check that a request comes from one of *networks*; without networks any address is allowed."""
        if not networks:
            return True
        client = self._address(peer, forwarded_for)
        return client is not None and any(client in ip_network(network) for network in networks)

    def apply_scheme(self, scope: MutableMapping[str, Any], named: bytes) -> None:
        """Set the scheme of a request whose last ``X-Forwarded-Proto`` is *named* to HTTPS, if a trusted proxy says so.

        The scheme decides whether cookies are ``Secure``, and is part of the hub's own address in answers. If
        ``server.public_url`` is set, its scheme is used for both, and the header is ignored.
        """
        if named.rpartition(b",")[2].strip().lower() != b"https":
            return
        peer = scope.get("client")
        address = _read((peer[0] if peer else "") or "127.0.0.1")
        if address is None or not self._is_trusted(address):
            return
        scope["scheme"] = "https"
        if not self._has_warned_of_scheme:
            self._has_warned_of_scheme = True
            _log.warning(
                "clients reach the hub by HTTPS and server.public_url is unset, so documents, links and the issuer of tokens "
                "name whatever host a request names; set it to the https:// address that clients use"
            )

    def _address(self, peer: str | None, forwarded_for: Sequence[str]) -> Address | None:
        client = _read(peer or "127.0.0.1")
        if client is None:
            return None
        if forwarded_for and not self._has_warned and client.is_private and not self._is_trusted(client):
            self._has_warned = True
            _log.warning(
                "X-Forwarded-For of %s is not believed, so all who come through it count as one address; "
                "if it is your proxy, name it in the setting 'server.trusted_proxies'",
                client,
            )
        for hop in [hop.strip() for header in forwarded_for for hop in header.split(",")][::-1]:
            address = _read(hop)
            if address is None or not self._is_trusted(client):
                break
            client = address
        return client

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def counted_as(address: str) -> str:
    """Return the key under which *address* is counted; an IPv6 address is counted as its /64 network."""
    client = _read(address)
    if isinstance(client, IPv6Address):
        return str(IPv6Network((int(client), _IPV6_PREFIX), strict=False))
    return str(client or address)


def _read(text: str) -> Address | None:
    """Read an address, with or without a port."""
    try:
        address = ip_address(text)
    except ValueError:
        try:
            address = ip_address(urlsplit(f"//{text}").hostname or "")
        except ValueError:
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
