"""Parts of a shard: several workers share the deliveries of one hot company.

A shard has the events of its companies, and one worker makes their deliveries. If one company needs more than one
worker, its shard is divided. The holder of each part reads the same events, and makes the deliveries of the
subscriptions in its part. A subscription never changes its part, so that a single worker can keep its order and its
pace.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

PARTS = 8
"""The number of parts of a divided shard. Do not change it: the table ``shard_parts`` has a row for each part."""
WHOLE = -1
"""The part number of an undivided shard."""
AnyValue = TypeVar("AnyValue")


class Slice(NamedTuple):
    """A shard, or a part of a shard, that one worker holds."""

    shard: int
    part: int = WHOLE

    def __str__(self) -> str:
        """Show a shard as ``5``, a part as ``5.3``."""
        return str(self.shard) if self.part == WHOLE else f"{self.shard}.{self.part}"

    def has(self, subscription_no: int) -> bool:
        """Return whether this slice contains a subscription, whose company must be in the slice's shard."""
        return self.part in {WHOLE, part_of(subscription_no)}


def part_of(subscription_no: int) -> int:
    """Return the part of the shard to which a subscription belongs when the shard is divided."""
    return subscription_no % PARTS


def find(held: Mapping[Slice, AnyValue], shard: int, subscription_no: int) -> AnyValue | None:
    """Return the value in *held* for the whole *shard*, or else for the part of the shard that has the subscription."""
    whole = held.get(Slice(shard))
    return held.get(Slice(shard, part_of(subscription_no))) if whole is None else whole
