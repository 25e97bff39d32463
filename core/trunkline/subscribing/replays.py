"""Replays for users: started, shown, cancelled."""

from collections.abc import Mapping
from typing import Any

import orjson

from trunkline.access.company_limits import CompanyLimits
from trunkline.dispatch.ledger import replay
from trunkline.errors import LimitReached, NotFound
from trunkline.model.times import utc_text_of_ms
from trunkline.runtime import faults
from trunkline.store import order_changes, ordering, releasing
from trunkline.store import replays as store
from trunkline.store import subscriptions as subscription_store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.replays import Row
from trunkline.store.wakeup import Signal
from trunkline.subscribing.dry_runs import DryRuns
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.requests import Checker


class Replays:
    """Starts, shows and cancels replays, one company at a time (``contract.Replays``)."""

    def __init__(
        self,
        database: Database,
        *,
        finder: SubscriptionFinder,
        checker: Checker,
        dry_runs: DryRuns,
        limits: CompanyLimits,
        replay_signal: Signal,
    ) -> None:
        self._database = database
        self._dry_runs = dry_runs
        self._limits = limits
        self._finder = finder
        self._checker = checker
        self._replay_signal = replay_signal

    async def start(
        self, company_id: int, subscription_id: str, request: Mapping[str, Any], *, channel: str | None
    ) -> dict[str, Any]:
        """Start a replay and show it, or only count (``dry_run``). Raises NotFound, BodyInvalid, LimitReached, TooMuchAtOnce."""
        subscription = await self._finder.find(company_id, subscription_id, channel=channel)
        for name in ("event_types", "versions"):
            self._checker.check({name: request.get(name)}, required=(), known=(name,))
        versions = request.get("versions")
        if request.get("dry_run"):
            return await self._dry_runs.count(subscription, request)
        limit = (await self._limits.of(company_id)).replays_at_once
        async with self._database.write() as connection:
            if await store.count_running(connection, company_id) >= limit:
                raise LimitReached(
                    "replays_at_once", limit, things="replays that run", remedy="wait for one, or cancel it"
                )
            pins = None if versions is None else {**subscription.pins, **versions}
            span = await replay.plan(connection, request, pins=pins)
            row = await replay.begin(connection, subscription, span)
        self._replay_signal.set()
        return _view(row, delivered=0)

    async def of_subscription(
        self, company_id: int, subscription_id: str, *, channel: str | None, limit: int = 20
    ) -> list[dict[str, Any]]:
        """Show a subscription's newest replays (``contract.Replays``). Raises NotFound."""
        subscription = await self._finder.find(company_id, subscription_id, channel=channel)
        async with self._database.read() as connection:
            rows = await store.of_subscription(connection, subscription.no, limit=limit)
            delivered = [await _delivered(connection, row) for row in rows]
        return [
            _view(row, delivered=count)
            | {
                "kind": row.kind,
                "event_types": orjson.loads(row.event_types) if row.event_types else [],
                "remaining": max(row.end_position - row.position, 0) if row.status == "running" else 0,
            }
            for row, count in zip(rows, delivered, strict=True)
        ]

    async def get(self, company_id: int, replay_id: str) -> dict[str, Any]:
        """Show a replay's progress. Raises NotFound."""
        async with self._database.read() as connection:
            row = await _find(connection, company_id, replay_id)
            delivered = await _delivered(connection, row)
        return _view(row, delivered=delivered)

    async def cancel(self, company_id: int, replay_id: str) -> None:
        """Stop a replay, and withdraw its due deliveries that have not started. Raises NotFound."""
        async with self._database.write() as connection:
            row = await _find(connection, company_id, replay_id)
            await ordering.lock(connection, [row.subscription_no])
            if row.status == "running" and row.kind == replay.MISSED:
                await subscription_store.note_gap(connection, row.subscription_no, position=row.end_position)
            if await store.end(connection, row.no, "cancelled"):
                await order_changes.take_back(connection, row.no, row.subscription_no)
                faults.point("replay.after_withdraw")
            await releasing.release(connection, row.subscription_no)
        self._replay_signal.set()


async def _find(connection: Connection, company_id: int, replay_id: str) -> Row:
    row = await store.get(connection, replay_id) if replay_id.isascii() and replay_id.isprintable() else None
    if row is None or row.company_id != company_id:
        raise NotFound("replay", replay_id)
    return row


async def _delivered(connection: Connection, row: Row) -> int:
    return row.delivered if row.delivered is not None else await store.delivered(connection, row.no)


def _view(row: Row, *, delivered: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "matched": row.matched,
        "delivered": delivered,
        "status": row.status,
        "created_utc": utc_text_of_ms(row.created_ms),
        "updated_utc": utc_text_of_ms(row.updated_ms),
    }
