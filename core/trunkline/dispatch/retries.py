"""The retry lane: claims what is due and hands it to the runner."""

import logging
from collections.abc import Sequence

from trunkline.database import Database
from trunkline.deliveries import Status
from trunkline.dispatch.jobs import Job, Shelved
from trunkline.dispatch.routing import RoutingTable
from trunkline.dispatch.runner import Runner
from trunkline.dispatch.settlement import Settlement
from trunkline.errors import StoreUnavailable
from trunkline.store import deliveries as ledger
from trunkline.store import stream
from trunkline.store import subscriptions as subscription_store
from trunkline.store.deliveries import Claim, Settled
from trunkline.wakeup import Bell

LOOK_SECONDS = 1.0
PAGE = 200
CROWDED_MS = 500
"""When a claimed delivery that finds no place is due again."""
_log = logging.getLogger(__name__)


class Retries:
    """Claims for this worker; *lease_ms* is how long a claim holds."""

    def __init__(
        self,
        database: Database,
        worker: str,
        table: RoutingTable,
        runner: Runner,
        settlement: Settlement,
        *,
        lease_ms: int,
        per_subscription: int,
    ) -> None:
        self._database = database
        self._worker = worker
        self._table = table
        self._runner = runner
        self._settlement = settlement
        self._lease_ms = lease_ms
        self._per_subscription = per_subscription

    async def run(self, bell: Bell) -> None:
        """Claim whenever something is due, looking once a second at least."""
        while True:
            wait = LOOK_SECONDS
            try:
                if await self.claim_due() >= PAGE // 2:
                    wait = 0.01
                else:
                    async with self._database.read() as connection:
                        due_ms = await ledger.next_due_ms(connection)
                    wait = LOOK_SECONDS if due_ms is None else min(max(due_ms / 1000, 0.02), LOOK_SECONDS)
            except StoreUnavailable as error:
                _log.warning("cannot claim retries now: %s", error)
            await bell.wait(wait)

    async def claim_due(self) -> int:
        """Claim what is due and there is a place for; returns how many."""
        places = self._runner.places
        limit = min(places.free, PAGE)
        if not limit:
            return 0
        async with self._database.read() as connection:
            if (await ledger.next_due_ms(connection) or 0) > 0:
                return 0
        async with self._database.write() as connection:
            claims = await ledger.claim_due(
                connection,
                self._worker,
                limit=limit,
                per_subscription=self._per_subscription,
                lease_ms=self._lease_ms,
                busy=places.busy,
            )
        if claims:
            await self._start(claims)
        return len(claims)

    async def _start(self, claims: Sequence[Claim]) -> None:
        async with self._database.read() as connection:
            events = await stream.by_positions(connection, [claim.position for claim in claims])
        homeless: list[Claim] = []
        for claim in claims:
            event, route = events.get(claim.position), self._table.route(claim.subscription_no)
            if event is None or route is None:
                homeless.append(claim)
                continue
            job = Job(event, route, attempt=claim.attempts + 1, claim=claim.claim)
            if self._runner.places.room(self._runner.places.standing(claim.subscription_no)) > 0:
                self._runner.submit(job)
            else:
                self._settlement.put(Shelved(job, Status.PENDING, CROWDED_MS))
        if homeless:
            await self._shelter(homeless, {position for position in events})

    async def _shelter(self, claims: Sequence[Claim], positions: set[int]) -> None:
        """Put aside what nobody can be asked to take now: its subscription is paused, disabled, deleted, or new to us."""
        async with self._database.write() as connection:
            rows = await subscription_store.locked(connection, sorted({claim.subscription_no for claim in claims}))
            settled: list[Settled] = []
            for claim in claims:
                state = rows.get(claim.subscription_no, "deleted")
                if claim.position not in positions or state == "deleted":
                    status, wait_ms = Status.GONE, None
                else:
                    status, wait_ms = Status.PENDING, CROWDED_MS if state == "active" else None
                settled.append(
                    Settled(
                        claim.position,
                        claim.subscription_no,
                        status,
                        claim.attempts,
                        None,
                        wait_ms=wait_ms,
                        claim=claim.claim,
                    )
                )
            await ledger.settle(connection, settled)
