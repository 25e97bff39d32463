"""Parts of a shard: how several workers share the deliveries of one hot company.

A shard has the events of its companies, and one worker makes their deliveries. Where that is not enough for one of them, the
shard is divided: the holder of a part reads the same events, and makes the deliveries of the subscriptions that are its own. A
subscription stays in its part, so that what is in an order, or has a pace, meets in one worker.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

PARTS = 8
"""Parts of a shard that is divided. The ledger does not know it, but ``shard_parts`` has a row for each: it cannot change."""
WHOLE = -1
"""The part of a shard that is not divided."""
AnyValue = TypeVar("AnyValue")


class Slice(NamedTuple):
    """What one worker holds: a shard, or a part of it."""

    shard: int
    part: int = WHOLE

    def __str__(self) -> str:
        """Show it as ``5``, or the part as ``5.3``."""
        return str(self.shard) if self.part == WHOLE else f"{self.shard}.{self.part}"

    def has(self, subscription_no: int) -> bool:
        """Tell whether it has the subscription, of a company of its shard."""
        return self.part in {WHOLE, part_of(subscription_no)}


def part_of(subscription_no: int) -> int:
    """Tell which part of its company's shard a subscription is in, where that is divided."""
    return subscription_no % PARTS


def find(held: Mapping[Slice, AnyValue], shard: int, subscription_no: int) -> AnyValue | None:
    """Find what is *held* for a subscription of a company of *shard*: for the whole of it, or for its part."""
    whole = held.get(Slice(shard))
    return held.get(Slice(shard, part_of(subscription_no))) if whole is None else whole
