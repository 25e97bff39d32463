"""HTTPS that ends at a proxy: a request has the scheme that a trusted proxy names in ``X-Forwarded-Proto``.

The scheme decides whether cookies are ``Secure``, and is part of the hub's own address in answers. If
``server.public_url`` is set, its scheme is used for both, and the header is ignored.
"""

import logging

from starlette.types import Scope

from trunkline.access.client_addresses import ClientAddresses

_log = logging.getLogger(__name__)


class ForwardedScheme:
    """Treats requests as sent by HTTPS if a trusted proxy says so."""

    def __init__(self, client_addresses: ClientAddresses) -> None:
        self._client_addresses = client_addresses
        self._has_warned = False

    def apply(self, scope: Scope, named: bytes) -> None:
        """Set the scheme of a request whose last ``X-Forwarded-Proto`` is *named*."""
        if named.rpartition(b",")[2].strip().lower() == b"https":
            client = scope.get("client")
            if self._client_addresses.is_proxy(client[0] if client else None):
                scope["scheme"] = "https"
                if not self._has_warned:
                    self._has_warned = True
                    _log.warning(
                        "clients reach the hub by HTTPS and server.public_url is unset, so documents, links and the issuer of tokens "
                        "name whatever host a request names; set it to the https:// address that clients use"
                    )
