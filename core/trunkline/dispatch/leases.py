"""Which shards this worker reads: leases are taken, prolonged, shared out among the living, and given back."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from trunkline.dispatch import reports
from trunkline.dispatch.progress import Progress
from trunkline.errors import StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import shards as shard_store
from trunkline.store.database import Database
from trunkline.store.shards import Lease

LEASE_MS = 6_000
"""CONTRACT §13: a killed worker's share flows again within 10 s."""
RENEW_SECONDS = 1.5
_log = logging.getLogger(__name__)


class Leases:
    """Keeps *owned* (shard number → progress) true."""

    def __init__(
        self,
        database: Database,
        worker: str,
        owned: dict[int, Progress],
        *,
        shards: int,
        on_taken: Callable[[], None],
    ) -> None:
        self._database = database
        self._worker = worker
        self._owned = owned
        self._shards = shards
        self._on_taken = on_taken
        self._alive_until = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether the others still take this worker for living, so that nobody frees what it claims."""
        return time.monotonic() < self._alive_until

    async def run(self) -> None:
        """Look after the leases until cancelled."""
        while True:
            try:
                await self.look_after()
            except StoreUnavailable as error:
                _log.warning("cannot renew the leases now: %s", error)
            await asyncio.sleep(RENEW_SECONDS)

    async def look_after(self) -> None:
        """Say that this worker lives, prolong what it holds, and take or give back its share."""
        self._drop_lost()
        asked = time.monotonic()
        async with self._database.write() as connection:
            alive = await shard_store.heartbeat(connection, self._worker, lease_ms=LEASE_MS)
            faults.point("lease.after_heartbeat")
            mine = [progress.lease for progress in self._owned.values()]
            kept = (
                await shard_store.renew(connection, self._worker, mine, lease_ms=LEASE_MS)
                if mine
                else set[int]()
            )
            await shard_store.disown(connection, self._worker, mine)
        faults.point("lease.after_renew_commit")
        self._alive_until = asked + LEASE_MS / 1000
        for progress in list(self._owned.values()):
            if progress.lease.shard not in kept:
                progress.lost = True
            progress.valid_until = asked + LEASE_MS / 1000
        self._drop_lost()
        share = -(-self._shards // max(alive, 1))
        await self._give_back(max(len(self._owned) - share, 0))
        if len(self._owned) < share:
            await self._take(share - len(self._owned))

    async def leave(self) -> None:
        """Give everything back at once; what is still open is read again by the next holder."""
        faults.point("lease.before_leave")
        async with self._database.write() as connection:
            await shard_store.leave(connection, self._worker)
        faults.point("lease.after_leave")
        self._owned.clear()

    async def _take(self, limit: int) -> None:
        asked = time.monotonic()
        async with self._database.write() as connection:
            leases = await shard_store.claim(connection, self._worker, limit=limit, lease_ms=LEASE_MS)
            faults.point("lease.after_claim")
        faults.point("lease.after_claim_commit")
        leases = self._go_on(leases)
        for lease in leases:
            async with self._database.read() as connection:
                settled = await ledger.keys_after(connection, lease.shard, cursor=lease.cursor)
            progress = self._owned[lease.shard] = Progress(lease, settled=settled)
            progress.valid_until = asked + LEASE_MS / 1000
        if leases:
            reports.shards_changed("took", self._worker, [lease.shard for lease in leases])
            self._on_taken()

    def _go_on(self, leases: Sequence[Lease]) -> list[Lease]:
        """Read on under the new epoch where a lease of this worker's own had lapsed unseen; returns the other *leases*.

        To begin such a shard again would send once more whatever of it is in flight.
        """
        for lease in leases:
            if (progress := self._owned.get(lease.shard)) is not None:
                progress.lease = lease
        return [lease for lease in leases if lease.shard not in self._owned]

    async def _give_back(self, surplus: int) -> None:
        """Stop reading *surplus* shards, and hand over those whose deliveries have all ended; the others are read on."""
        ordered = sorted(self._owned.values(), key=lambda p: (not p.draining, -p.lease.shard))
        for progress in ordered:
            progress.draining = False
        draining = ordered[:surplus]
        for progress in draining:
            progress.draining = True
        done = [p for p in draining if p.is_settled and p.cursor == p.written]
        if not done:
            return
        for progress in done:  # before the lease is given back: a page that is on its way must find it gone
            progress.lost = True
            del self._owned[progress.lease.shard]
        async with self._database.write() as connection:
            await shard_store.release(connection, self._worker, [p.lease for p in done])
            faults.point("lease.after_release")
        faults.point("lease.after_release_commit")
        reports.shards_changed("gave back", self._worker, sorted(p.lease.shard for p in done))
        self._drop_lost()

    def _drop_lost(self) -> None:
        lost = [shard for shard, progress in self._owned.items() if progress.lost]
        for shard in lost:
            del self._owned[shard]
        reports.shards_changed("lost", self._worker, sorted(lost))
