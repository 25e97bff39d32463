"""What every case starts with: a victim with keys and a subscription, and three companies that mean it no good."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from trunkline.access.keys import COMPANY_SCOPES
from trunkline.hub.hub import Hub
from trunkline.model.events import shard_of

VICTIM = 7
KEYS_OF_VICTIM = 8
"""An ordinary customer has a few tools; each of them has a key, and calls within its limits."""
KEYS_OF_ATTACKER = 3


def _neighbour() -> int:
    """Find a company whose events stand in the victim's shard."""
    return next(no for no in range(VICTIM + 1, 10_000) if shard_of(no, 16) == shard_of(VICTIM, 16))


ATTACKERS = (_neighbour(), 3, 4)
"""The first shares the victim's shard of the log, so that its events are read with the victim's."""
IN_TEST = len(ATTACKERS)
"""Where the test environment of the first stands behind them."""


@dataclass(frozen=True, slots=True)
class Company:
    """A company that calls the hub."""

    id: int
    keys: list[str]


@dataclass(frozen=True, slots=True)
class Furniture:
    """Who there is."""

    victim: Company
    attackers: list[Company]
    subscription_id: str
    """The victim's."""
    subscription_no: int

    def to_json(self) -> str:
        """Write it down for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        return cls(
            Company(**said["victim"]),
            [Company(**company) for company in said["attackers"]],
            said["subscription_id"],
            said["subscription_no"],
        )


async def furnish(hub: Hub, target_url: str) -> Furniture:
    """Make the companies' keys, and the victim's subscription to everything."""
    victim = await _company(hub, VICTIM, KEYS_OF_VICTIM)
    attackers = [await _company(hub, company, KEYS_OF_ATTACKER) for company in (*ATTACKERS, -ATTACKERS[0])]
    request = {"target_url": target_url, "event_types": ["*"]}
    view = await hub.subscriptions.create(VICTIM, request, channel="webhooks")
    found = await hub.subscriptions.find(VICTIM, view["id"], channel="webhooks")
    return Furniture(victim, attackers, found.id, found.no)


async def _company(hub: Hub, company: int, count: int) -> Company:
    made = [await hub.keys.create(company, name=f"tool {n}", scopes=COMPANY_SCOPES) for n in range(count)]
    return Company(company, [key for _, key in made])
