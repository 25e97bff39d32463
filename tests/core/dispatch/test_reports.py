"""The dispatcher's log: one line per step with every id; successful steps are logged only at debug level."""

import logging

import pytest

from trunkline.dispatch.leases.leases import Leases
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.parts import Slice
from trunkline.store.wakeup import Signal
from trunkline_kit.receiver import Answer

FAILED, SETTLED = "an attempt failed", "settled a batch"
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _informed(caplog):
    caplog.set_level(logging.INFO)


def lines(caplog, message: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.getMessage() == message]


async def test_a_failed_attempt_is_one_line_with_every_id_and_the_next_wait(open_house, receiver, caplog):
    receiver.script([Answer(503), Answer(200)])
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        [position] = await house.emit(to=[no])
        await house.until_statuses(delivered=1)
        subscription = await house.subscription(no)
    [line] = lines(caplog, FAILED)
    facts = {
        "delivery_id": f"dlv_{position}_{no}", "event_id": position, "event_type": "lead.created",
        "subscription_id": subscription["id"], "company_id": 92, "channel": "webhooks", "attempt": 1,
        "outcome": "retry", "status_code": 503, "error": None, "status": "pending", "next_wait_s": 0.1,
    }  # fmt: skip
    assert {name: getattr(line, name) for name in facts} == facts
    assert line.levelno == logging.INFO
    assert 0 <= line.duration_ms < 5000


@on_sqlite
async def test_the_last_failure_has_no_next_one(open_house, receiver, caplog):
    receiver.script([Answer(500)] * 3)
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.emit(to=[no])
        await house.until_statuses(exhausted=1)
    told = [(line.attempt, line.status, line.next_wait_s) for line in lines(caplog, FAILED)]
    assert told == [(1, "pending", 0.1), (2, "pending", 0.1), (3, "exhausted", None)]


@on_sqlite
async def test_of_many_failures_a_few_have_a_line_and_one_says_how_many_more(open_house, receiver, caplog):
    receiver.always(Answer(500))
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.emit(40, to=[no])
        await house.until_statuses(exhausted=40)
    batches = lines(caplog, "more attempts failed")
    assert batches
    assert {line.company_id for line in batches} == {92}
    assert len(lines(caplog, FAILED)) + sum(line.attempts for line in batches) == 3 * 40


async def test_a_success_is_silent_at_info(open_house, receiver, caplog):
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.emit(20, to=[no])
        await house.until_statuses(delivered=20)
        said = {record.getMessage() for record in caplog.records if record.name.startswith("trunkline")}
    assert said <= {"took shards"}


async def test_a_settled_batch_is_a_line_at_debug(open_house, receiver, caplog):
    caplog.set_level(logging.DEBUG, logger="trunkline")
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        positions = await house.deliver(3, to=[no])
        worker = house.hub.dispatcher.worker
    settled = lines(caplog, SETTLED)
    assert {line.worker_id for line in settled} == {worker}
    assert sum(line.deliveries for line in settled) == sum(line.attempts for line in settled) == 3
    assert max(max(line.cursors.values()) for line in settled) == positions[-1]
    assert all(line.levelno == logging.DEBUG for line in settled)


async def test_a_disabled_subscription_is_a_warning(open_house, receiver, caplog):
    receiver.script([Answer(410)])
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.emit(to=[no])
        await house.until_statuses(gone=1)
        subscription = await house.subscription(no)
        await house.until(lambda: lines(caplog, "disabled a subscription"))
    [line] = lines(caplog, "disabled a subscription")
    assert (line.levelname, line.reason, line.channel) == ("WARNING", "gone", "webhooks")
    assert (line.subscription_id, line.company_id) == (subscription["id"], 92)


async def test_shards_that_are_taken_given_back_and_lost_are_lines(database, caplog):
    owned = OwnedShards("wrk_old", 16)
    old = Leases(database, owned, Signal(), mark_hot=lambda _: None)
    new = Leases(database, OwnedShards("wrk_new", 16), Signal(), mark_hot=lambda _: None)
    await old.renew()
    await new.renew()
    await old.renew()
    await new.renew()
    owned.progress[Slice(0)].lost = True
    await old.renew()
    told = [(line.getMessage(), line.worker_id, len(line.shards)) for line in caplog.records]
    assert told[:3] == [
        ("took shards", "wrk_old", 16),
        ("gave back shards", "wrk_old", 8),
        ("took shards", "wrk_new", 8),
    ]
    assert ("lost shards", "wrk_old", 1) in told


async def test_a_replay_is_told_when_it_starts_and_when_it_has_ended(open_house, receiver, caplog):
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.emit(3, to=[no])
        await house.until_statuses(delivered=3)
        subscription = await house.subscription(no)
        replay_id = await house.replay(no)
        await house.until(lambda: lines(caplog, "replay completed"))
    [started], [completed] = lines(caplog, "replay started"), lines(caplog, "replay completed")
    assert started.replay_id == completed.replay_id == replay_id
    assert (started.subscription_id, started.company_id, started.kind) == (subscription["id"], 92, "all")
    assert completed.matched == 3


@on_sqlite
async def test_a_cancelled_replay_is_told(open_house, receiver, caplog):
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.emit(to=[no])
        await house.until_statuses(delivered=1)
        receiver.script([Answer(503)] * 50)
        replay_id = await house.replay(no)
        await house.until(lambda: lines(caplog, "replay started"))
        await house.hub.replays.cancel(92, replay_id)
        await house.until(lambda: lines(caplog, "replay cancelled"))
    [line] = lines(caplog, "replay cancelled")
    assert line.replay_id == replay_id
