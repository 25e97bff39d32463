"""Attempts at a target that accepts, refuses, breaks, hangs and falls silent, made once for all checks that judge them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import pytest

from trunkline.contract import Push
from trunkline.model.deliveries import Outcome, Result
from trunkline_kit.far_sides import FarSide, Traffic
from trunkline_kit.suites.channel_subject import OpenTrial
from trunkline_kit.suites.channel_trial import LARGE_BYTES, ChannelTrial

CANARY = "canary-9f2c71"
SAID = "canary-said-5b1e"
"""The text in a field of each event here."""
MORE_THAN_ONE = 1.8
"""The traffic, relative to one good attempt, above which the event counts as sent more than once."""
SECRET = "whsec_Y2FuYXJ5LWluLWEtc2VjcmV0LTlmMmM3MS0wMDAw"  # noqa: S105 - what must not be seen anywhere


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt: its result, its traffic (None if it cannot be observed), and the number of times that the event arrived."""

    push: Push
    result: Result
    traffic: Traffic | None
    copies: int


@dataclass(slots=True)
class Observed:
    """The attempts in *trial*, keyed by the target's behaviour, and the exceptions and the output of all attempts.

    The behaviours are ``accept``, ``refuse``, ``reset``, ``hang``, and ``silence`` after half of an event; *tried* has
    only those that the far side supports.
    """

    trial: ChannelTrial
    tried: dict[str, Tried] = field(default_factory=dict[str, Tried])
    raised: Sequence[Exception] = ()
    printed: str = ""

    @property
    def results(self) -> Mapping[str, Result]:
        """Return the results by behaviour."""
        return {name: tried.result for name, tried in self.tried.items()}

    async def attempt(self, behaviour: str, side: FarSide) -> None:
        """Make one attempt at *side*, and record it as *behaviour*, which *side* must already have."""
        trial, push, before = self.trial, _telling_push(self.trial, side), side.traffic()
        result, after = await trial.attempt(push), side.traffic()
        traffic = None
        if before is not None and after is not None:
            traffic = Traffic(after.connections - before.connections, after.bytes - before.bytes)
        copies = sum(arrival.is_of(push.event_id) for arrival in await side.arrivals(0))
        self.tried[behaviour] = Tried(push, result, traffic, copies)

    @property
    def tries_again(self) -> bool:
        """Return whether a failed attempt contacted its target more than once."""
        failed = {name: tried for name, tried in self.tried.items() if name not in {"accept", "refuse"}}
        good, refused = self.tried["accept"], self.tried.get("refuse")
        again = any(tried.copies > 1 for tried in failed.values())
        again = again or any(tried.traffic and tried.traffic.connections > 1 for tried in failed.values())
        if refused and refused.traffic and good.traffic and good.result.outcome is Outcome.DELIVERED:
            again = again or refused.traffic.bytes > MORE_THAN_ONE * good.traffic.bytes
        return again


async def observe(open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]) -> Observed:
    """Return the attempts; they are made once for each suite, when a check first calls this function."""
    known: Observed | None = open_trial.memo.get("observed")
    if known is not None:
        return known
    observed = Observed(await open_trial(settings={"delivery.timeout_seconds": "1"}, dispatch=False))
    side = observed.trial.far_side
    capfd.readouterr()
    if await side.reset():  # first, before any connection is kept
        await observed.attempt("reset", side)
    await side.accept()
    await observed.attempt("accept", side)
    if await side.refuse_for_now():
        await observed.attempt("refuse", side)
    await side.accept()
    other = await side.another()
    unanswered = {"hang": side} if await side.hang() else {}
    if other is not None and await other.fall_silent(LARGE_BYTES // 2):
        unanswered["silence"] = other
    await asyncio.gather(*(observed.attempt(name, at) for name, at in unanswered.items()))
    await side.accept()
    observed.raised = tuple(observed.trial.raised)
    observed.printed = "".join(capfd.readouterr())
    open_trial.memo["observed"] = observed
    return observed


def _telling_push(trial: ChannelTrial, side: FarSide) -> Push:
    """Make a push with a secret, a header and a text to look for; it is large, so that overhead is negligible."""
    push = trial.push(side=side)
    envelope = orjson.loads(push.body)
    if (name := trial.text_field(push.event_type)) is not None:
        envelope["payload"][name] = SAID
    body = orjson.dumps(envelope)[:-1] + b" " * LARGE_BYTES + b"}"
    hidden = {"secrets": (SECRET,), "headers": {"x-token": CANARY}}
    return trial.push(side=side, event_id=push.event_id, body=body, **hidden)
