"""Ordered deliveries: the deliveries of a key go one after the other through every fault, on both databases."""

import asyncio
import contextlib
import json
import time
from collections import defaultdict

import pytest
from sqlalchemy import LargeBinary, bindparam, text
from tests.core.dispatch.conftest import answer_after
from tests.waiting import until

from trunkline.dispatch.attempts import ordering, runner
from trunkline.dispatch.attempts.slots import DOWN_AFTER, UNTRUSTED_EACH
from trunkline.dispatch.lanes import lane, ordered_lane
from trunkline.dispatch.ledger import replay
from trunkline.dispatch.upkeep import status_changes
from trunkline.errors import BodyInvalid
from trunkline.model.events import shard_of
from trunkline.store import ordering as ledger_order
from trunkline.store import releasing
from trunkline_kit.receiver import Answer, Hang, Receiver

BY_CLIENT = {"key": "/payload/client_id"}
LONG = "600"
"""A retry that does not come within a test."""
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Clients(Receiver):
    """A target that answers by client, and notes the order of each client's events."""

    def __init__(self):
        super().__init__()
        self.replies = {}
        """By client, or by client and number."""
        self.pushed = defaultdict(list)

    def _received(self, request):
        client, number = _numbers(request)
        self.pushed[client].append(number)
        fallback = super()._received(request)
        return self.replies.get((client, number)) or self.replies.get(client, fallback)


def _numbers(request):
    payload = json.loads(request.body)["payload"]
    return payload["client_id"], payload["status_id"]


@pytest.fixture
async def target():
    async with Clients() as started:
        yield started


@pytest.fixture
def open_ordered(open_house, target):
    """Start a hub with a subscription: ``async with open_ordered() as (house, no)``."""

    @contextlib.asynccontextmanager
    async def open_(**options):
        async with open_house(**options) as house:
            yield house, await house.subscribe(f"{target.url}/h", ordering=BY_CLIENT)

    return open_


async def emit(house, no, *pairs):
    """Accept one event after the other, each with a client and a number; return their positions."""
    positions = []
    for client, number in pairs:
        positions += await house.emit(to=[no], client_id=client, status_id=number)
    return positions


async def until_failed(house, count=1, *, no=None):
    """Wait until *count* deliveries wait for a retry; a delivery that is being tried is pending, too."""

    async def have_failed():
        rows = await house.rows(no)
        return count == sum(r.status == "pending" and r.attempts > 0 and not r.claimed_by for r in rows)

    await house.until(have_failed)


async def deliver(house, no, *pairs):
    await emit(house, no, *pairs)
    await house.check_settled()


async def explained(house, position):
    view = await house.hub.deliveries.explain(92, position)
    return view["subscriptions"][0]


async def test_deliveries_of_one_key_go_in_the_order_of_their_events(open_ordered, target):
    target.always(Answer(delay_seconds=0.005))
    async with open_ordered() as (house, no):
        await deliver(house, no, *((client, number) for number in range(1, 31) for client in (1, 2, 3)))
    assert target.pushed == {client: [*range(1, 31)] for client in (1, 2, 3)}


async def test_a_failing_delivery_holds_its_key_and_no_other(open_ordered, target):
    target.replies[1] = Answer(500)
    async with open_ordered(retry_schedule_seconds=LONG) as (house, no):
        first, second, third, *_ = await emit(house, no, (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3))
        await house.until_statuses(pending=1, held=2, delivered=3)
        await until_failed(house)
        delivery = f"dlv_{first}_{no}"
        entries = [await explained(house, position) for position in (first, second, third)]
        assert [entry["state"] for entry in entries] == ["pending", "held", "held"]
        assert entries[2]["held_by"] == delivery
        assert delivery in entries[2]["reason"]
        log = await house.hub.deliveries.get(92, f"dlv_{second}_{no}")
        assert (log["status"], log["held_by"], log["next_attempt_utc"]) == ("held", delivery, None)
        await house.check_ledger()
        target.replies.clear()
        await house.retry(first, no)
        await house.check_settled()
    assert target.pushed == {1: [1, 1, 2, 3], 2: [1, 2, 3]}


async def test_with_one_order_for_all_a_failing_delivery_holds_everything(open_house, target):
    target.script([Answer(500)])
    async with open_house(retry_schedule_seconds="0.5") as house:
        no = await house.subscribe(f"{target.url}/h", ordering="subscription")
        await deliver(house, no, (1, 1), (2, 2), (3, 3))
    assert [_numbers(request)[1] for request in target.requests] == [1, 1, 2, 3]


async def test_events_without_a_value_at_the_key_have_one_order_together(open_house, target):
    target.replies[1] = Answer(500)
    async with open_house(retry_schedule_seconds=LONG) as house:
        no = await house.subscribe(f"{target.url}/h", ordering={"key": "/metadata/shop"})
        await emit(house, no, (1, 1), (2, 2))
        await house.until_statuses(pending=1, held=1)


async def test_a_delivery_that_ends_undelivered_lets_its_key_go_on(open_ordered, target):
    target.replies[1, 1] = Answer(500)
    async with open_ordered(retry_schedule_seconds="0.1,0.1") as (house, no):
        await emit(house, no, (1, 1), (1, 2))
        await house.check_settled(exhausted=1, delivered=1)
    assert target.pushed[1] == [1, 1, 1, 2]


async def test_skipping_ends_a_delivery_and_what_it_held_goes_on(open_ordered, target):
    target.replies[1, 1] = Answer(500)
    async with open_ordered(retry_schedule_seconds=LONG) as (house, no):
        first, second, third = await emit(house, no, (1, 1), (1, 2), (1, 3))
        await until(lambda: target.pushed[1] == [1])  # it may wait in the ledger before its first attempt
        await house.until_statuses(pending=1, held=2)
        assert (await house.skip(second, no))["status"] == "skipped"
        await house.until_statuses(pending=1, held=1, skipped=1)
        await house.skip(first, no)
        await house.until_statuses(skipped=2, delivered=1)
        assert (await house.skip(third, no))["status"] == "delivered"
    assert target.pushed[1] == [1, 3]


async def test_a_delivery_without_an_order_can_be_skipped_too(open_house, target):
    target.answer(500)
    async with open_house(retry_schedule_seconds=LONG) as house:
        no = await house.subscribe(f"{target.url}/h")
        [position] = await house.emit(to=[no])
        await house.until_statuses(pending=1)
        await house.skip(position, no)
        await house.check_settled(skipped=1)


async def test_a_retry_of_what_has_ended_is_made_before_what_is_held_and_holds_it(open_ordered, target):
    target.replies[1, 1] = Answer(500)
    async with open_ordered(retry_schedule_seconds="0.01") as (house, no):
        [first] = await emit(house, no, (1, 1))
        await house.until_statuses(exhausted=1)
        target.replies[1, 1] = Hang()
        await house.retry(first, no)
        await until(lambda: target.pushed[1] == [1, 1, 1])
        await emit(house, no, (1, 2), (1, 3))
        await house.until_statuses(pending=1, held=2)
        await house.skip(first, no)
        await asyncio.sleep(0.3)
    assert target.pushed[1] == [1, 1, 1], "the next one waits for the end of the attempt that was skipped"


async def test_a_retry_of_a_held_delivery_waits_for_its_turn(open_ordered, target):
    target.replies[1] = Answer(500)
    async with open_ordered(retry_schedule_seconds=LONG) as (house, no):
        _, second = await emit(house, no, (1, 1), (1, 2))
        await house.until_statuses(pending=1, held=1)
        assert (await house.retry(second, no))["status"] == "held"
        await asyncio.sleep(0.3)
    assert target.pushed[1] == [1]


async def test_a_slow_attempt_holds_its_key_in_the_ledger_and_no_cursor(open_ordered, target, monkeypatch):
    monkeypatch.setattr(runner, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(ordering, "WAIT_SECONDS", 0.2)
    passed = asyncio.Event()
    target.replies[1, 1] = answer_after(passed)
    async with open_ordered(timeout_seconds=60) as (house, no):
        *_, last = await emit(house, no, (1, 1), (1, 2), (2, 1), (1, 3))
        await house.until_statuses(pending=1, held=2, delivered=1)
        await house.until(lambda: house.has_passed(last))
        passed.set()
        await house.check_settled()
    assert target.pushed == {1: [1, 2, 3], 2: [1]}


async def test_beyond_a_bound_what_waits_is_in_the_ledger_alone(open_ordered, target, monkeypatch):
    monkeypatch.setattr(ordering, "MOST_WAITING", 5)
    monkeypatch.setattr(ordered_lane, "RUN", 3)
    target.replies[1, 1] = Answer(delay_seconds=0.5)
    async with open_ordered() as (house, no):
        await deliver(house, no, (2, 1))
        await emit(house, no, *((1, number) for number in range(1, 41)))
        assert len(house.hub.dispatcher._runner.ordering._new) <= 5
        await house.check_settled()
    assert target.pushed[1] == [*range(1, 41)]


async def test_where_many_keys_fail_the_others_go_on_through_the_ledger(open_ordered, target, monkeypatch):
    monkeypatch.setattr(ordering, "MOST_BLOCKED", 3)
    async with open_ordered(retry_schedule_seconds=LONG) as (house, no):
        for client in range(1, 7):
            target.replies[client] = Answer(500)
        await emit(house, no, *((client, 1) for client in range(1, 7)))
        await house.until_statuses(pending=6)
        await emit(house, no, (9, 1), (9, 2), (1, 2))
        await house.until_statuses(pending=6, delivered=2, held=1)
        await until_failed(house, 6)
        target.replies.clear()
        for row in await house.rows(no):
            if row.status == "pending":
                await house.retry(row.position, no)
        await house.check_settled()
    assert (target.pushed[9], target.pushed[1]) == ([1, 2], [1, 1, 2])


async def test_a_paused_order_goes_on_with_what_it_missed_before_what_is_new(open_ordered, target):
    target.replies[1, 1] = Answer(500)
    async with open_ordered(retry_schedule_seconds=",".join(["0.2"] * 40)) as (house, no):
        await emit(house, no, (1, 1), (1, 2))
        await house.until_statuses(pending=1, held=1)
        await house.change(no, status="paused")
        await emit(house, no, *((1, number) for number in range(3, 9)))
        await asyncio.sleep(0.5)
        assert await house.statuses() == {"pending": 1, "held": 1}
        target.replies.clear()
        await house.change(no, status="active")
        await deliver(house, no, *((1, number) for number in range(9, 15)))
    assert [n for n in target.pushed[1] if n > 1] == [*range(2, 15)]


async def test_a_replay_keeps_the_order_and_what_is_new_waits_behind_it(open_ordered, target):
    async with open_ordered() as (house, no):
        await deliver(house, no, *((client, number) for number in range(1, 16) for client in (1, 2)))
        target.pushed.clear()
        target.always(Answer(delay_seconds=0.01))
        replay_id = await house.replay(no)
        await deliver(house, no, (1, 16), (1, 17), (2, 16))
        await house.until_replayed(replay_id)
    assert target.pushed == {1: [*range(1, 18)], 2: [*range(1, 17)]}


async def test_a_replay_goes_past_few_open_deliveries_at_once(open_ordered, target, monkeypatch):
    monkeypatch.setattr(replay, "PASSED", 3)
    async with open_ordered(retry_schedule_seconds=LONG) as (house, no):
        target.always(Answer(500))
        await emit(house, no, *((client, 1) for client in range(1, 11)))
        await until_failed(house, 10)
        passed, arrange = [], ledger_order.arrange

        async def watched(connection, places, **more):
            passed.append(len(places))
            await arrange(connection, places, **more)

        monkeypatch.setattr(ledger_order, "arrange", watched)
        replay_id = await house.replay(no, event_types=["payment.failed"])
        await house.until_replayed(replay_id)
        assert max(passed) <= 3
        assert sum(passed) >= 10


async def test_a_key_that_fails_in_a_replay_holds_no_other_key_nor_its_new_events(open_ordered, target):
    async with open_ordered(retry_schedule_seconds=LONG) as (house, no):
        await deliver(house, no, *((client, number) for number in range(1, 11) for client in (1, 2)))
        target.pushed.clear()
        target.replies[1] = Answer(500)
        await house.replay(no)
        await emit(house, no, (2, 11))
        await house.until_statuses(pending=1, held=9, delivered=11)
    assert target.pushed == {1: [1], 2: [*range(1, 12)]}


async def test_a_cancelled_replay_lets_what_waited_for_it_go_on(open_ordered, target, monkeypatch):
    monkeypatch.setattr(replay, "PAGE", 0)  # it reads nothing
    async with open_ordered() as (house, no):
        await deliver(house, no, (1, 1))
        replay_id = await house.replay(no)
        [position] = await emit(house, no, (1, 2))
        await house.until(
            lambda: house.query("SELECT 1 FROM deliveries WHERE status = 'held' AND queued = 1")
        )
        assert "the replay that runs" in (await explained(house, position))["reason"]
        await house.hub.replays.cancel(92, replay_id)
        await house.check_settled()
    assert target.pushed[1] == [1, 2]


async def test_deliveries_behind_a_replay_go_on_piece_by_piece(open_house, open_ordered, target, monkeypatch):
    monkeypatch.setattr(replay, "PAGE", 0)
    monkeypatch.setattr(releasing, "KEYS", 1)
    monkeypatch.setattr(status_changes, "PAUSE_SECONDS", 30)
    async with open_ordered() as (house, no):
        await deliver(house, no, (1, 1))
        replay_id = await house.replay(no)
        await emit(house, no, *((client, 2) for client in range(1, 9)))
        await house.until_statuses(delivered=1, held=8)
        await house.hub.replays.cancel(92, replay_id)
        await house.until_statuses(delivered=3, held=6)  # two pieces: the change's own, and a worker's first
        await emit(house, no, *((client, 3) for client in range(1, 5)))
    monkeypatch.setattr(status_changes, "PAUSE_SECONDS", 0.02)
    async with open_house() as house:
        await house.check_settled()
        assert not await house.query("SELECT 1 FROM unreleased")
    assert target.pushed == {1: [1, 2, 3], 2: [2, 3], 3: [2, 3], 4: [2, 3], 5: [2], 6: [2], 7: [2], 8: [2]}


async def test_many_keys_of_a_hanging_target_leave_others_their_turn(open_house, open_ordered, target):
    target.always(Hang(), path="/hanging")
    async with open_house(dispatch=False) as house:
        hanging = await house.subscribe(f"{target.url}/hanging", company=17, ordering=BY_CLIENT)
        await _fill(house, hanging, company=17, count=1_200)
    async with open_ordered(retry_schedule_seconds=LONG, timeout_seconds=60) as (house, no):
        target.replies[1, 7] = Answer(500)
        [position] = await emit(house, no, (1, 7))
        await until_failed(house, no=no)
        target.replies.clear()
        await house.retry(position, no)
        await house.until_statuses(no, delivered=1)
        # Deliveries that would find no slot are not claimed: a claim is two writes.
        assert sum(row.claim for row in await house.rows(hanging)) == UNTRUSTED_EACH


@on_sqlite
async def test_a_target_that_is_down_is_tried_in_steps_though_it_refuses_at_once(open_house, target):
    target.always(Answer(500))
    async with open_house(dispatch=False) as house:
        no = await house.subscribe(f"{target.url}/h", company=17, ordering=BY_CLIENT)
        await _fill(house, no, company=17, count=1_200)
    async with open_house(retry_schedule_seconds=LONG) as house:
        await house.until(lambda: target.count >= 2 * DOWN_AFTER)
        before, began = target.count, time.monotonic()
        await asyncio.sleep(0.5)
        steps = (time.monotonic() - began) / ordered_lane.CROWDED_SECONDS
        assert (
            target.count - before <= 3 * steps
        )  # other events wake it now and then; without steps there would be ten times as many


async def _fill(house, no, *, company, count):
    """Make *count* events before every cursor, and due deliveries of them, each with a separate key."""
    [head] = await house.query("SELECT position FROM stream_head")
    first, last, shard = head["position"] + 1, head["position"] + count, shard_of(company, 16)
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT i"
    )
    payload = {"client_id": 1, "status_id": 1}
    envelope = {
        "id": 1, "type": "lead.created", "createdUtc": "2026-01-28T10:30:00Z", "companyId": company, "payload": payload,
    }  # fmt: skip
    async with house.hub.engines.write() as connection:
        body = bindparam("body", json.dumps(envelope).encode(), type_=LargeBinary)
        events = f"INSERT INTO events (position, company_id, type, shard, accepted_ms, body) {numbers}, {company}, 'lead.created', {shard}, 0, :body FROM n"
        await connection.execute(text(events).bindparams(body))
    columns = "position, subscription_no, status, attempts, claim, due_ms, updated_ms, order_key, order_shard"
    for statement in (
        f"INSERT INTO deliveries ({columns}) {numbers}, {no}, 'pending', 1, 0, 0, 0, i, {shard} FROM n",
        f"UPDATE stream_head SET position = {last}",
        f"UPDATE shards SET cursor = {last}",
    ):
        await house.execute(statement)


async def test_changing_or_ending_an_order_loses_nothing_and_leaves_nothing_stuck(open_ordered, target):
    target.replies[1] = Answer(500)
    async with open_ordered(retry_schedule_seconds=",".join(["0.4"] * 20)) as (house, no):
        await emit(house, no, (1, 1), (1, 2))
        await house.until_statuses(pending=1, held=1)
        await house.change(no, ordering="subscription")
        await emit(house, no, (1, 3), (2, 4))
        await house.change(no, ordering=None)
        await emit(house, no, (1, 5), (3, 6))
        await house.change(no, ordering={"key": "/payload/status_id"})
        await emit(house, no, (1, 7))
        target.replies.clear()
        await house.check_settled(delivered=7)


async def test_what_is_held_ends_with_its_subscription(open_ordered, target):
    target.replies[1] = Answer(500)
    async with open_ordered(retry_schedule_seconds=LONG) as (house, no):
        await emit(house, no, (1, 1), (1, 2))
        await house.until_statuses(pending=1, held=1)
        await house.delete(no)
        await house.until_statuses(gone=2)


async def test_an_order_is_held_while_its_channel_is_off_and_goes_on(open_house, open_ordered, target):
    async with open_ordered() as (house, no):
        await deliver(house, no, (1, 1))
    async with open_house(plugins="polling") as house:
        await emit(house, no, (1, 2), (2, 1), (1, 3))
        await house.until_statuses(delivered=1, held=3)
    async with open_house() as house:
        await house.check_settled()
    assert target.pushed == {1: [1, 2, 3], 2: [1]}


async def test_a_restart_in_the_middle_goes_on_in_order(open_house, open_ordered, target):
    target.always(Answer(delay_seconds=0.01))
    target.replies[2, 1] = Answer(500)
    async with open_ordered(retry_schedule_seconds="0.5") as (house, no):
        await emit(house, no, *((client, number) for number in range(1, 41) for client in (1, 2)))
    async with open_house(retry_schedule_seconds="0.5") as house:
        await house.check_settled()
    assert target.pushed == {1: [*range(1, 41)], 2: [1, *range(1, 41)]}


async def test_a_front_that_an_earlier_delivery_replaced_is_not_passed_over(open_house, open_ordered, target):
    target.replies[1, 1] = Hang()
    async with open_ordered() as (house, no):
        _, second, _ = await emit(house, no, (1, 1), (1, 2), (1, 3))
        await until(lambda: target.pushed[1] == [1])
    async with open_house(dispatch=False) as house:
        await house.check_recorded()
        # the state after a worker died with both in flight
        await house.execute(
            "UPDATE deliveries SET status = 'pending', due_ms = 1, queued = NULL WHERE position = :second",
            second=second,
        )
    del target.replies[1, 1]
    async with open_house() as house:
        await house.check_settled()
    assert target.pushed == {1: [1, 1, 2, 3]}


@pytest.mark.slow
async def test_two_workers_keep_the_order_while_shards_move(open_house, target, postgres_database_url):
    target.always(Answer(delay_seconds=0.004))
    async with open_house(url=postgres_database_url) as first:
        no = await first.subscribe(f"{target.url}/h", ordering=BY_CLIENT)
        emitting = asyncio.create_task(
            emit(first, no, *((client, number) for number in range(1, 201) for client in (1, 2)))
        )
        for _ in range(3):
            async with open_house(url=postgres_database_url):
                await asyncio.sleep(0.4)
        await emitting
        await first.check_settled()
    assert target.pushed == {client: [*range(1, 201)] for client in (1, 2)}


@on_sqlite
async def test_without_an_ordering_nothing_of_it_is_asked_of_the_database(open_house, target, monkeypatch):
    asked = []
    async with open_house() as house:
        await until(lambda: house.hub.dispatcher._ordered._idleness._state)  # it checks the ledger once
        no = await house.subscribe(f"{target.url}/h")
        await deliver(house, no, (1, 1))
        await until(
            lambda: (
                house.hub.dispatcher._ordered._idleness._state[1]
                == house.hub.dispatcher._reader._table.version
            )
        )
        for name in ("arrange", "next_due_ms", "claim", "busy_keys"):
            monkeypatch.setattr(ordered_lane.store, name, lambda *_, name=name, **__: asked.append(name))
        await deliver(house, no, (1, 1), (1, 2))
        await asyncio.sleep(1.2)
    assert asked == []


@on_sqlite
async def test_what_is_written_late_of_a_deleted_subscription_ends(open_house, target, monkeypatch):
    monkeypatch.setattr(lane, "IDLE_SECONDS", 0.3)
    async with open_house() as house:
        no = await house.subscribe(f"{target.url}/h")
        await deliver(house, no, (1, 1))
        await house.delete(no)
        await until(house.routing_is_fresh)
        version = house.hub.dispatcher._reader._table.version
        await until(lambda: house.hub.dispatcher._ordered._idleness._state[1] == version)
        await house.execute(
            "UPDATE deliveries SET status = 'pending', due_ms = 1, order_key = 7, order_shard = :shard",
            shard=shard_of(92, 16),
        )
        await house.until_statuses(no, gone=1)


@on_sqlite
@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ("all", "/ordering", """or an object such as {"key": "/payload/client_id"}, not 'all'"""),
        ({"key": "/payload/client_id", "more": 1}, "/ordering", 'must be "subscription"'),
        ({"key": "payload.client_id"}, "/ordering/key", "must be a JSON pointer"),
        ({"key": "/payload"}, "/ordering/key", "must be a JSON pointer"),
        ({"key": "/payload/a~2"}, "/ordering/key", "must be a JSON pointer"),
        ({"key": "/id/x"}, "/ordering/key", "must be a JSON pointer"),
        ({"key": 7}, "/ordering/key", "must be a JSON pointer"),
        ({"key": "/payload/no_such"}, "/ordering/key", "is in none of the chosen event types"),
    ],
)
async def test_an_ordering_that_no_event_can_follow_is_refused(open_house, target, value, path, message):
    async with open_house(dispatch=False) as house:
        with pytest.raises(BodyInvalid) as refused:
            await house.subscribe(f"{target.url}/h", types=["lead.created"], ordering=value)
        [error] = refused.value.errors
        assert error.path == path
        assert message in error.message
        no = await house.subscribe(f"{target.url}/h", types=["lead.created"])
        with pytest.raises(BodyInvalid):
            await house.change(no, ordering=value)


@on_sqlite
async def test_event_types_that_do_not_have_the_key_are_refused_while_it_is_one(open_house, target):
    async with open_house(dispatch=False) as house:
        no = await house.subscribe(
            f"{target.url}/h", types=["lead.created"], ordering={"key": "/payload/first_name"}
        )
        with pytest.raises(BodyInvalid, match="/ordering/key"):
            await house.change(no, event_types=["payment.failed"])
        await house.change(no, event_types=["payment.failed"], ordering=BY_CLIENT)
