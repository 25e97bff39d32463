"""Hot companies: finds the shards that are to be divided, so that several workers share the deliveries of one company.

A company is hot while many of its events wait for their deliveries to begin, for longer than a burst takes.
"""

from collections.abc import Sequence

from trunkline.dispatch.reading.matching_lane import MatchingLane
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.parts import WHOLE, Slice

HOT_EVENTS = 1_000
"""Events of a company that wait, …"""
LOOKS = 3
"""… at so many looks in a row, one with each renewal of the leases."""


class Dividing:
    """Marks those of the whole shards in *owned* that are to be divided; the leases do it, once nothing of them is open."""

    def __init__(self, owned: OwnedShards, table: RoutingTable, lanes: Sequence[MatchingLane]) -> None:
        self._owned = owned
        self._table = table
        self._lanes = lanes
        self._looks: dict[Slice, int] = {}

    def mark(self, alive: int) -> None:
        """Look once, and mark what is hot; where fewer than two workers are *alive*, nothing is divided."""
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
