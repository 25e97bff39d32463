"""Subscriptions and channels that change while events flow."""

import asyncio

from tests.core.dispatch.conftest import answer_after
from tests.waiting import until

from trunkline.store import deliveries as ledger
from trunkline.store.deliveries import Settled
from trunkline.store.open_deliveries import PIECE
from trunkline_kit.receiver import Answer


async def test_deliveries_of_a_channel_that_is_off_are_held_until_it_is_on_again(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(2, to=[no])
    async with open_house(plugins="polling") as house:
        await house.emit(3, to=[no])
        await house.until_statuses(delivered=2, held=3)
        assert {row.due_ms for row in await house.rows() if row.status == "held"} == {None}
        await house.check_ledger()
    async with open_house() as house:
        await house.check_settled(delivered=5)
    assert receiver.count == 5


async def test_a_retry_that_falls_due_while_its_channel_is_off_is_held_too(open_house, receiver):
    receiver.script([Answer(500)])
    async with open_house(retry_schedule_seconds="600") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(to=[no])
        await house.until_statuses(pending=1)
    async with open_house(plugins="polling") as house:
        await house.execute("UPDATE deliveries SET due_ms = 1")
        await house.until_statuses(held=1)
    async with open_house() as house:
        await house.until_statuses(delivered=1)
    assert [request.headers["trunkline-attempt"] for request in receiver.requests] == ["1", "2"]


async def test_deliveries_held_during_a_pause_flow_when_the_subscription_is_resumed(open_house, receiver):
    async with open_house(plugins="polling") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(2, to=[no])
        await house.until_statuses(held=2)
        await house.change(no, status="paused")
    async with open_house() as house:
        await house.change(no, status="active")
        await house.check_settled(delivered=2)


async def test_retries_of_a_paused_subscription_wait_and_go_on_when_it_is_resumed(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds=",".join(["0.3"] * 30)) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(3, to=[no])
        await house.until_statuses(pending=3)
        await house.change(no, status="paused")
        await until(lambda: _all_parked(house))
        await house.check_ledger()
        seen = receiver.count
        receiver.answer(200)
        await house.change(no, status="active")
        await house.check_settled(delivered=3)
    assert receiver.count == seen + 3


async def _all_parked(house):
    return all(row.due_ms is None and row.claimed_by is None for row in await house.rows())


async def test_what_is_pending_ends_as_gone_when_its_subscription_is_deleted(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="30") as house:
        no, other = await house.subscribe(f"{receiver.url}/h"), await house.subscribe(f"{receiver.url}/other")
        receiver.always(Answer(200), path="/other")
        await house.emit(3, to=[no, other])
        await house.until_statuses(pending=3, delivered=3)
        seen = receiver.count
        await house.delete(no)
        await house.check_settled()
        assert await house.statuses(no) == {"gone": 3}
    assert receiver.count == seen


async def test_an_attempt_under_way_while_its_subscription_is_deleted_changes_nothing(open_house, receiver):
    deleted = asyncio.Event()
    receiver.script([Answer(500), answer_after(deleted, Answer(500))])
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        [position] = await house.emit(to=[no])
        await receiver.wait_for(2)
        await house.delete(no)
        deleted.set()
        await until(lambda: house.hub.dispatcher._runner.slots.in_use == 0)
        await house.hub.dispatcher._settlement.flush()
        [row] = await house.rows()
        numbers = [attempt["number"] for attempt in await house.attempts(position, no)]
    assert (row.status, row.attempts, row.due_ms) == ("gone", 1, None)
    assert numbers == [1]


async def test_a_subscription_made_while_events_flow_gets_exactly_those_after_it(open_house, receiver):
    async with open_house() as house:
        first = await house.subscribe(f"{receiver.url}/first")
        positions: list[int] = []
        stop = asyncio.Event()

        async def keep_emitting():
            while not stop.is_set():
                positions.extend(await house.emit(3, to=[first]))

        writers = [asyncio.create_task(keep_emitting()) for _ in range(4)]
        made = []
        for index in range(5):
            await house.until(lambda index=index: len(positions) > 40 * (index + 1))
            made.append(await house.subscribe(f"{receiver.url}/{index}"))
        await house.until(lambda: len(positions) > 260)
        stop.set()
        await asyncio.gather(*writers)
        for no in made:
            start = (await house.subscription(no))["start_position"]
            house.matched.update((position, no) for position in positions if position > start)
        await house.check_settled()
        assert set(await house.statuses()) == {"delivered"}
    assert receiver.count == len(house.matched), "none was sent twice"


async def test_a_change_of_types_filter_or_target_holds_for_the_events_after_it(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/old", types=["lead.created"])
        await house.emit(to=[no])
        await house.deliver(type="client.created")
        await house.change(
            no, event_types=["client.created", "payment.failed"], target_url=f"{receiver.url}/new"
        )
        await house.emit()
        await house.deliver(to=[no], type="client.created")
        await house.change(
            no, filter={"payload.amount_attempted": {"gte": 100}}, event_types=["payment.failed"]
        )
        await house.emit(to=[no], type="payment.failed", amount_attempted=100)
        await house.deliver(type="payment.failed", amount_attempted=99.5)
    assert [(r.path, r.headers["trunkline-event-type"]) for r in receiver.requests] == [
        ("/old", "lead.created"),
        ("/new", "client.created"),
        ("/new", "payment.failed"),
    ]


async def test_a_pending_retry_goes_to_the_new_url_of_a_target_that_was_changed(open_house, receiver):
    receiver.always(Answer(500), path="/old")
    async with open_house(retry_schedule_seconds=",".join(["0.5"] * 20)) as house:
        no = await house.subscribe(f"{receiver.url}/old")
        await house.emit(to=[no])
        await house.until_statuses(pending=1)
        await house.change(no, target_url=f"{receiver.url}/new")
        await house.check_settled(delivered=1)


async def test_a_backlog_of_a_deleted_subscription_ends_after_the_call_that_deletes_it(open_house, receiver):
    async with open_house(dispatch=False) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        rows = [Settled(n, no, "pending", 1, 500, wait_ms=3_600_000) for n in range(1, 3 * PIECE)]
        async with house.hub.engines.write() as connection:
            await ledger.record(connection, rows, now_ms=2**41)
        await house.delete(no)
        assert (await house.statuses())["pending"] > 0
    async with open_house() as house:
        await house.until_statuses(gone=len(rows))
