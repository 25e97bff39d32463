"""Checks of a channel's timing: time limits, cancellation, and slow targets that must not delay others."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable

import pytest

from trunkline.contract import AcceptedEvent
from trunkline.model.deliveries import Outcome, Result
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, not_applicable
from trunkline_kit.far_sides import HttpFarSide
from trunkline_kit.receiver import Drip, EndlessHeaders, Receiver
from trunkline_kit.suites.channel_observed import observe
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import ChannelTrial, Subscribed

LIMIT_SECONDS = 1.0
"""The hub's time limit in these checks."""
LATEST_SECONDS = 12.0
"""Time after which an attempt must have ended: many times the limit, because test machines are often busy."""
PROMPT_SHARE = 0.25
"""Time limit of an event to a healthy target while another target hangs, as a fraction of ``patience_seconds``."""
BLOCKED_SECONDS = 0.3
"""Longest time for which the event loop may be blocked while other threads run."""
_BEAT_SECONDS = 0.01
_LONG = {"delivery.timeout_seconds": "60"}
_SHORT = {"delivery.timeout_seconds": str(LIMIT_SECONDS)}


class TimeChecks(ChannelSubject):
    """Checks of a channel while a target is slow or hangs."""

    @check("channel.ends-a-hang-in-time", level=DELIVERS)
    async def test_ends_a_hang_in_time(self, open_trial: OpenTrial) -> None:
        """An attempt at a target that never answers fails at the time limit; a later attempt delivers the event."""
        trial = await open_trial(settings=_SHORT)
        await trial.can(trial.far_side.hang(), "hang")
        subscription = await trial.subscribe()
        event = await trial.emit()
        first = (await trial.until_tried(event, subscription))["attempts"][0]
        demand(
            first["outcome"] == "retry" and first["duration_ms"] < LATEST_SECONDS * 1000,
            f"{trial.name} took {first['duration_ms']} ms to find a hanging target '{first['outcome']}'; it should end as 'retry' "
            f"at the time limit of {LIMIT_SECONDS:g} s",
        )
        await trial.far_side.accept()
        await trial.until_ended(event, subscription)

    @check("channel.waits-for-the-answer", level=DELIVERS)
    async def test_waits_for_the_answer(
        self, open_trial: OpenTrial, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A delivery counts as delivered only after the target has accepted the event."""
        observed = await observe(open_trial, capfd)
        unanswered = [result for name, result in observed.results.items() if name in {"hang", "silence"}]
        if not unanswered:
            not_applicable(f"the transport of {observed.trial.name} has no way to hang")
        for result in unanswered:
            demand(
                result.outcome is Outcome.RETRY,
                f"{observed.trial.name} said '{result.outcome}' though the target had not answered; it should wait for the answer, or "
                "a crash loses the event",
            )

    @check("channel.ends-when-cancelled", level=DELIVERS)
    async def test_ends_when_cancelled(self, open_trial: OpenTrial) -> None:
        """An attempt that is cancelled ends, and does not report the event as delivered."""
        trial = await open_trial()
        await trial.can(trial.far_side.hang(), "hang")
        attempt = await _cancelled_attempt(trial)
        demand(
            attempt.done(),
            f"{trial.name} went on for more than 3 s after an attempt was cancelled; it should let CancelledError through",
        )
        said = None
        with contextlib.suppress(BaseException):
            said = attempt.result().outcome
        demand(
            said is not Outcome.DELIVERED,
            f"{trial.name} said 'delivered' when its attempt was cancelled before the target had answered; it should let CancelledError "
            "through, or a hub that stops loses the event",
        )

    @check("channel.gives-up-on-endless-answers", level=DELIVERS, only="http")
    async def test_gives_up_on_endless_answers(self, open_trial: OpenTrial) -> None:
        """If an answer has an endless head, or a refusal an endless body, the attempt fails within the time limit."""
        trial = await open_trial(settings=_SHORT)
        replies = (Drip(status=503), EndlessHeaders(0.01), EndlessHeaders())
        await trial.demand_retries(replies, what="an answer without end")

    @check("channel.leaves-no-task-behind", level=COMPLETE)
    async def test_leaves_no_task_behind(self, open_trial: OpenTrial) -> None:
        """No task of an attempt is left running after the attempt has ended or was cancelled."""
        trial = await open_trial(dispatch=False)
        await trial.attempt()  # connections may be opened and kept
        before = asyncio.all_tasks()
        await trial.attempt()
        if await trial.far_side.hang():
            await _cancelled_attempt(trial)
        late = f"{trial.name} left a task running after its attempt had ended; await what is started, or cancel it"
        await trial.until(lambda: not (asyncio.all_tasks() - before), otherwise=late, seconds=2)

    @check("channel.does-not-block-the-loop", level=COMPLETE)
    async def test_does_not_block_the_loop(self, open_trial: OpenTrial) -> None:
        """An attempt does not block the event loop, which runs everything else in the hub."""
        trial = await open_trial(dispatch=False)
        await trial.attempt()
        blocked_seconds = min([await _longest_block(trial.attempt()) for _ in range(3)])
        demand(
            blocked_seconds < BLOCKED_SECONDS,
            f"{trial.name} kept the event loop from running for {blocked_seconds:.1f} s in each of three attempts; it should await, "
            "and leave what blocks or calculates to asyncio.to_thread",
        )

    @check("channel.lets-other-targets-go-on", level=DELIVERS)
    async def test_lets_other_targets_go_on(self, open_trial: OpenTrial) -> None:
        """A target that hangs delays no other target of the channel."""
        trial = await open_trial(settings=_LONG)
        healthy = await trial.another_side()
        await trial.can(trial.far_side.hang(), "hang")
        try:
            await trial.subscribe()
            for _ in range(3):
                await trial.emit()
            await trial.far_side.reached()
            subscription = await trial.subscribe(healthy)
            await self._demand_prompt(trial, await trial.emit(), subscription)
        finally:
            await trial.far_side.accept()

    @check("channel.lets-other-channels-go-on", level=DELIVERS)
    async def test_lets_other_channels_go_on(
        self, open_trial: OpenTrial, trunkline_receiver: Receiver
    ) -> None:
        """A target that hangs delays no other channel."""
        trial = await open_trial(beside=["webhooks"], settings=_LONG)
        webhook = HttpFarSide(trunkline_receiver)
        await trial.can(trial.far_side.hang(), "hang")
        try:
            await trial.subscribe()
            request = {"target_url": webhook.url, "event_types": ["*"]}
            other = await trial.hub.subscriptions.create(92, request, channel="webhooks")
            await self._demand_prompt(trial, await trial.emit(), other)
        finally:
            await trial.far_side.accept()

    async def _demand_prompt(
        self, trial: ChannelTrial, event: AcceptedEvent, subscription: Subscribed
    ) -> None:
        began, prompt = time.monotonic(), trial.patience_seconds * PROMPT_SHARE
        late = (
            f"{trial.name} held up another target for more than {prompt:g} s while one of its own hung; attempts should neither "
            "block nor wait for each other"
        )
        await trial.until(lambda: trial.is_delivered(event, subscription), otherwise=late, seconds=prompt)
        demand(time.monotonic() - began < prompt, late)


async def _cancelled_attempt(trial: ChannelTrial) -> asyncio.Future[Result]:
    """Make an attempt, cancel it after half a second, and wait up to three seconds for its end."""
    attempt = asyncio.ensure_future(trial.deliver(trial.push(), trial.hub.http))
    await asyncio.wait({attempt}, timeout=0.5)
    attempt.cancel()
    await asyncio.wait({attempt}, timeout=3)
    return attempt


async def _longest_block(attempt: Awaitable[Result]) -> float:
    """Return the longest time in seconds for which *attempt* blocks the event loop.

    The loop is measured against a thread: a slow machine delays both, blocking code delays only the loop.
    """
    missed, most, over = 0, 0, threading.Event()

    def beat() -> None:
        nonlocal missed, most
        while not over.wait(_BEAT_SECONDS):
            missed += 1
            most = max(most, missed)

    async def answer() -> None:
        nonlocal missed
        while True:
            missed = 0
            await asyncio.sleep(_BEAT_SECONDS / 2)

    thread, task = threading.Thread(target=beat, daemon=True), asyncio.create_task(answer())
    await asyncio.sleep(0)
    thread.start()
    try:
        await attempt
    finally:
        over.set()
        task.cancel()
        await asyncio.to_thread(thread.join)
    return most * _BEAT_SECONDS
