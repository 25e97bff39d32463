"""The positions at which a subscription starts, stops and resumes, and the replay of missed events."""

from collections.abc import Callable

from msgspec import Struct

from trunkline.dispatch.ledger import replay
from trunkline.dispatch.ledger.replay import Range
from trunkline.model.events import shard_of
from trunkline.model.subscriptions import Status, Subscription
from trunkline.store import cursors, retention, stream
from trunkline.store.connection import Connection
from trunkline.store.wakeup import Signal
from trunkline.subscribing.requests import Start


class CatchUp(Struct, frozen=True):
    """Starts replays of missed events. *shards* returns the number of shards; *replay_signal* is set when a replay has started."""

    shards: Callable[[], int]
    replay_signal: Signal

    async def check_start(self, connection: Connection, company_id: int, start: Start) -> None:
        """Check that the log still has all events of the company since *start*. Raises CursorExpired, CursorUnknown."""
        if start.position:
            await retention.check_cursor(connection, company_id, after=start.position)

    async def begin_at(self, connection: Connection, subscription: Subscription, start: Start) -> None:
        """Deliver the events since *start* to a new subscription. *start* has been checked."""
        after = start.position
        if start.since_ms is not None:
            after = await stream.position_before(connection, start.since_ms)
        await self._begin(connection, subscription, after=after, up_to=subscription.start_position)

    async def begin_within(
        self, connection: Connection, subscription: Subscription, start: Start, *, oldest_ms: int | None
    ) -> bool:
        """Deliver the events since *start* to a new subscription.

        Events that are no longer in the log, or were accepted before *oldest_ms*, are left out. Returns whether requested
        events of the company may be missing.
        """
        after = start.position
        if start.since_ms is not None:
            after = await stream.position_before(connection, start.since_ms)
        bounds = await retention.log_bounds(connection)
        is_truncated = 0 < after < bounds.edge or after > bounds.head
        begin = bounds.edge if is_truncated else max(after, bounds.edge)
        if oldest_ms is not None:
            young = await stream.position_before(connection, oldest_ms)
            first = await stream.first_of_company(connection, subscription.company_id, after=begin)
            is_truncated = is_truncated or (first is not None and first <= young)
            begin = max(begin, young)
        await self._begin(connection, subscription, after=begin, up_to=subscription.start_position)
        return is_truncated

    async def resume(
        self, connection: Connection, stopped: Subscription, *, up_to: int, catch_up: bool
    ) -> int | None:
        """Deliver the events missed since *stopped* was paused or disabled, up to *up_to*; without *catch_up*, none.

        Returns the position up to which events are missing; None if no event is missing. This is only checked for a
        subscription that a holder renews; for others None is returned.
        """
        after = stopped.resume_position
        if after is None or not (catch_up or stopped.name):
            return None
        if not catch_up:
            first = await stream.first_of_company(connection, stopped.company_id, after=after)
            return up_to if first is not None and first <= up_to else None
        edge = (await retention.log_bounds(connection)).edge if stopped.name else 0
        await self._begin(connection, stopped, after=max(after, edge), up_to=up_to)
        return edge if after < edge else None

    async def resume_position(self, connection: Connection, subscription: Subscription) -> int | None:
        """Find the position after which *subscription* misses events if it is paused now."""
        if subscription.status != Status.ACTIVE:
            return subscription.resume_position
        shard = shard_of(subscription.company_id, self.shards())
        cursor = await cursors.cursor_of(connection, shard, subscription.no)
        # the cursor of its shard may not have reached its start
        return max(cursor, subscription.start_position)

    async def _begin(
        self, connection: Connection, subscription: Subscription, *, after: int, up_to: int
    ) -> None:
        if after < up_to:
            await replay.begin(connection, subscription, Range(after, up_to, kind=replay.MISSED))
            self.replay_signal.set()
