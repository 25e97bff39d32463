"""Hot companies: finds the shards to divide, so that several workers share the deliveries of one company.

A company is hot if many of its events have waited for their deliveries longer than a burst takes.
"""

from collections.abc import Sequence

from trunkline.dispatch.reading.matching_lane import MatchingLane
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.parts import WHOLE, Slice

HOT_EVENTS = 1_000
"""A company is hot if so many of its events wait, …"""
LOOKS = 3
"""… at so many looks in a row. Each renewal of the leases is one look."""


class Dividing:
    """Marks the whole shards in *owned* that are to be divided. The leases divide them once no delivery of them is open."""

    def __init__(self, owned: OwnedShards, table: RoutingTable, lanes: Sequence[MatchingLane]) -> None:
        self._owned = owned
        self._table = table
        self._lanes = lanes
        self._looks: dict[Slice, int] = {}

    def mark(self, alive: int) -> None:
        """Look once, and mark the shards of hot companies; if fewer than two workers are *alive*, none is divided."""
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
