"""Channels that take several deliveries at once: each delivery has its own row, attempt and outcome, and none waits long."""

import asyncio
import itertools
import time
from collections import Counter

import pytest

from trunkline.contract import Batch, Channel
from trunkline.model.deliveries import Outcome, Result

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
DELIVERED = Result(Outcome.DELIVERED, status_code=200)
LATE = Batch(most=100, wait_seconds=3.0)
"""A wait so long that a test notices a delivery that waits for it."""


def _number(event_id):
    return 0 if event_id.startswith("test_") else int(event_id)


class Store:
    """A store that a channel writes to: it keeps the batches; *answer* gives the result of each push."""

    def __init__(self, answer=lambda push: DELIVERED):
        self.answer = answer
        self.batches, self.times, self.sizes, self.owners = [], [], [], []

    async def take(self, pushes, http):
        self.batches.append([_number(push.event_id) for push in pushes])
        self.times.append(time.monotonic())
        self.sizes.append(sum(len(push.body) for push in pushes))
        self.owners.append({(push.target.company_id, push.target.subscription_id) for push in pushes})
        await asyncio.sleep(0.005)
        return [self.answer(push) for push in pushes]

    def channel(self, batch=None):
        batch = batch or Batch(most=20, wait_seconds=0.1)
        return Channel("store", "Store", "Keeps.", deliver_batch=self.take, batch=batch)

    @property
    def taken(self):
        return list(itertools.chain.from_iterable(self.batches))


async def subscribe(house, **options):
    return await house.subscribe("https://store.example/t", channel="store", **options)


async def test_each_of_a_batch_ends_by_its_own_result_and_is_tried_again_alone(open_house):
    def answer(push):
        if int(push.event_id) % 5 == 0 and push.attempt == 1:
            return Result(Outcome.RETRY, status_code=503, error="busy")
        return DELIVERED if int(push.event_id) % 7 else Result(Outcome.REJECTED, status_code=400)

    store = Store(answer)
    async with open_house(channels=[store.channel()], retry_schedule_seconds="0.1,0.1") as house:
        no = await subscribe(house)
        positions = await house.deliver(60, to=[no])
        rows = {row.position: row for row in await house.rows()}
        attempts = {position: await house.attempts(position, no) for position in positions}
        metrics = house.hub.metrics.text().decode()
    assert max(map(len, store.batches)) > 4
    assert len(store.batches) < 30
    assert all(rows[p].status == ("rejected" if p % 7 == 0 else "delivered") for p in positions)
    assert all(len(attempts[p]) == (2 if p % 5 == 0 else 1) for p in positions)
    assert {a["error"] for p in positions for a in attempts[p]} == {None, "busy"}
    assert Counter(store.taken) == Counter({p: 2 if p % 5 == 0 else 1 for p in positions})
    assert f'trunkline_delivery_batch_count{{channel="store"}} {len(store.batches)}.0' in metrics


@on_sqlite
async def test_a_batch_has_no_more_than_the_channel_wants_nor_than_may_be_in_flight(open_house):
    store, small = Store(), Store()
    channels = [store.channel(Batch(most=7, wait_seconds=0.1))]
    async with open_house(channels=channels) as house:
        no = await subscribe(house)
        await house.deliver(50, to=[no])
    async with open_house(channels=[small.channel(LATE)]) as house:
        no = await subscribe(house, max_in_flight=4, company=93)
        before = time.monotonic()
        positions = await house.emit(40, to=[no], company=93)
        await house.until_statuses(no, delivered=40)
        seconds = time.monotonic() - before
    assert max(map(len, store.batches)) == 7
    assert max(map(len, small.batches)) == 4
    assert sorted(small.taken) == positions
    assert seconds < 20, "each batch has waited for more than may be in flight"


@on_sqlite
async def test_a_batch_has_no_more_bytes_than_the_channel_wants_and_a_larger_event_goes_alone(open_house):
    store = Store()
    async with open_house(channels=[store.channel(Batch(20, wait_seconds=0.3, most_bytes=3000))]) as house:
        no = await subscribe(house)
        small = await house.emit(30, to=[no])
        [large] = await house.deliver(to=[no], last_name="n" * 4000)
    assert sorted(store.taken) == [*small, large]
    assert [batch for batch, size in zip(store.batches, store.sizes, strict=True) if size > 3000] == [[large]]
    assert max(map(len, store.batches)) > 2


@on_sqlite
async def test_a_batch_is_of_one_subscription(open_house):
    store = Store()
    async with open_house(channels=[store.channel()]) as house:
        own = [await subscribe(house), await house.subscribe("https://store.example/u", channel="store")]
        other = await subscribe(house, company=93)
        await asyncio.gather(house.emit(40, to=own), house.emit(40, to=[other], company=93))
        await house.check_settled()
    assert all(len(owners) == 1 for owners in store.owners)
    assert len(set().union(*store.owners)) == 3
    assert max(map(len, store.batches)) > 4


@on_sqlite
async def test_an_order_holds_and_nothing_waits_for_what_it_forbids(open_house):
    whole, keyed = Store(), Store()
    async with open_house(channels=[whole.channel(LATE)]) as house:
        no = await subscribe(house, ordering="subscription")
        before = time.monotonic()
        positions = await house.emit(30, to=[no])
        await house.until_statuses(no, delivered=30)
        seconds = time.monotonic() - before
    assert whole.batches == [[position] for position in positions]
    assert seconds < 60
    async with open_house(channels=[keyed.channel()]) as house:
        no = await subscribe(house, ordering={"key": "/payload/client_id"}, company=93)
        keys = {}
        for _ in range(4):
            for client in range(1, 7):
                [position] = await house.emit(to=[no], client_id=client, company=93)
                keys[position] = client
        await house.until_statuses(no, delivered=24)
    assert max(map(len, keyed.batches)) > 1
    assert all(len({keys[p] for p in batch}) == len(batch) for batch in keyed.batches)
    for client in range(1, 7):
        mine = [p for p in keyed.taken if keys[p] == client]
        assert mine == sorted(mine)


@on_sqlite
async def test_a_pace_holds(open_house):
    store = Store()
    async with open_house(channels=[store.channel()]) as house:
        no = await subscribe(house, rate="20/second")
        await house.emit(40, to=[no])
        await house.until_statuses(no, delivered=40)
    after = {second: sum(len(b) for b, t in zip(store.batches, store.times, strict=True) if t - store.times[0] < second) for second in (0.5, 1.0)}  # fmt: skip
    assert after[0.5] <= 20 + 10 + 2
    assert store.times[-1] - store.times[0] > 0.7


async def raises(pushes, http):
    raise KeyError("secret")


async def gives_too_few(pushes, http):
    return [DELIVERED] * (len(pushes) - 1)


async def gives_nothing(pushes, http):
    return None


async def lets_a_cancellation_out(pushes, http):
    raise asyncio.CancelledError


async def hangs(pushes, http):
    await asyncio.Event().wait()


@on_sqlite
async def test_a_batch_that_this_machine_cannot_send_is_put_off_and_costs_no_attempt(open_house):
    calls = []

    async def lacks_memory_once(pushes, http):
        calls.append(len(pushes))
        if len(calls) == 1:
            raise MemoryError
        return [Result(Outcome.DELIVERED)] * len(pushes)

    channel = Channel("store", "Store", "", deliver_batch=lacks_memory_once, batch=Batch(5, 5.0))
    async with open_house(channels=[channel]) as house:
        no = await subscribe(house)
        positions = await house.deliver(5, to=[no])
        attempts = [await house.attempts(p, no) for p in positions]
    assert calls[0] == 5
    assert [[a["outcome"] for a in each] for each in attempts] == [["delivered"]] * 5


@on_sqlite
@pytest.mark.parametrize(
    ("function", "error"),
    [
        (raises, "channel_error: KeyError"),
        (gives_too_few, "channel_error: gave 4 results for 5 deliveries"),
        (gives_nothing, "channel_error: gave NoneType for 5 deliveries"),
        (lets_a_cancellation_out, "channel_error: CancelledError"),
        (hangs, "timeout"),
    ],
)
async def test_what_a_channel_does_wrong_is_a_failed_attempt_at_each(open_house, function, error):
    channel = Channel("store", "Store", "", deliver_batch=function, batch=Batch(5, 5.0))
    async with open_house(channels=[channel], timeout_seconds=0.3, retry_schedule_seconds="600") as house:
        no = await subscribe(house)
        positions = await house.emit(5, to=[no])
        async with asyncio.timeout(40):
            while any([len(await house.attempts(p, no)) != 1 for p in positions]):
                await asyncio.sleep(0.02)
        attempts = [(await house.attempts(p, no))[0] for p in positions]
        rows = await house.rows(no)
    assert [(a["outcome"], a["error"]) for a in attempts] == [("retry", error)] * 5
    assert {row.status for row in rows} == {"pending"}


@on_sqlite
async def test_what_waits_or_is_on_its_way_when_the_hub_stops_is_delivered_by_the_next(open_house):
    stuck = Channel("store", "Store", "", deliver_batch=hangs, batch=LATE)
    async with open_house(channels=[stuck]) as house:
        no = await subscribe(house)
        positions = await house.emit(12, to=[no])
        await asyncio.sleep(0.3)
    store = Store()
    async with open_house(channels=[store.channel()]) as house:
        await house.check_settled()
    assert sorted(store.taken) == positions


@on_sqlite
async def test_a_test_delivery_goes_alone(open_house):
    store = Store()
    async with open_house(channels=[store.channel(LATE)]) as house:
        no = await subscribe(house)
        row = await house.subscription(no)
        result = await house.hub.subscriptions.test(92, row["id"], channel="store")
    assert result["outcome"] == "delivered"
    assert store.batches == [[0]]


async def test_a_channel_without_it_is_called_as_it_is(open_house):
    async def deliver(push, http):
        return DELIVERED

    async with open_house(channels=[Channel("store", "Store", "", deliver)]) as house:
        no = await subscribe(house)
        await house.deliver(to=[no])
        route = house.hub.dispatcher._reader._table.route(no)
    assert route.deliver is deliver
