"""Checks of channels that take several deliveries at once (``Channel.deliver_batch``).

The hub itself ensures that a batch has one subscription and keeps the limits. These checks judge how the channel handles a batch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from trunkline.contract import Push
from trunkline.model.deliveries import Outcome
from trunkline.schemas.catalog import Json
from trunkline.targets.signatures import new_secret
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, not_applicable
from trunkline_kit.far_sides import Arrival, FarSide
from trunkline_kit.suites.batch_trial import BatchTrial, copies_of
from trunkline_kit.suites.channel_headers import verifies
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import COMPANY_ID, LARGE_BYTES, NEIGHBOUR_ID, ChannelTrial

ATTEMPT_SECONDS = 10.0
"""The default time limit of an attempt (``delivery.timeout_seconds``)."""
PROMPT_SHARE = 0.25
"""Time limit for a single event after the channel's waiting time for a batch, as a fraction of ``patience_seconds``."""
LARGEST_EVENT_BYTES = 250_000
ROUNDS = 3
"""Number of events of each key in a burst whose order is checked."""


class BatchChecks(ChannelSubject):
    """Checks of a channel that takes several deliveries at once."""

    @check("channel.brings-each-event-of-a-batch", level=DELIVERS, only="batches")
    async def test_brings_each_event_of_a_batch(self, open_trial: OpenTrial) -> None:
        """Every event of a batch arrives, whole and once."""
        batches = BatchTrial(await open_trial(dispatch=False))
        pushes = batches.pushes()
        await batches.demand_delivered(pushes)
        await self._demand_each_once(batches.trial, pushes)

    async def _demand_each_once(self, trial: ChannelTrial, pushes: Sequence[Push[Any]]) -> None:
        arrived = await trial.arrivals(len(pushes))
        for push, copies in zip(pushes, copies_of([push.event_id for push in pushes], arrived), strict=True):
            demand(
                len(copies) == 1,
                f"{trial.name} brought an event of a batch of {len(pushes)} {len(copies)} times; each should arrive once",
            )
            demand(
                self.rewrites or copies[0].body == push.body,
                f"{trial.name} brought an event of a batch with other bytes; send each push.body as it is, or set 'rewrites'",
            )

    @check("channel.takes-the-largest-batch", level=COMPLETE, only="batches")
    async def test_takes_the_largest_batch(self, open_trial: OpenTrial) -> None:
        """A batch with the channel's largest number of events and bytes arrives whole, within the time limit of one attempt."""
        batches = BatchTrial(await open_trial(dispatch=False))
        asked = batches.trial.channel.batch
        shortest = len(batches.trial.push().body)
        length = min(LARGEST_EVENT_BYTES, max(shortest, asked.most_bytes // asked.most))
        pushes = batches.pushes(max(1, min(asked.most, asked.most_bytes // length)), length=length)
        await batches.demand_delivered(pushes, seconds=ATTEMPT_SECONDS - asked.wait_seconds)
        await self._demand_each_once(batches.trial, pushes)

    @check("channel.keeps-no-event-waiting-for-others", level=DELIVERS, only="batches")
    async def test_keeps_no_event_waiting_for_others(self, open_trial: OpenTrial) -> None:
        """A single event is delivered as soon as the hub hands it over, without waiting for a full batch."""
        batches = BatchTrial(await open_trial())
        trial = batches.trial
        subscription = await trial.subscribe()
        event = await trial.emit()
        longest = trial.channel.batch.wait_seconds + trial.patience_seconds * PROMPT_SHARE
        late = (
            f"{trial.name} had not delivered an event that came alone after {longest:.1f} s; the hub gathers batches, and what it "
            "gives should be sent as it is"
        )
        await trial.until(lambda: trial.is_delivered(event, subscription), otherwise=late, seconds=longest)

    @check("channel.brings-batches-in-order-where-asked", level=COMPLETE, only="batches")
    async def test_brings_batches_in_order_where_asked(self, open_trial: OpenTrial) -> None:
        """A subscription that is ordered (as a whole, or by a key) gets its events in the order of the log."""
        batches = BatchTrial(await open_trial())
        trial = batches.trial
        await self._demand_order(batches, "subscription", {}, trial.far_side)
        kind = trial.hub.catalog.types()[0]
        field = trial.text_field(kind.name)
        if field is not None:
            keys = [f"key-{number % batches.size}" for number in range(ROUNDS * batches.size)]
            ordering = {"key": f"/payload/{field}"}
            await self._demand_order(batches, ordering, {field: keys}, await trial.another_side())

    async def _demand_order(
        self, batches: BatchTrial, ordering: Json, fields: Mapping[str, Sequence[Json]], side: FarSide
    ) -> None:
        """Assert that the events of a burst with *fields* arrive at *side* in the order that *ordering* demands."""
        trial = batches.trial
        subscription = await trial.subscribe(side, ordering=ordering)
        events = await batches.burst(fields)
        for event in events:
            await trial.until_ended(event, subscription)
        arrived = await trial.arrivals(len(events), side)
        latest: dict[tuple[Json, ...], int] = {}
        for event in events:
            payload = orjson.loads(event.body)["payload"]
            key = tuple(payload[name] for name in fields)
            places = (number for number, one in enumerate(arrived) if one.is_of(str(event.event_id)))
            place = next(places, len(arrived))
            demand(
                place > latest.get(key, -1),
                f"{trial.name} brought an event before an earlier one of a subscription with an order; what is said to be delivered "
                "should be there",
            )
            latest[key] = place

    @check("channel.says-what-became-of-each-of-a-batch", level=DELIVERS, only="batches")
    async def test_says_what_became_of_each_of_a_batch(self, open_trial: OpenTrial) -> None:
        """Each event of a batch has a separate outcome: a refused event fails no other event, and no event is lost."""
        batches = BatchTrial(await open_trial(dispatch=False))
        side, pushes = batches.trial.far_side, batches.pushes()
        refused = pushes[len(pushes) // 2]
        judged = await side.refuse_event(refused.event_id)
        if judged:
            await self._demand_own_outcomes(batches, pushes, refused, others=(Outcome.DELIVERED,))
        large = batches.pushes(min(4, batches.size), length=LARGE_BYTES)
        if await side.fall_silent(LARGE_BYTES * (2 * len(large) - 3) // 2):
            await self._demand_own_outcomes(batches, large, large[-1])
        elif not judged:
            not_applicable(
                f"the transport of {batches.trial.name} has no way to refuse one event, or to lose one answer"
            )

    async def _demand_own_outcomes(
        self,
        batches: BatchTrial,
        pushes: Sequence[Push[Any]],
        failing: Push[Any],
        *,
        others: Sequence[Outcome] = (Outcome.DELIVERED, Outcome.RETRY),
    ) -> None:
        """Assert that *failing* is not reported as delivered, that other outcomes are of *others*, and that no push is lost."""
        trial = batches.trial
        results = dict(zip([push.event_id for push in pushes], await batches.attempt(pushes), strict=True))
        demand(
            results[failing.event_id].outcome is not Outcome.DELIVERED,
            f"{trial.name} said 'delivered' of an event in a batch that its target had not taken; give each its own result",
        )
        demand(
            not self.answers_each or results[pushes[0].event_id].outcome is Outcome.DELIVERED,
            f"{trial.name} said '{results[pushes[0].event_id].outcome}' of an event in a batch that its target had taken before another "
            "one failed; it should be 'delivered', or the target gets it again",
        )
        for event_id, result in results.items():
            demand(
                event_id == failing.event_id or result.outcome in others,
                f"{trial.name} said '{result.outcome}' of an event because another one of its batch was refused; it should be "
                f"{' or '.join(others)}",
            )
        await trial.far_side.accept()
        again = [push for push in pushes if results[push.event_id].outcome is not Outcome.DELIVERED]
        await batches.demand_delivered(again)
        await self._demand_all_there(trial, [push.event_id for push in pushes])

    async def _demand_all_there(self, trial: ChannelTrial, event_ids: Sequence[str]) -> None:
        arrived = await trial.arrivals(len(event_ids))
        lost = sum(not copies for copies in copies_of(event_ids, arrived))
        demand(
            not lost,
            f"{trial.name} lost {lost} of {len(event_ids)} events of a batch that it said were delivered; give each its own result",
        )

    @check("channel.lets-one-bad-event-hold-up-no-other", level=COMPLETE, only="batches")
    async def test_lets_one_bad_event_hold_up_no_other(self, open_trial: OpenTrial) -> None:
        """While a target refuses one event repeatedly, the others of its batch are delivered."""
        batches = BatchTrial(await open_trial())
        trial = batches.trial
        subscription = await trial.subscribe()
        await trial.set_status(subscription, "paused")
        events = await batches.burst()
        refused = events[len(events) // 2]
        await trial.can(
            trial.far_side.refuse_event(str(refused.event_id)), "refuse one event and take others"
        )
        await trial.set_status(subscription, "active")
        for event in events:
            if event is not refused:
                await trial.until_ended(event, subscription)
        await trial.far_side.accept()

    @check("channel.retries-a-refused-batch-with-the-same-ids", level=DELIVERS, only="batches")
    async def test_retries_a_refused_batch_with_the_same_ids(self, open_trial: OpenTrial) -> None:
        """A batch that is refused temporarily is tried again, and each event keeps its id."""
        batches = BatchTrial(await open_trial())
        trial = batches.trial
        await trial.can(trial.far_side.refuse_for_now(), "refuse for now")
        subscription = await trial.subscribe()
        events = await batches.burst()
        for event in events:
            outcome = (await trial.until_tried(event, subscription))["attempts"][0]["outcome"]
            demand(
                outcome == "retry",
                f"{trial.name} took a refusal for now of a batch for '{outcome}'; it should be 'retry'",
            )
        await trial.far_side.accept()
        for event in events:
            await trial.until_ended(event, subscription)
        ids = [str(event.event_id) for event in events]
        await self._demand_all_there(trial, ids)
        strangers = [
            one for one in await trial.arrivals(0) if not any(one.is_of(event_id) for event_id in ids)
        ]
        demand(
            not strangers,
            f"{trial.name} tried a batch again under other ids; each event should keep its own, or the target takes it for a new one",
        )

    @check("channel.keeps-batches-apart", level=DELIVERS, only="batches")
    async def test_keeps_batches_apart(self, open_trial: OpenTrial) -> None:
        """In concurrent batches, each event goes to its subscription's target, with its subscription's secret."""
        batches = BatchTrial(await open_trial(dispatch=False))
        trial, other = batches.trial, await batches.trial.another_side()
        owners = ((COMPANY_ID, trial.far_side), (NEIGHBOUR_ID, other), (NEIGHBOUR_ID, trial.far_side))
        made = [
            batches.pushes(
                side=side,
                company_id=company,
                subscription_id=f"sub_owner_{number}",
                headers={"x-owner": f"owner-{number}"},
                secrets=(new_secret("standard"),),
            )
            for number, (company, side) in enumerate(owners)
        ]
        await asyncio.gather(*(batches.demand_delivered(pushes) for pushes in made))
        for side, own in ((trial.far_side, made[0] + made[2]), (other, made[1])):
            arrived = await trial.arrivals(len(own), side)
            found = copies_of([push.event_id for push in own], arrived)
            whole = len(arrived) == len(own) and all(len(copies) == 1 for copies in found)
            demand(
                whole and all(_is_as_of(push, copies[0]) for push, copies in zip(own, found, strict=True)),
                f"{trial.name} mixed up batches that ran at once: an event came to another's target, or with another's headers or "
                "secret; keep nothing of a batch outside of the call",
            )

    @check("channel.gives-each-of-a-batch-its-own-headers", level=DELIVERS, only="batches")
    async def test_gives_each_of_a_batch_its_own_headers(self, open_trial: OpenTrial) -> None:
        """If the transport has headers, each event of a batch is sent with that event's id, cursor and signature."""
        batches = BatchTrial(await open_trial(dispatch=False))
        trial = batches.trial
        pushes = batches.pushes(secrets=(new_secret("standard"),))
        cursors = {push.cursor for push in pushes}
        await batches.demand_delivered(pushes)
        arrived = await trial.arrivals(len(pushes))
        if all(arrival.headers is None for arrival in arrived):
            not_applicable(f"the transport of {trial.name} has no headers")
        for push, copies in zip(pushes, copies_of([push.event_id for push in pushes], arrived), strict=True):
            headers = (copies[0].headers or {}) if copies else {}
            demand(
                bool(copies)
                and set(headers.values()) & cursors <= {push.cursor}
                and (self.signs is not True or "webhook-signature" in headers)
                and _is_as_of(push, copies[0]),
                f"{trial.name} sent an event of a batch with the id, the cursor or the signature of another; make headers for each push",
            )

    @check("channel.logs-each-of-a-batch", level=COMPLETE, only="batches")
    async def test_logs_each_of_a_batch(self, open_trial: OpenTrial) -> None:
        """The delivery log has an entry for each event of a batch, with the one attempt that delivered the event."""
        batches = BatchTrial(await open_trial())
        trial = batches.trial
        subscription = await trial.subscribe()
        events = await batches.burst()
        for event in events:
            attempts = (await trial.until_ended(event, subscription))["attempts"]
            demand(
                [attempt["outcome"] for attempt in attempts] == ["delivered"],
                f"{trial.name} took {len(attempts)} attempts at an event of a batch whose target takes everything; one result for "
                "each push, in their order, ends it",
            )
        await self._demand_all_there(trial, [str(event.event_id) for event in events])


def _is_as_of(push: Push[Any], arrival: Arrival) -> bool:
    """Return whether the arrival's headers and signature, if present, belong to the push's subscription."""
    headers = arrival.headers or {}
    owner = push.target.headers.get("x-owner")
    return (owner is None or headers.get("x-owner", owner) == owner) and (
        "webhook-signature" not in headers or verifies(push.target.secrets[0], arrival.body, headers)
    )
