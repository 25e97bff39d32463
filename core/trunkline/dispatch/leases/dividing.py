"""Hot companies: finds the shards to divide, so that several workers share the deliveries of one company.

A company is hot if many of its events have been waiting for longer than a short burst lasts.
"""

from collections.abc import Sequence

from trunkline.dispatch.reading.matching_lane import MatchingLane
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.parts import WHOLE, Slice

HOT_EVENTS = 1_000
"""A company is hot if at least this many of its events wait at each of ``LOOKS`` checks in a row."""
LOOKS = 3
"""The number of checks in a row after which a company is hot. Each renewal of the leases is one check."""


class Dividing:
    """Marks the shards in *owned* that are to be divided. The leases divide a shard once it has no open deliveries."""

    def __init__(self, owned: OwnedShards, table: RoutingTable, lanes: Sequence[MatchingLane]) -> None:
        self._owned = owned
        self._table = table
        self._lanes = lanes
        self._looks: dict[Slice, int] = {}

    def mark(self, alive: int) -> None:
        """Check once, and mark the shards of hot companies; with fewer than two workers *alive*, mark none."""
        hot = {
            held
            for lane in self._lanes
            if alive > 1
            for company_id, held in lane.crowded(least=HOT_EVENTS)
            if held.part == WHOLE and self._table.is_in_parts(company_id)
        }
        self._looks = {held: self._looks.get(held, 0) + 1 for held in hot}
        for held, progress in self._owned.progress.items():
            is_hot = self._looks.get(held, 0) >= LOOKS
            progress.dividing = alive > 1 and (progress.dividing or is_hot)
