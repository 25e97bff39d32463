"""The delivery log, and ``explain``: why an event was delivered to a subscription or not."""

from typing import Any

import orjson

from trunkline.dispatch.routing import matching
from trunkline.dispatch.routing.matching import Readings, read
from trunkline.dispatch.signals import Signals
from trunkline.errors import NotFound
from trunkline.insight.explanations import (
    explain_delivery,
    explain_reader,
    held_by_of,
    last_answer,
    next_attempt_by,
    why_disabled,
)
from trunkline.model import cursors
from trunkline.model.deliveries import OPEN, Key
from trunkline.model.event_groups import EVERY_TYPE, takes_type
from trunkline.model.events import Event, shard_of
from trunkline.model.subscriptions import Status as SubscriptionStatus
from trunkline.model.times import utc_or_none, utc_text_of_ms
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import audit_log, order_changes, sql, stream
from trunkline.store import consumers as consumer_store
from trunkline.store import cursors as shard_cursors
from trunkline.store import deliveries as ledger
from trunkline.store import delivery_log as store
from trunkline.store import ordering as queues
from trunkline.store import shards as shard_store
from trunkline.store import subscriptions as subscription_store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.delivery_log import Logged
from trunkline.subscribing.finding import SubscriptionFinder

LOOKED_AT = 5_000
"""The number of deliveries that one step of a search by status reads. Each step takes and returns a connection."""
MAX_PIECES = 20
SHOWN_ATTEMPTS = 100
"""The number of newest attempts that are shown with a delivery; a delivery can be retried by hand any number of times."""
SHOWN_CONSUMERS = 1_000
COUNTED = 10_000
"""The number of newest deliveries among which open ones are counted."""


class DeliveryLog:
    """Reads the deliveries of one company at a time."""

    def __init__(
        self,
        database: Database,
        *,
        finder: SubscriptionFinder,
        schema_versions: SchemaVersions,
        signals: Signals,
    ) -> None:
        self._database = database
        self._schema_versions = schema_versions
        self._finder = finder
        self._signals = signals
        self._shards = 0

    async def of_subscription(
        self,
        company_id: int,
        subscription_id: str,
        *,
        channel: str | None,
        status: str | None = None,
        since_ms: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """Show a subscription's deliveries of events accepted since *since_ms*, newest event first. Raises NotFound, BadCursor."""
        before = cursors.decode(cursor, kind="d") if cursor is not None else None
        subscription = await self._finder.find(company_id, subscription_id, channel=channel)
        first = 0
        if since_ms is not None:
            async with self._database.read() as connection:
                first = await stream.position_before(connection, since_ms) + 1
        page, reached = await self._page(subscription.no, status, first=first, before=before, limit=limit)
        return {
            "deliveries": [_view(logged) for logged in page],
            "next_cursor": None if reached is None else cursors.encode(reached, kind="d"),
        }

    async def watermark(
        self, company_id: int, subscription_id: str, *, event_id: int | None = None
    ) -> str | None:
        """Return the cursor up to which a subscription has no open deliveries (``contract.DeliveryLog``). Raises NotFound."""
        async with self._database.read() as connection:
            self._shards = self._shards or await shard_store.count(connection)
            place = shard_cursors.Place(subscription_id, company_id, shard_of(company_id, self._shards))
            reached = await shard_cursors.watermark(connection, place, position=event_id)
        if reached is None:
            raise NotFound("subscription", subscription_id)
        return None if reached.has_ended else cursors.encode(reached.position)

    async def _page(
        self, subscription_no: int, status: str | None, *, first: int, before: int | None, limit: int
    ) -> tuple[list[Logged], int | None]:
        """Read a page of deliveries, newest first, down to position *first*.

        Returns the page, and the position before which the next page begins; None if there is no next page.

        If a *status* is given, a limited number of deliveries is searched, so a page may be short although more follow.
        """
        deliveries: list[Logged] = []
        for _ in range(MAX_PIECES):
            async with self._database.read() as connection:
                down_to = None
                if status is not None:
                    down_to = await store.looked_to(
                        connection, subscription_no, before=before, limit=LOOKED_AT
                    )
                    if down_to is not None and down_to <= first:
                        down_to = None
                deliveries += await store.of_subscription(
                    connection,
                    subscription_no,
                    status=status,
                    before=before,
                    limit=limit + 1 - len(deliveries),
                    down_to=down_to or first or None,
                )
            if len(deliveries) > limit:
                return deliveries[:limit], deliveries[limit - 1].position
            if down_to is None:
                return deliveries, None
            before = down_to
        return deliveries, before

    async def of_event(self, company_id: int, event_id: int) -> list[dict[str, Any]]:
        """Show an event's deliveries, including those of deleted subscriptions. Raises NotFound."""
        async with self._database.read() as connection:
            await _find_event(connection, company_id, event_id)
            deliveries = await store.of_event(connection, event_id)
        return [_view(logged) | {"subscription_id": logged.subscription_id} for logged in deliveries]

    async def get(self, company_id: int, delivery_id: str) -> dict[str, Any]:
        """Show one delivery with its newest attempts. Raises NotFound."""
        async with self._database.read() as connection:
            logged = await self._find(connection, company_id, delivery_id)
            key = Key(logged.position, logged.subscription_no)
            attempts = await store.attempts_of(connection, key, limit=SHOWN_ATTEMPTS)
        return _view(logged) | {
            "subscription_id": logged.subscription_id,
            "attempts": [
                {
                    "number": attempt.number,
                    "started_utc": utc_text_of_ms(attempt.started_ms),
                    "duration_ms": attempt.duration_ms,
                    "outcome": attempt.outcome,
                    "status_code": attempt.status_code,
                    "response_body": attempt.response_body,
                    "error": attempt.error,
                    **({"sent_twice": True} if attempt.sent_twice else {}),
                    **(
                        {"response_headers": orjson.loads(attempt.response_headers)}
                        if attempt.response_headers
                        else {}
                    ),
                }
                for attempt in attempts
            ],
        }

    async def count_open(self, company_id: int, subscription_id: str) -> int:
        """Count the pending and held deliveries among a subscription's newest ones. Raises NotFound."""
        subscription = await self._finder.find(company_id, subscription_id, channel=None)
        async with self._database.read() as connection:
            return await store.count_open(connection, subscription.no, among=COUNTED)

    async def retry(self, company_id: int, delivery_id: str) -> dict[str, Any]:
        """Make a delivery due now, whatever its state, and show it. Raises NotFound.

        An ordered delivery keeps its position: a held delivery still waits for earlier ones, and an ended delivery is made
        again before later deliveries of its key that have not started.
        """
        async with self._database.write() as connection:
            logged = await self._find(connection, company_id, delivery_id)
            key = Key(logged.position, logged.subscription_no)
            if logged.order_key is not None and logged.status in OPEN:
                await queues.lock(connection, [key.subscription_no])
                await order_changes.retry_front(connection, key)
            elif logged.status in OPEN or not await self._reopen_in_order(connection, logged):
                await ledger.retry_now(connection, key)
            before, logged = logged, await self._find(connection, company_id, delivery_id)
            _note("delivery.retried", before, logged)
        self._wake()
        return _view(logged)

    async def skip(self, company_id: int, delivery_id: str) -> dict[str, Any]:
        """End an open delivery as skipped, so that the deliveries behind it continue, and show it. Raises NotFound."""
        async with self._database.write() as connection:
            logged = await self._find(connection, company_id, delivery_id)
            if logged.order_key is not None:
                await queues.lock(connection, [logged.subscription_no])
            await order_changes.skip(connection, Key(logged.position, logged.subscription_no))
            before, logged = logged, await self._find(connection, company_id, delivery_id)
            _note("delivery.skipped", before, logged)
        self._wake()
        return _view(logged)

    async def _reopen_in_order(self, connection: Connection, logged: Logged) -> bool:
        """Reopen an ended delivery at its position in the order; False if the subscription has no ordering."""
        no = logged.subscription_no
        row = await subscription_store.by_number(connection, no)
        ordering = row.options.get("ordering")
        if ordering is None or row.status == SubscriptionStatus.DELETED:
            return False
        event = await _find_event(connection, logged.company_id, logged.position)
        order_key = matching.order_key(
            event, ordering, pins=sql.pins_of(row.pins), schema_versions=self._schema_versions
        )
        shard = shard_of(event.company_id, await shard_store.count(connection))
        await queues.lock(connection, [no])
        await queues.announce(connection, no)
        await order_changes.reopen(connection, Key(logged.position, no), order_key, shard=shard)
        return True

    def _wake(self) -> None:
        self._signals.due.set()
        self._signals.turn.set()

    async def explain(self, company_id: int, event_id: int) -> dict[str, Any]:
        """Show, for each subscription of the company, whether it matched the event, and its delivery with the last answer.

        It also shows the consumers of the event's type, and whether they have read the event. Raises NotFound.
        """
        async with self._database.read() as connection:
            event = await _find_event(connection, company_id, event_id)
            deliveries = {row.subscription_no: row for row in await store.of_event(connection, event_id)}
            last = {row.subscription_no: row for row in await store.last_attempts(connection, event_id)}
            consumers = await consumer_store.of_company(connection, company_id, limit=SHOWN_CONSUMERS)
            self._shards = self._shards or await shard_store.count(connection)
            shard = shard_of(company_id, self._shards)
            is_in_stretch = await shard_cursors.is_in_stretch(connection, shard, event_id)
        readings, explained = Readings(), list[dict[str, Any]]()
        async for subscription in self._finder.each(company_id):
            reading = read(event, subscription.pins, self._schema_versions, readings)
            entry = explain_delivery(
                subscription, event, reading, deliveries.get(subscription.no), is_in_stretch=is_in_stretch
            )
            explained.append(
                entry | last_answer(subscription, last.get(subscription.no)) | why_disabled(subscription)
            )
        read_by = [
            explain_reader(one, event)
            for one in consumers
            if takes_type(one.event_types or (EVERY_TYPE,), event.type)
        ]
        return {"event_id": event.position, "subscriptions": explained, "consumers": read_by}

    async def _find(self, connection: Connection, company_id: int, delivery_id: str) -> Logged:
        key = Key.parse(delivery_id)
        logged = await store.get(connection, key) if key else None
        if logged is None or logged.company_id != company_id:
            raise NotFound("delivery", delivery_id)
        return logged


async def _find_event(connection: Connection, company_id: int, event_id: int) -> Event:
    event = (await stream.by_positions(connection, [event_id])).get(event_id)
    if event is None or event.company_id != company_id:
        raise NotFound("event", event_id)
    return event


def _note(action: str, before: Logged, after: Logged) -> None:
    """Record a user's change of a delivery in the audit log, even if the status is unchanged."""
    key = Key(after.position, after.subscription_no)
    was = {"status": before.status, "attempts": before.attempts}
    audit_log.note(
        action, str(key), company_id=after.company_id, before=was, after={"status": after.status, "due": True}
    )


def _view(logged: Logged) -> dict[str, Any]:
    return {
        "id": str(Key(logged.position, logged.subscription_no)),
        "event_id": logged.position,
        "event_type": logged.event_type,
        "status": logged.status,
        "attempts": logged.attempts,
        "last_status_code": logged.last_status_code,
        "next_attempt_utc": utc_or_none(logged.next_attempt_ms),
        "updated_utc": utc_text_of_ms(logged.updated_ms),
        **next_attempt_by(logged),
        **held_by_of(logged),
    }
