"""Batches under test: attempts at several deliveries at once, as the hub makes them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trunkline.contract import AcceptedEvent, Push
from trunkline.dispatch.attempts.results import checked
from trunkline.model.deliveries import Outcome, Result
from trunkline.schemas.catalog import Json
from trunkline_kit.checks import demand, fail
from trunkline_kit.far_sides import Arrival, FarSide
from trunkline_kit.suites.channel_trial import ChannelTrial

MOST = 12
"""Largest number of events in a batch of these checks, except in the check of the channel's largest batch."""


@dataclass(frozen=True, slots=True)
class BatchTrial:
    """One hub in which a channel that takes batches runs."""

    trial: ChannelTrial

    @property
    def size(self) -> int:
        """Number of events in a batch of these checks."""
        return min(MOST, self.trial.channel.batch.most)

    def pushes(
        self, count: int | None = None, *, length: int = 0, side: FarSide | None = None, **changes: Any
    ) -> list[Push[Any]]:
        """Make the pushes of *count* deliveries of one subscription, oldest first; each body has at least *length* bytes."""
        first = self.trial.push(side=side)
        made: list[Push[Any]] = []
        for event_id in (str(int(first.event_id) + number) for number in range(count or self.size)):
            body = first.body.replace(first.event_id.encode(), event_id.encode(), 1)
            padding = b" " * max(0, length - len(body))
            whole = {
                "event_id": event_id,
                "delivery_id": f"dlv_{event_id}_1",
                "cursor": f"after-{event_id}",
                "body": body[:-1] + padding + body[-1:],
            }
            made.append(self.trial.push(side=side, **whole | changes))
        return made

    async def attempt(self, pushes: Sequence[Push[Any]], *, seconds: float | None = None) -> list[Result]:
        """Make one attempt at each of *pushes*, in one batch; if the channel raises, every attempt has failed.

        The check fails if the attempt takes longer than *seconds*, or gives another number of results.
        """
        deliver_batch, trial = self.trial.channel.deliver_batch, self.trial
        assert deliver_batch is not None
        longest = seconds or trial.patience_seconds
        limit = asyncio.timeout(longest)
        try:
            async with limit:
                results = await deliver_batch(pushes, trial.hub.http)
        except Exception as error:  # noqa: BLE001 - a channel is a plugin: whatever it raises is a failed attempt at each
            if limit.expired():
                fail(
                    f"{trial.name} did not end a batch of {len(pushes)} events within {longest:g} s; it should give up in time, or ask "
                    "for smaller ones (Batch)"
                )
            trial.raised.append(error)
            return [Result(Outcome.RETRY, error=f"channel_error: {type(error).__name__}")] * len(pushes)
        demand(
            isinstance(results, list | tuple) and len(results) == len(pushes),
            f"{trial.name} did not give a result for each of {len(pushes)} deliveries; it should give one for each, in their order",
        )
        return [checked(result) for result in results]

    async def demand_delivered(self, pushes: Sequence[Push[Any]], *, seconds: float | None = None) -> None:
        """Make an attempt at *pushes* in one batch, and assert that each is delivered."""
        failed = [
            result
            for result in await self.attempt(pushes, seconds=seconds)
            if result.outcome is not Outcome.DELIVERED
        ]
        demand(
            not failed,
            f"{self.trial.name} ended {len(failed)} of {len(pushes)} deliveries of a batch as '{failed[0].outcome if failed else ''}' "
            f"({failed[0].error if failed else ''}) at a target that takes everything; each should be 'delivered'",
        )

    async def burst(self, fields: Mapping[str, Sequence[Json]] | None = None) -> list[AcceptedEvent]:
        """Put events on the stream at once, so that they form a batch; return them in the log's order.

        Each of *fields* has one value for each event; without *fields*, ``size`` events are emitted.
        """
        given = fields or {}
        count = max(map(len, given.values()), default=self.size)
        payloads = [{name: values[number] for name, values in given.items()} for number in range(count)]
        events = await asyncio.gather(*(self.trial.emit(fields=payload) for payload in payloads))
        return sorted(events, key=lambda event: event.event_id)


def copies_of(event_ids: Sequence[str], arrived: Sequence[Arrival]) -> list[list[Arrival]]:
    """Return, for each of *event_ids* in order, the list of its arrivals."""
    by_id: dict[str, list[Arrival]] = {}
    for arrival in arrived:
        if arrival.event_id is not None:
            by_id.setdefault(arrival.event_id, []).append(arrival)
    unnamed = [arrival for arrival in arrived if arrival.event_id is None]
    return [
        by_id.get(event_id, []) + [arrival for arrival in unnamed if arrival.is_of(event_id)]
        for event_id in event_ids
    ]
