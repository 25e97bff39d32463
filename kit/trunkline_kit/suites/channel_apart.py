"""Checks of isolation in a channel: of companies, secrets, headers, hubs in one process, and attempts."""

import contextlib
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from trunkline.errors import BodyInvalid
from trunkline.model.deliveries import Outcome
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, fail, not_applicable, not_judged
from trunkline_kit.far_sides import HttpFarSide
from trunkline_kit.suites.channel_observed import CANARY, observe
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import COMPANY_ID, NEIGHBOUR_ID, ChannelTrial


class ApartChecks(ChannelSubject):
    """Checks that nothing leaks from one company, hub or attempt into another."""

    @check("channel.meets-a-failure", level=DELIVERS)
    async def test_meets_a_failure(self, open_trial: OpenTrial) -> None:
        """The suite's target can refuse, hang or break, so that the channel's handling of failures can be checked."""
        side = (await open_trial(dispatch=False)).far_side
        if not (await side.refuse_for_now() or await side.hang() or await side.reset()):
            not_judged(
                f"the far side of the channel '{self.channel}' neither refuses nor hangs nor breaks; give it refuse_for_now, or a "
                "Relay before the server (trunkline.testing.RelayedFarSide)"
            )

    @check("channel.keeps-credentials-apart", level=DELIVERS)
    async def test_keeps_credentials_apart(self, open_trial: OpenTrial) -> None:
        """An attempt with a wrong secret delivers nothing, even on a connection of another company or subscription."""
        trial = await open_trial(dispatch=False)
        config = with_secrets(trial, "wrong-secret-of-a-neighbour")
        others = [
            trial.push(config=config, company_id=company, subscription_id="sub_other")
            for company in (NEIGHBOUR_ID, COMPANY_ID)
        ]
        if (await trial.attempt(others[0])).outcome is Outcome.DELIVERED:
            not_applicable(f"the far side of {trial.name} takes any secret")
        first = await trial.attempt()
        demand(
            first.outcome is Outcome.DELIVERED,
            f"{trial.name} could not deliver with the right secret ({first.error}) after a wrong one had been tried",
        )
        for other in others:
            demand(
                (await trial.attempt(other)).outcome is not Outcome.DELIVERED,
                f"{trial.name} delivered for a target with a wrong secret, by a connection or secret that it kept from another "
                "subscription; what is kept must have the company and the whole target in its key",
            )

    @check("channel.keeps-headers-apart", level=DELIVERS)
    async def test_keeps_headers_apart(self, open_trial: OpenTrial) -> None:
        """The headers of one subscription or attempt are not sent with another subscription or attempt."""
        trial = await open_trial(dispatch=False)
        await trial.attempt(trial.push(headers={"x-first": CANARY}))
        before = len(await trial.arrivals(1))
        await trial.attempt(trial.push(company_id=NEIGHBOUR_ID, subscription_id="sub_other"))
        arrival = (await trial.arrivals(before + 1))[-1]
        headers = arrival.headers or {}
        seen = [arrival.body.decode("utf-8", "replace"), *headers, *headers.values()]
        demand(
            not any(CANARY in text or text == "x-first" for text in seen),
            f"{trial.name} sent a subscription's headers to another one; a mutable default or a dictionary of the module keeps them",
        )

    @check("channel.tells-companies-apart-at-one-target", level=DELIVERS)
    async def test_tells_companies_apart_at_one_target(self, open_trial: OpenTrial) -> None:
        """A broker's subject, queue or key that contains the company gets only that company's events."""
        trial = await open_trial()
        sides = {number: await trial.far_side.of_company(number) for number in (COMPANY_ID, NEIGHBOUR_ID)}
        if None in sides.values():
            not_applicable(
                f"a target of {trial.name} belongs to one company, or its transport tells none apart"
            )
        for company, side in sides.items():
            subscription = await trial.subscribe(company_id=company)
            event = await trial.emit(company_id=company)
            await trial.until_ended(event, subscription)
            arrived = await trial.arrivals(1, side)
            demand(
                len(arrived) == 1 and arrived[0].is_of(str(event.event_id)),
                f"{trial.name} brought company {company} what is not its own at a target of two companies; the company "
                "(push.target.company_id) should be part of the subject, the queue or the key",
            )

    @check("channel.leaves-nothing-to-later-listeners", level=COMPLETE)
    async def test_leaves_nothing_to_later_listeners(self, open_trial: OpenTrial) -> None:
        """If a target does not store events, a listener that joins later gets no earlier event."""
        trial = await open_trial(dispatch=False)
        await trial.attempt()
        await trial.arrivals(1)
        late = await trial.far_side.later()
        if late is None:
            not_applicable(f"a target of {trial.name} keeps events for those who come later")
        push = trial.push()
        await trial.attempt(push)
        arrived = await trial.arrivals(1, late)
        demand(
            len(arrived) == 1 and arrived[0].is_of(push.event_id),
            f"{trial.name} left an event at its target for those who listen later; they get an old event as if it were new: have "
            "nothing retained",
        )

    @check("channel.keeps-hubs-apart", level=COMPLETE)
    async def test_keeps_hubs_apart(self, open_trial: OpenTrial) -> None:
        """A second hub in the same process may start and stop without any effect on the first."""
        trial = await open_trial(dispatch=False)
        before = await trial.attempt()
        other = await open_trial(dispatch=False)
        await other.attempt()
        await other.running.stop()
        after = await trial.attempt()
        demand(
            (before.outcome, after.outcome) == (Outcome.DELIVERED, Outcome.DELIVERED),
            f"{trial.name} ended as '{after.outcome}' ({after.error}) once a second hub of the same process had stopped; keep what a hub "
            "has in its context (context.shared), not in the module",
        )

    @check("channel.makes-one-try-per-attempt", level=DELIVERS)
    async def test_makes_one_try_per_attempt(
        self, open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A channel without HTTP contacts its target once for each attempt, whatever the result; only the hub retries."""
        if isinstance(open_trial.far_side, HttpFarSide):
            not_applicable(f"the channel '{self.channel}' posts to a URL, which another check counts")
        observed = await observe(open_trial, capfd)
        demand(
            not observed.tries_again,
            f"{observed.trial.name} tried again by itself in one attempt that failed; it should give the result, and leave trying again "
            "to the hub",
        )

    @check("channel.refuses-what-its-transport-cannot-name", level=COMPLETE)
    async def test_refuses_what_its_transport_cannot_name(self, open_trial: OpenTrial) -> None:
        """The targets that the far side lists as `impossible` are refused."""
        trial = await open_trial(dispatch=False)
        if not trial.far_side.impossible:
            not_applicable(f"the far side of {trial.name} names no impossible target")
        for target in trial.far_side.impossible:
            given, shown = {"target_url": target}, target
            if not isinstance(target, str):
                valid = trial.far_side.target or {}
                given = {"target": dict(target)}
                shown = {name: value for name, value in target.items() if valid.get(name) != value}
            with contextlib.suppress(BodyInvalid):
                request = {"event_types": ["*"], **given}
                await trial.hub.subscriptions.create(COMPANY_ID, request, channel=self.channel)
                fail(
                    f"a subscription of {trial.name} to {shown} was made; it should be refused: give the member a pattern, or the channel a "
                    "check_target"
                )


def with_secrets(trial: ChannelTrial, text: str) -> BaseModel:
    """Return the members of a target with *text* in place of every secret. The check applies only if there is one."""
    config = trial.push().target.config
    kinds: dict[type[Any], Any] = {SecretStr: SecretStr(text), SecretBytes: SecretBytes(text.encode())}
    members = dict(config) if isinstance(config, BaseModel) else {}
    wrong = {name: kinds[type(value)] for name, value in members.items() if type(value) in kinds}
    if not wrong:
        not_applicable(f"the targets of {trial.name} have no secrets")
    changed: BaseModel = config.model_copy(update=wrong)
    return changed
