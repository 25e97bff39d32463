"""Gathers deliveries for channels that take several at once (``Channel.deliver_batch``).

Each delivery keeps its own attempt, with a slot, a time limit and a result. Within its attempt it waits for other deliveries of
its subscription. A batch is sent as soon as it is full (by number or bytes). It is also sent if no further delivery can join
it, because the subscription has no free slot or its order lets only one delivery begin.
"""

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from trunkline.contract import Channel, Deliver, DeliverBatch, HttpClient, Push
from trunkline.dispatch.attempts.slots import Slots
from trunkline.model.deliveries import Outcome, Result
from trunkline.model.ordering import WHOLE
from trunkline.model.subscriptions import Subscription
from trunkline.runtime import shortages

Observe = Callable[[str, int], None]
"""Reports the size of a batch: (channel name, number of deliveries)."""


def deliver_for(
    slots: Slots, observe: Observe, subscription: Subscription, channel: Channel
) -> Deliver | None:
    """Return the function that makes one attempt for *subscription*.

    It is the channel's own function, unless the channel takes batches.
    """
    if channel.deliver_batch is None:
        return channel.deliver
    return _Gatherer(slots, observe, subscription, channel, channel.deliver_batch).deliver


class _Waiting(Struct, eq=False):
    """A delivery that waits for its batch to be sent, and then for its result."""

    push: Push[Any]
    result: asyncio.Future[Result]
    batch: Sequence["_Waiting"] = ()
    call: asyncio.Task[None] | None = None


class _Gatherer:
    """Gathers the deliveries of one subscription."""

    def __init__(
        self,
        slots: Slots,
        observe: Observe,
        subscription: Subscription,
        channel: Channel,
        deliver_batch: DeliverBatch,
    ) -> None:
        self._slots = slots
        self._observe = observe
        self._no, self._company_id = subscription.no, subscription.company_id
        self._channel = channel
        self._deliver_batch = deliver_batch
        self._most = 1 if subscription.ordering == WHOLE else channel.batch.most
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._in_calls = 0
        self._timer: asyncio.TimerHandle | None = None

    async def deliver(self, push: Push[Any], http: HttpClient) -> Result:
        """Make one attempt, in a batch with others."""
        loop = asyncio.get_running_loop()
        one = _Waiting(push, loop.create_future())
        most_bytes = self._channel.batch.most_bytes
        if self._waiting_bytes + len(push.body) > most_bytes:
            self._flush(http)
        self._waiting.append(one)
        self._waiting_bytes += len(push.body)
        is_full = len(self._waiting) >= self._most or self._waiting_bytes >= most_bytes
        if is_full or not self._may_follow():
            self._flush(http)
        elif self._timer is None:
            self._timer = loop.call_later(self._channel.batch.wait_seconds, self._flush, http)
        try:
            return await one.result
        except asyncio.CancelledError:
            await self._withdraw(one)
            raise

    def _may_follow(self) -> bool:
        """Return whether more deliveries may join the batch; True if uncertain."""
        queue = self._slots.queue(self._no, self._company_id)
        return self._no not in self._slots.busy or queue.in_flight != len(self._waiting) + self._in_calls

    def _flush(self, http: HttpClient) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not batch:
            return
        self._in_calls += len(batch)
        self._observe(self._channel.name, len(batch))
        call = asyncio.get_running_loop().create_task(self._call(batch, http))
        call.add_done_callback(functools.partial(self._if_never_begun, len(batch)))
        for one in batch:
            one.batch, one.call = batch, call

    async def _call(self, batch: Sequence[_Waiting], http: HttpClient) -> None:
        taken = [one for one in batch if not one.result.done()]  # the others timed out before the call began
        results: Sequence[Result] = ()
        shortage: Exception | None = None
        try:
            if taken:
                results = _matched(await self._deliver_batch([one.push for one in taken], http), len(taken))
        except asyncio.CancelledError:
            results = [Result(Outcome.RETRY, error="channel_error: CancelledError")] * len(taken)
        except Exception as error:  # noqa: BLE001 - a channel is a plugin: whatever it raises is a failed attempt at each
            results = [Result(Outcome.RETRY, error=f"channel_error: {type(error).__name__}")] * len(taken)
            shortage = error if shortages.is_own(error) else None
        self._in_calls -= len(batch)  # before other deliveries take these slots
        for one, result in zip(taken, results, strict=True):
            if one.result.done():
                continue
            if shortage is None:
                one.result.set_result(result)
            else:
                one.result.set_exception(shortage)

    def _if_never_begun(self, count: int, call: asyncio.Task[None]) -> None:
        if (
            call.cancelled()
        ):  # cancelled before its first step; a call that has begun catches its cancellation
            self._in_calls -= count

    async def _withdraw(self, one: _Waiting) -> None:
        """Remove a delivery that has timed out. If all deliveries of its call have ended, cancel the call."""
        if one in self._waiting:
            self._waiting.remove(one)
            self._waiting_bytes -= len(one.push.body)
        elif one.call is not None and not one.call.done():
            if all(other.result.done() for other in one.batch):
                one.call.cancel()
            await asyncio.wait(
                [one.call]
            )  # no retry may run beside the call; if it never ends, the runner stops waiting


def _matched(answer: object, count: int) -> Sequence[Result]:
    """Return one result for each of *count* deliveries.

    If *answer* has more or fewer results, all deliveries failed.
    """
    if isinstance(answer, list | tuple) and len(answer) == count:
        return answer
    given = f"{len(answer)} results" if isinstance(answer, list | tuple) else type(answer).__name__
    return [Result(Outcome.RETRY, error=f"channel_error: gave {given} for {count} deliveries")] * count
