"""Checks of a channel in a running hub: retries, pauses, replays, restarts, and recipients."""

from datetime import UTC, datetime, timedelta

from trunkline.contract import AcceptedEvent
from trunkline.model.deliveries import Outcome
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.suites.channel_headers import verifies
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import COMPANY_ID, NEIGHBOUR_ID, ChannelTrial


class DeliveryChecks(ChannelSubject):
    """Checks of deliveries in a running hub, for every transport."""

    @check("channel.retries-when-refused-for-now", level=DELIVERS)
    async def test_retries_when_refused_for_now(self, open_trial: OpenTrial) -> None:
        """A target that refuses temporarily, for any of its causes, gets the event later."""
        trial = await open_trial()
        for cause, bring_about in trial.far_side.refusals().items():
            await bring_about()
            result = await trial.attempt()
            demand(
                result.outcome is Outcome.RETRY,
                f"{trial.name} took a refusal by a target that a person can mend ({cause}) for '{result.outcome}'; it should be 'retry'",
            )
            await trial.far_side.accept()
        await trial.can(trial.far_side.refuse_for_now(), "refuse for now")
        event = await self._delivered_after_retry(trial, failure="a refusal for now")
        arrived = await trial.arrivals(1)
        demand(
            arrived[-1].is_of(str(event.event_id)),
            f"{trial.name} did not bring the event that had been refused; a retry should bring the same one",
        )

    @check("channel.retries-after-a-broken-connection", level=DELIVERS)
    async def test_retries_after_a_broken_connection(self, open_trial: OpenTrial) -> None:
        """A broken connection is a failed attempt, and the event arrives at a later attempt."""
        trial = await open_trial()
        await trial.attempt()  # which may leave a connection in a pool
        await trial.can(trial.far_side.reset(), "break a connection")
        await self._delivered_after_retry(trial, failure="a broken connection")

    @check("channel.counts-what-was-taken", level=DELIVERS)
    async def test_counts_what_was_taken(self, open_trial: OpenTrial) -> None:
        """An event that the target has accepted counts as delivered, however the connection ends."""
        trial = await open_trial(dispatch=False)
        await trial.can(trial.far_side.break_once_taken(), "break a connection after an event was taken")
        result = await trial.attempt()
        demand(
            result.outcome is Outcome.DELIVERED,
            f"{trial.name} said '{result.outcome}' of an event that its target had taken, because the connection broke afterwards; it "
            "should be 'delivered', or the target gets it again",
        )

    async def _delivered_after_retry(self, trial: ChannelTrial, *, failure: str) -> AcceptedEvent:
        """Assert that an event whose attempts fail by *failure* is retried and delivered when the target accepts."""
        subscription = await trial.subscribe()
        event = await trial.emit()
        outcome = (await trial.until_tried(event, subscription))["attempts"][0]["outcome"]
        demand(outcome == "retry", f"{trial.name} took {failure} for '{outcome}'; it should be 'retry'")
        await trial.far_side.accept()
        await trial.until_ended(event, subscription)
        return event

    @check("channel.stops-when-refused-for-good", level=DELIVERS)
    async def test_stops_when_refused_for_good(self, open_trial: OpenTrial) -> None:
        """A target that refuses an event permanently is not sent that event again, and still gets other events."""
        trial = await open_trial()
        refuses = await trial.far_side.refuse_for_good()
        demand(
            refuses or not self.rejects,
            f"the suite of {trial.name} says 'rejects', but its far side cannot refuse for good; give it refuse_for_good, or leave it out",
        )
        if not refuses:
            await trial.can(trial.far_side.refuse_for_good(), "refuse for good")
        subscription = await trial.subscribe()
        await trial.until_ended(await trial.emit(), subscription, "rejected")
        await trial.far_side.accept()
        await trial.until_ended(await trial.emit(), subscription)

    @check("channel.ends-when-the-target-is-gone", level=DELIVERS)
    async def test_ends_when_the_target_is_gone(self, open_trial: OpenTrial) -> None:
        """If a target answers that it is gone, the delivery ends as gone and the subscription is disabled."""
        trial = await open_trial()
        await trial.can(trial.far_side.be_gone(), "say that nobody is there any more")
        subscription = await trial.subscribe()
        await trial.until_ended(await trial.emit(), subscription, "gone")

        async def is_disabled() -> bool:
            view = await trial.hub.subscriptions.get(COMPANY_ID, subscription["id"], channel=self.channel)
            return (view["status"], view["disabled_reason"]) == ("disabled", "gone")

        await trial.until(
            is_disabled, otherwise=f"{trial.name} left a subscription active whose target is gone"
        )

    @check("channel.makes-test-calls", level=DELIVERS)
    async def test_makes_test_calls(self, open_trial: OpenTrial) -> None:
        """A test call sends an example event and shows the outcome, even if the subscription is paused."""
        trial = await open_trial()
        subscription = await trial.subscribe()
        await trial.set_status(subscription, "paused")
        answer = await trial.hub.subscriptions.test(COMPANY_ID, subscription["id"], channel=self.channel)
        demand(
            answer["outcome"] == "delivered",
            f"{trial.name} ended a test call as '{answer['outcome']}' ({answer['error']}); it should be 'delivered'",
        )
        await trial.arrivals(1)

    @check("channel.pauses-and-resumes", level=COMPLETE)
    async def test_pauses_and_resumes(self, open_trial: OpenTrial) -> None:
        """A paused subscription gets nothing; after resuming it gets the events that it missed."""
        trial = await open_trial()
        subscription = await trial.subscribe()
        await trial.until_ended(await trial.emit(), subscription)
        await trial.set_status(subscription, "paused")
        missed = await trial.emit()
        witness = await trial.subscribe(await trial.another_side())
        await trial.until_ended(await trial.emit(), witness)
        early = [arrival for arrival in await trial.arrivals(0) if arrival.is_of(str(missed.event_id))]
        demand(
            not early,
            f"{trial.name} brought an event to a target whose subscription is paused; it should wait",
        )
        await trial.set_status(subscription, "active")
        await trial.until_ended(missed, subscription)
        demand(
            any(arrival.is_of(str(missed.event_id)) for arrival in await trial.arrivals(2)),
            f"{trial.name} did not bring what a subscription missed while it was paused; it should come on resuming",
        )

    @check("channel.replays-the-same", level=COMPLETE)
    async def test_replays_the_same(self, open_trial: OpenTrial) -> None:
        """A replay sends an event again, with the same id and the same body."""
        trial = await open_trial()
        event, subscription, first = await trial.delivered()
        since = datetime.now(UTC) - timedelta(days=1)
        await trial.hub.replays.start(COMPANY_ID, subscription["id"], {"from": since}, channel=self.channel)
        again = (await trial.arrivals(2))[1]
        demand(
            again.is_of(str(event.event_id)) and (again.event_id, again.body) == (first.event_id, first.body),
            f"{trial.name} replayed an event with another id or body; it should be the same, or the target takes it for a new one",
        )

    @check("channel.keeps-companies-apart", level=DELIVERS)
    async def test_keeps_companies_apart(self, open_trial: OpenTrial) -> None:
        """A company's events reach its own targets and no others."""
        trial = await open_trial()
        sides = {COMPANY_ID: trial.far_side, NEIGHBOUR_ID: await trial.another_side()}
        subscriptions = {
            company: await trial.subscribe(side, company_id=company) for company, side in sides.items()
        }
        events = [await trial.emit(company_id=company) for company in (*sides, *sides)]
        for event in events:
            await trial.until_ended(event, subscriptions[event.company_id])
        for company, side in sides.items():
            ids = [str(event.event_id) for event in events if event.company_id == company]
            arrived = await trial.arrivals(2, side)
            demand(
                len(arrived) == 2
                and all(any(arrival.is_of(number) for number in ids) for arrival in arrived),
                f"{trial.name} brought company {company} another company's event, or lost one; each should get its own",
            )

    @check("channel.shares-a-target-among-companies", level=DELIVERS)
    async def test_shares_a_target_among_companies(self, open_trial: OpenTrial) -> None:
        """Two companies with the same target each get their own events there, signed with their own secrets."""
        trial = await open_trial()
        subscriptions = {
            company: await trial.subscribe(company_id=company) for company in (COMPANY_ID, NEIGHBOUR_ID)
        }
        events = [await trial.emit(company_id=company) for company in (*subscriptions, *subscriptions)]
        for event in events:
            await trial.until_ended(event, subscriptions[event.company_id])
        arrived = await trial.arrivals(len(events))
        for event in events:
            own = [arrival for arrival in arrived if arrival.is_of(str(event.event_id))]
            secret = str(subscriptions[event.company_id].get("secret"))
            headers = (own[0].headers if own else None) or {}
            is_signed = "webhook-signature" in headers
            demand(
                len(own) == 1 and (not is_signed or verifies(secret, own[0].body, headers)),
                f"{trial.name} brought a company's event to a target that two share not once, or signed with the other's secret; "
                "nothing of a subscription may be kept by its target alone",
            )

    @check("channel.serves-each-target", level=DELIVERS)
    async def test_serves_each_target(self, open_trial: OpenTrial) -> None:
        """Two subscriptions of one company each get the event once, at their own target."""
        trial = await open_trial()
        sides = [trial.far_side, await trial.another_side()]
        subscriptions = [await trial.subscribe(side) for side in sides]
        event = await trial.emit()
        for subscription in subscriptions:
            await trial.until_ended(event, subscription)
        arrived = [await trial.arrivals(1, side) for side in sides]
        counts = [len(those) for those in arrived]
        demand(
            counts == [1, 1],
            f"{trial.name} brought an event {counts[0]} and {counts[1]} times to two targets; each should get it once, so nothing "
            "may be kept from one subscription for another",
        )
        keys = [those[0].key for those in arrived]
        demand(
            None in keys or keys[0] != keys[1],
            f"{trial.name} gave the same key '{keys[0]}' to an event for two subscriptions, by which a transport drops the second; make "
            "it of push.event_id and push.target.subscription_id",
        )

    @check("channel.follows-a-changed-target", level=COMPLETE)
    async def test_follows_a_changed_target(self, open_trial: OpenTrial) -> None:
        """After a target was changed, the subscription's events go only to the new target."""
        trial = await open_trial()
        elsewhere = await trial.another_side()
        _, subscription, _ = await trial.delivered()
        await trial.hub.subscriptions.update(
            COMPANY_ID, subscription["id"], elsewhere.destination, channel=self.channel
        )
        await trial.until_ended(await trial.emit(), subscription)
        new, old = len(await trial.arrivals(1, elsewhere)), len(await trial.arrivals(0))
        demand(
            (old, new) == (1, 1),
            f"{trial.name} went on sending to a subscription's old target; it should read push.target on every attempt",
        )

    @check("channel.forgets-a-deleted-target", level=COMPLETE)
    async def test_forgets_a_deleted_target(self, open_trial: OpenTrial) -> None:
        """After a subscription was deleted, its target gets nothing more."""
        trial = await open_trial()
        _, subscription, _ = await trial.delivered()
        await trial.hub.subscriptions.delete(COMPANY_ID, subscription["id"], channel=self.channel)
        other = await trial.subscribe(await trial.another_side())
        await trial.until_ended(await trial.emit(), other)
        demand(
            len(await trial.arrivals(0)) == 1,
            f"{trial.name} brought an event to a target whose subscription was deleted; it should keep no targets",
        )

    @check("channel.is-held-while-disabled", level=COMPLETE)
    async def test_is_held_while_disabled(self, open_trial: OpenTrial, trunkline_hub: MakeTestHub) -> None:
        """While the plugin is disabled, its deliveries wait; they are made when the plugin is enabled again."""
        trial = await open_trial()
        subscription = await trial.subscribe()
        url = trial.running.url
        await trial.running.stop()
        without = await trunkline_hub(plugins=[], url=url)
        kind = without.hub.catalog.types()[0]
        event = await without.emit(kind.name)

        async def is_held() -> bool:
            rows = await without.hub.deliveries.of_event(COMPANY_ID, event.event_id)
            return [row["status"] for row in rows] == ["held"]

        await trial.until(
            is_held, otherwise=f"deliveries of {trial.name} are not held while its plugin is disabled"
        )
        await without.stop()
        again = await open_trial(url=url)
        await again.until_ended(event, subscription)
        demand(
            any(arrival.is_of(str(event.event_id)) for arrival in await trial.arrivals(1)),
            f"{trial.name} did not bring what had been held while its plugin was disabled; it should send it",
        )

    @check("channel.loses-nothing-in-a-restart", level=DELIVERS)
    async def test_loses_nothing_in_a_restart(self, open_trial: OpenTrial) -> None:
        """A hub that is stopped during deliveries delivers every event after its restart."""
        trial = await open_trial(settings={"delivery.timeout_seconds": "1"})
        subscription = await trial.subscribe()
        first = await trial.emit()
        await trial.until_ended(first, subscription)
        refuses = await trial.far_side.refuse_for_now()
        events = [await trial.emit() for _ in range(5)]
        await trial.running.stop()
        # on a transport that cannot refuse, some may have arrived already
        refused = len(await trial.arrivals(0)) if refuses else 1
        await trial.far_side.accept()
        again = await open_trial(url=trial.running.url)
        for event in events:
            await again.until_ended(event, subscription)
        arrived = (await trial.arrivals(refused + len(events)))[refused:]
        lost = [
            event.event_id
            for event in events
            if not any(arrival.is_of(str(event.event_id)) for arrival in arrived)
        ]
        demand(
            not lost,
            f"{trial.name} lost {len(lost)} of {len(events)} events in a restart; it should keep nothing back that it said is "
            "delivered",
        )

    @check("channel.delivers-on-postgresql", level=COMPLETE)
    async def test_delivers_on_postgresql(self, open_trial: OpenTrial) -> None:
        """The channel delivers on PostgreSQL as it does on SQLite."""
        trial = await open_trial(database="postgresql")
        await trial.delivered()
