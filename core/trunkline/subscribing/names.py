"""Where the name of a target leads, asked when a subscription is made or its target is changed.

A push is judged again by the addresses that are dialled; here the caller learns at once what would be refused then.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from trunkline.errors import AddressRefused, TargetRefused
from trunkline.targets import urls
from trunkline.targets.addresses import AddressPolicy

LIMIT_SECONDS = 2.0
"""How long a caller waits for a name."""
_SHOWN_CHARACTERS = 60


class Resolver(Protocol):
    """Finds out where URLs lead, within what one company may ask for at once."""

    async def addresses(self, url: str, *, tenant: int) -> Sequence[str]:
        """Find the addresses of *url*.

        Raises:
            AddressRefused: the policy forbids one of them.
            OSError: its name does not resolve.
        """
        ...


@dataclass(frozen=True, slots=True)
class TargetNames:
    """Judges the names of targets; where *policy* allows private networks, any name may be one."""

    resolver: Resolver
    policy: AddressPolicy
    limit_seconds: float = LIMIT_SECONDS

    async def check(self, url: str, *, company_id: int, path: str = "/target_url") -> list[str]:
        """Give a warning where the name in *url*, a target that was checked, does not resolve (in time).

        Raises:
            TargetRefused: it resolves to an address that is refused. The sentence does not say to which: the name may
                be one of the operator's own network.
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
        except OSError:  # TimeoutError is one
            consequence = "what is sent there fails, and is tried again, until it can be"
            return [f"The name '{name}' could not be resolved now: {consequence}."]
        return []
