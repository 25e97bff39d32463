"""Channels are third-party code: any fault of a channel is one attempt of its own deliveries, and affects no other channel."""

import asyncio
import errno
import math
import time

import pytest
from tests.waiting import until

from trunkline.contract import Channel
from trunkline.dispatch.attempts import runner
from trunkline.dispatch.attempts.results import KEPT_TEXT, checked
from trunkline.errors import MachineExhausted
from trunkline.model.deliveries import Outcome, Result

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Pigeon:
    """A channel that plays *acts* and then delivers; it notes the beginning of each attempt."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self.began: list[float] = []
        self.channel = Channel("pigeon", "Pigeon", "By bird.", deliver=self.deliver)

    async def deliver(self, push, http):
        self.began.append(time.monotonic())
        if not self.acts:
            return Result(Outcome.DELIVERED)
        act = self.acts.pop(0)
        return await act() if callable(act) else act


async def _raise():
    msg = "a secret that is nobody's business"
    raise RuntimeError(msg)


async def _cancel_itself():
    raise asyncio.CancelledError


async def _hang_whatever_happens():
    end = time.monotonic() + 8
    while time.monotonic() < end:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue


async def _deliver_when_cancelled():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return Result(Outcome.DELIVERED)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (_raise, "channel_error: RuntimeError"),
        (_cancel_itself, "channel_error: CancelledError"),
        (None, "channel_error: gave NoneType instead of a Result"),
        (Result("delivered!"), "channel_error: gave a Result without an Outcome"),  # type: ignore[arg-type]
        (Result(Outcome.RETRY, error="x\0y\ud800"), "xy?"),
    ],
    ids=["raises", "cancels itself", "gives None", "gives no outcome", "gives what no database takes"],
)
async def test_a_channel_that_misbehaves_makes_one_failed_attempt_at_once(open_house, act, error):
    pigeon = Pigeon(act)
    async with open_house(channels=[pigeon.channel]) as house:
        no = await house.subscribe("https://example.com/", channel="pigeon")
        [position] = await house.deliver(to=[no])
        first, second = await house.attempts(position, no)
        assert house.hub.dispatcher.is_alive
    assert (first["outcome"], first["error"]) == ("retry", error)
    assert second["outcome"] == "delivered"
    assert len(pigeon.began) == 2


def _lacks(error):
    async def lack():
        raise error

    return lack


@on_sqlite
@pytest.mark.parametrize("ordering", [None, "subscription"])
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENOBUFS, "No buffer space available"),
        MemoryError(),
        RuntimeError("can't start new thread"),
        MachineExhausted("no files", retry_after_seconds=1),
    ],
    ids=["files", "buffers", "memory", "threads", "from the client"],
)
async def test_a_lack_of_this_machine_costs_no_attempt(open_house, error, ordering, monkeypatch, caplog):
    monkeypatch.setattr(runner, "SHORTAGE_MS", 50)
    pigeon = Pigeon(_lacks(error), _lacks(error))
    async with open_house(channels=[pigeon.channel], breaker_failures=1, breaker_span_seconds=0) as house:
        no = await house.subscribe("https://example.com/", channel="pigeon", ordering=ordering)
        first, second = await house.deliver(2, to=[no])
        attempts = [attempt for p in (first, second) for attempt in await house.attempts(p, no)]
        metrics = house.hub.metrics.text().decode()
    assert [(a["number"], a["outcome"]) for a in attempts] == [(1, "delivered")] * 2
    assert len(pigeon.began) == 4
    assert "\ntrunkline_attempts_put_off_total 2.0\n" in metrics
    assert [m for m in caplog.messages if m.startswith("this machine lacks")] == [
        f"this machine lacks what attempts need: deliveries wait, 1 so far, and no attempt is counted: {error}"
    ]


@on_sqlite
@pytest.mark.parametrize("act", [lambda: asyncio.Event().wait(), _hang_whatever_happens])
async def test_a_channel_that_hangs_makes_one_failed_attempt_within_the_time_limit(open_house, receiver, act):
    pigeon = Pigeon(act)
    async with open_house(channels=[pigeon.channel], timeout_seconds=0.5) as house:
        hanging = await house.subscribe("https://example.com/", channel="pigeon")
        healthy = await house.subscribe(f"{receiver.url}/h")
        began = time.monotonic()
        [position] = await house.emit(to=[hanging, healthy])
        await receiver.wait_for(1)
        await house.check_settled()
        assert time.monotonic() - began < 7.5
        first, second = await house.attempts(position, hanging)
        assert house.hub.dispatcher._runner.slots.in_use == 0
    assert (first["outcome"], first["error"]) == ("retry", "timeout")
    assert 500 <= first["duration_ms"] < 7_500
    assert receiver.requests[0].received_at / 1e9 - pigeon.began[0] < first["duration_ms"] / 1000, (
        "nobody else has waited"
    )
    assert second["outcome"] == "delivered"


@on_sqlite
async def test_a_channel_that_answers_its_cancellation_with_a_result_is_believed(open_house):
    pigeon = Pigeon(_deliver_when_cancelled)
    async with open_house(channels=[pigeon.channel], timeout_seconds=0.2) as house:
        no = await house.subscribe("https://example.com/", channel="pigeon")
        await house.deliver(to=[no])
        await house.emit(3, to=[no])
        await house.check_settled(delivered=4)
    assert len(pigeon.began) == 4


async def test_a_rejected_delivery_is_not_tried_again_and_does_not_count_as_a_failure(open_house):
    pigeon = Pigeon(Result(Outcome.REJECTED, error="no such address"))
    async with open_house(channels=[pigeon.channel], breaker_failures=1, breaker_span_seconds=0) as house:
        no = await house.subscribe("https://example.com/", channel="pigeon")
        await house.deliver(to=[no])
        await house.emit(to=[no])
        await house.check_settled(rejected=1, delivered=1)
        row = await house.subscription(no)
    assert (row["status"], row["failures"]) == ("active", 0)


@on_sqlite
async def test_stopping_does_not_wait_for_a_channel_that_ignores_its_cancellation(open_house):
    pigeon = Pigeon(_hang_whatever_happens)
    async with open_house(channels=[pigeon.channel]) as house:
        no = await house.subscribe("https://example.com/", channel="pigeon")
        await house.emit(to=[no])
        await until(lambda: pigeon.began)
        leaving = time.monotonic()
    assert time.monotonic() - leaving < 6


def test_a_fit_result_is_kept_as_it_is_and_another_is_cut_to_what_the_ledger_takes():
    result = Result(Outcome.RETRY, 503, "busy", None, 7.5)
    assert checked(result) == result
    excessive = Result(Outcome.RETRY, 2**40, "b" * 5000, None, math.nan)
    assert checked(excessive) == Result(Outcome.RETRY, None, "b" * KEPT_TEXT)


@pytest.mark.parametrize(
    ("outcome", "given", "kept"),
    [
        (
            Outcome.RETRY,
            {"a": "b", "X-Api-Key": "k", "b": "Bearer abcdefghijklmnopqrst"},
            {"a": "b", "X-Api-Key": "••••", "b": "Bearer …"},
        ),
        (Outcome.RETRY, {"a": "x" * 1025, "b": "y" * 1025, "c": "z"}, {"a": "x" * 1024}),
        (Outcome.RETRY, {"a\0": "b\0\ud800", 1: 2}, {"a": "b?", "1": "2"}),
        (Outcome.RETRY, ["a"], None),
        (Outcome.RETRY, {}, None),
        (Outcome.DELIVERED, {"a": "b"}, None),
    ],
)
def test_two_kibibytes_of_headers_are_kept_of_what_did_not_deliver(outcome, given, kept):
    assert checked(Result(outcome, 200, "", response_headers=given)).response_headers == kept
