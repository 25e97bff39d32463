"""Claims without a route: their subscription is paused, disabled or deleted, or this worker has not loaded it yet."""

from collections.abc import Collection, Sequence

from trunkline.dispatch.attempts.runner import CROWDED_MS
from trunkline.model.deliveries import Status
from trunkline.store import deliveries as ledger
from trunkline.store import subscriptions as subscription_store
from trunkline.store.connection import Connection
from trunkline.store.deliveries import Claim, Settled


async def put_aside(
    connection: Connection, worker: str, claims: Sequence[Claim], *, positions: Collection[int]
) -> list[Claim]:
    """End the *claims* of *worker* whose subscription or event no longer exists, and postpone the others.

    Returns the ended claims.

    *positions* are the positions of existing events. A delivery of an inactive subscription becomes due when the
    subscription becomes active.
    """
    rows = await subscription_store.locked(connection, sorted({claim.subscription_no for claim in claims}))
    settled: list[Settled] = []
    gone: list[Claim] = []
    for claim in claims:
        state = rows.get(claim.subscription_no, "deleted")
        if claim.position not in positions or state == "deleted":
            status, wait_ms = Status.GONE, None
            gone.append(claim)
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
    await ledger.settle(connection, worker, settled)
    return gone
