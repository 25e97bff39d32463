"""The initial data of a hub of the matrix: a victim with keys and a subscription, and separate attacking companies for each row."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from trunkline.access.keys import COMPANY_SCOPES
from trunkline.hub.hub import Hub
from trunkline.model.events import shard_of

VICTIM = 7
KEYS_OF_VICTIM = 17
"""Keys of an ordinary customer's tools, each within its limits. The first is for the portal."""
KEYS_OF_ATTACKER = 3
ROWS_OF_A_HUB = 20
"""Limit of rows on one hub."""
IN_TEST = 3
"""Index of the first attacker's test environment among a row's attackers."""


def _neighbours() -> Iterator[int]:
    """Find companies with events in the victim's shard."""
    return (no for no in itertools.count(VICTIM + 1) if shard_of(no, 16) == shard_of(VICTIM, 16))


@dataclass(frozen=True, slots=True)
class Company:
    id: int
    keys: list[str]


@dataclass(frozen=True, slots=True)
class Furniture:
    """The companies of a hub."""

    victim: Company
    attackers: list[list[Company]]
    """The attackers of each row: a company in the victim's shard, two others, and the first company's test environment."""
    owner: Company
    """The first company of the first row, with keys for every row: it owns the prepared data."""
    operator_key: str
    subscription_id: str
    """The victim's subscription."""
    subscription_no: int

    def attackers_of(self, turn: int, *, is_prepared: bool) -> list[Company]:
        """Give the attackers of the hub's row number *turn*; with prepared data the first attacker is the owner, with new keys."""
        first, *others = self.attackers[turn]
        if is_prepared:
            keys = self.owner.keys[KEYS_OF_ATTACKER * turn :][:KEYS_OF_ATTACKER]
            first = Company(self.owner.id, keys)
        return [first, *others]


async def furnish(hub: Hub, target_url: str) -> Furniture:
    """Make the companies' keys, and the victim's subscription to everything."""
    victim = await _company(hub, VICTIM, KEYS_OF_VICTIM)
    numbers = itertools.islice(_neighbours(), ROWS_OF_A_HUB)
    attackers = [
        [
            await _company(hub, number, KEYS_OF_ATTACKER)
            for number in (first, 100_003 + 2 * turn, 100_004 + 2 * turn, -first)
        ]
        for turn, first in enumerate(numbers)
    ]
    owner = await _company(hub, attackers[0][0].id, KEYS_OF_ATTACKER * ROWS_OF_A_HUB)
    _, operator_key = await hub.keys.create(None, name="operator", scopes=["operator"])
    request = {"target_url": target_url, "event_types": ["*"]}
    view = await hub.subscriptions.create(VICTIM, request, channel="webhooks")
    found = await hub.subscriptions.find(VICTIM, view["id"], channel="webhooks")
    return Furniture(victim, attackers, owner, operator_key, found.id, found.no)


async def _company(hub: Hub, company: int, count: int) -> Company:
    made = [await hub.keys.create(company, name=f"tool {n}", scopes=COMPANY_SCOPES) for n in range(count)]
    return Company(company, [key for _, key in made])
