"""Resolves the host name of a target when a subscription is created or its target is changed.

Each delivery checks the addresses again. Because of the check here, the caller learns at once if an address would be
refused.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from trunkline.errors import AddressRefused, TargetRefused
from trunkline.targets import urls
from trunkline.targets.addresses import AddressPolicy

LIMIT_SECONDS = 2.0
"""How long a caller waits for a name to resolve."""
_SHOWN_CHARACTERS = 60


class Resolver(Protocol):
    """Resolves the host names of URLs, within a company's limit of lookups."""

    async def addresses(self, url: str, *, tenant: int) -> Sequence[str]:
        """Find the addresses of the host of *url*.

        Raises:
            AddressRefused: the policy forbids one of the addresses.
            OSError: the host name does not resolve.
        """
        ...


class TargetNames(Struct, frozen=True):
    """Checks the host names of targets. If *policy* allows private networks, any name is allowed."""

    resolver: Resolver
    policy: AddressPolicy
    limit_seconds: float = LIMIT_SECONDS

    async def check(self, url: str, *, company_id: int, path: str = "/target_url") -> list[str]:
        """Return a warning if the host name in *url*, a checked target, does not resolve in time.

        Raises:
            TargetRefused: the name resolves to a refused address. The message does not contain the address, because the name
                may belong to the operator's network.
        """
        if self.policy.allow_private_networks or urls.scheme_of(url) not in urls.HTTP_SCHEMES:
            return []
        name = (urlsplit(self.policy.check_url(url)).hostname or "")[:_SHOWN_CHARACTERS]
        try:
            async with asyncio.timeout(self.limit_seconds):
                await self.resolver.addresses(url, tenant=company_id)
        except AddressRefused:
            msg = f"leads to '{name}', which resolves to an address that is not globally reachable"
            raise TargetRefused(msg, path=path) from None
        except OSError:  # a TimeoutError is an OSError
            consequence = "what is sent there fails, and is tried again, until it can be"
            return [f"The name '{name}' could not be resolved now: {consequence}."]
        return []
