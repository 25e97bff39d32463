"""Checks of the headers of a delivery: the channel's headers, the subscription's headers, and the signature."""

from collections.abc import Mapping

import orjson
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from trunkline.contract import Push
from trunkline.model.deliveries import Outcome
from trunkline.targets.signatures import Signer, new_secret
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, fail, not_applicable
from trunkline_kit.far_sides import HttpFarSide
from trunkline_kit.receiver import ReceivedRequest
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import ChannelTrial


class HeaderChecks(ChannelSubject):
    """Checks of the headers of an HTTP request, or of their equivalent in another transport."""

    async def _sent(self, trial: ChannelTrial, push: Push) -> ReceivedRequest | None:
        """Make an attempt; return the request that arrived, if any."""
        side = trial.http_side
        before = len(side.requests())
        await trial.attempt(push)
        requests = side.requests()[before:]
        return requests[-1] if requests else None

    async def _arrived(self, trial: ChannelTrial, push: Push) -> tuple[bytes, Mapping[str, str]]:
        """Make an attempt over any transport; return the body and headers that arrived."""
        body: bytes | None
        headers: Mapping[str, str] | None
        if isinstance(trial.far_side, HttpFarSide):
            request = await self._sent(trial, push)
            body, headers = (request.body, request.headers) if request else (None, {})
        else:
            before = len(await trial.far_side.arrivals(0))
            result = await trial.attempt(push)
            arrived = await trial.arrivals(before + 1) if result.outcome is Outcome.DELIVERED else []
            body, headers = (arrived[-1].body, arrived[-1].headers) if arrived else (None, {})
        if body is None:
            fail(f"{trial.name} sent nothing to a target that takes everything; it should send the event")
        if headers is None:
            demand(
                self.signs is not True,
                f"the suite of {trial.name} says 'signs', but its far side shows no headers; let its arrivals have them",
            )
            not_applicable(f"the transport of {trial.name} has no headers")
        return body, headers

    async def _header(self, trial: ChannelTrial, push: Push, name: str) -> str:
        """Return a header of the arrival; if the channel does not send the header, the check does not apply."""
        _, headers = await self._arrived(trial, push)
        if name not in headers:
            not_applicable(f"{trial.name} sends no '{name}'")
        return headers[name]

    @check("channel.says-what-it-sends", level=DELIVERS, only="http")
    async def test_says_what_it_sends(self, open_trial: OpenTrial) -> None:
        """The event comes as a `POST` whose `Content-Type` is the suite's `content_type`."""
        trial = await open_trial(dispatch=False)
        request = await self._sent(trial, trial.push())
        content_type = request.headers.get("content-type", "none").partition(";")[0] if request else "none"
        demand(
            request is not None and request.method == "POST" and self.content_type in {None, content_type},
            f"{trial.name} sent the content type '{content_type}'; it should POST {self.content_type}",
        )

    @check("channel.lets-nothing-into-its-headers", level=DELIVERS, only="http")
    async def test_lets_nothing_into_its_headers(self, open_trial: OpenTrial) -> None:
        """A line break in a subscription's header, in a type or in an id adds no header."""
        trial = await open_trial(dispatch=False)
        evil = "a\r\nx-evil: 1\r\n\r\nGET /evil"
        hostile = (
            trial.push(headers={"x-note": evil}),
            trial.push(headers={"x-note": "a\nx-evil: 1"}),
            trial.push(headers={"x-a\r\nx-evil": "1"}),
            trial.push(event_type=evil),
            trial.push(delivery_id=evil),
            trial.push(event_id=evil),
        )
        for push in hostile:
            request = await self._sent(trial, push)
            demand(
                request is None or ("x-evil" not in request.headers and "/evil" not in request.path),
                f"{trial.name} let a line break make a header of its own; it should refuse what cannot stand in a header",
            )

    @check("channel.sends-the-subscriptions-headers", level=COMPLETE, only="http")
    async def test_sends_the_subscriptions_headers(self, open_trial: OpenTrial) -> None:
        """The headers that a customer has set on the subscription come with every request."""
        trial = await open_trial(dispatch=False)
        if self.rewrites:
            not_applicable(f"{trial.name} speaks to its target in its own way")
        request = await self._sent(trial, trial.push(headers={"X-Team": "blue", "authorization": "Bearer t"}))
        headers = request.headers if request else {}
        demand(
            headers.get("x-team") == "blue" and headers.get("authorization") == "Bearer t",
            f"{trial.name} left out the headers that the subscription has; it should send push.target.headers along",
        )

    @check("channel.dates-each-attempt", level=COMPLETE)
    async def test_dates_each_attempt(self, open_trial: OpenTrial) -> None:
        """`webhook-timestamp` is the second of the attempt, and changes with each attempt."""
        trial = await open_trial(dispatch=False)
        first = trial.push()
        for later in (0, 60, 3600):
            push = trial.push(event_id=first.event_id, body=first.body, timestamp=first.timestamp + later)
            timestamp = await self._header(trial, push, "webhook-timestamp")
            demand(
                timestamp == str(push.timestamp),
                f"{trial.name} sent the timestamp {timestamp} for an attempt at {push.timestamp}; it should be the attempt's own",
            )

    @check("channel.numbers-each-attempt", level=COMPLETE)
    async def test_numbers_each_attempt(self, open_trial: OpenTrial) -> None:
        """`trunkline-attempt` is the number of the attempt, from 1."""
        trial = await open_trial(dispatch=False)
        for number in (1, 2, 7):
            header = await self._header(trial, trial.push(attempt=number), "trunkline-attempt")
            demand(
                header == str(number),
                f"{trial.name} called attempt {number} number {header}; it should send push.attempt",
            )

    @check("channel.signs-what-it-sends", level=DELIVERS)
    async def test_signs_what_it_sends(self, open_trial: OpenTrial) -> None:
        """If a channel signs, the library of Standard Webhooks accepts the signature."""
        trial = await open_trial(dispatch=False)
        secret = new_secret("standard")
        envelope = orjson.loads(trial.push().body)
        with_text = orjson.dumps(envelope | {"payload": envelope["payload"] | {"text": "Zoë"}})
        first = trial.push(secrets=(secret,))
        later = trial.push(
            event_id=first.event_id,
            body=first.body,
            timestamp=first.timestamp + 60,
            attempt=2,
            secrets=(secret,),
        )
        for push in (first, later, trial.push(secrets=(secret,), body=with_text)):
            await self._demand_signed(trial, push, secret)

    @check("channel.signs-with-every-live-secret", level=COMPLETE)
    async def test_signs_with_every_live_secret(self, open_trial: OpenTrial) -> None:
        """While a secret is being rotated, a request verifies with the old secret and with the new one."""
        trial = await open_trial(dispatch=False)
        old, new = new_secret("standard"), new_secret("standard")
        first = trial.push(secrets=(old,))
        await self._demand_signed(trial, first, old)
        for secret in (new, old):
            again = trial.push(event_id=first.event_id, body=first.body, secrets=(new, old))
            await self._demand_signed(trial, again, secret)

    @check("channel.signs-by-the-chosen-scheme", level=COMPLETE)
    async def test_signs_by_the_chosen_scheme(self, open_trial: OpenTrial) -> None:
        """If a channel signs, it uses the scheme that the subscription chose."""
        trial = await open_trial(dispatch=False)
        secret = new_secret("standard")
        await self._demand_signed(trial, trial.push(secrets=(secret,)), secret)
        for scheme in self.signs_by:
            secret = new_secret(scheme)
            push = trial.push(secrets=(secret,), signature=scheme)
            body, headers = await self._arrived(trial, push)
            expected = Signer(scheme, secrets=(secret,)).headers(
                push.event_id, timestamp=push.timestamp, body=body
            )
            sent = {name.lower(): value for name, value in headers.items()}
            demand(
                all(sent.get(name.lower()) == value for name, value in expected.items()),
                f"{trial.name} did not sign by the scheme '{scheme}' of a subscription; it should use push.target.signature",
            )

    async def _demand_signed(self, trial: ChannelTrial, push: Push, secret: str) -> None:
        if self.signs is False:
            not_applicable(f"{trial.name} does not sign")
        body, headers = await self._arrived(trial, push)
        if self.signs is None and "webhook-signature" not in headers:
            not_applicable(f"{trial.name} does not sign after Standard Webhooks")
        demand(
            verifies(secret, body, headers),
            f"{trial.name} sent an event whose signature does not verify; it should sign "
            "id.timestamp.body with each of push.target.secrets",
        )


def verifies(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Return whether the library of Standard Webhooks accepts *body* with *headers*."""
    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True
