"""Subscriptions that their holders renew: one for each name, lapsing, limits, and the cursor before which every event has ended."""

import asyncio

import pytest
from tests import clock_steps
from tests.waiting import until

from trunkline.contract import Terms
from trunkline.errors import LimitReached, NotFound, TooManySubscriptions
from trunkline.model import cursors
from trunkline.store import streaks
from trunkline.store import subscriptions as store
from trunkline_kit.receiver.replies import Answer

CHANNEL = "webhooks"


def terms(name: str = "lease", **more) -> Terms:
    return Terms(name, "jane", more.pop("lasts_seconds", 600), **more)


class Landlord:
    """Renews subscriptions of one company."""

    def __init__(self, running, receiver):
        self.running = running
        self.receiver = receiver
        self.subscriptions = running.hub.subscriptions

    async def renew(self, request=None, **more):
        request = {"target_url": f"{self.receiver.url}/a", "event_types": ["*"]} | (request or {})
        company_id = self.running.company_id
        return await self.subscriptions.renew(company_id, request, channel=CHANNEL, terms=terms(**more))

    async def held(self):
        return await self.subscriptions.held(self.running.company_id, channel=CHANNEL)

    async def watermark(self, renewed, event_id=None) -> int | None:
        watermark = self.running.hub.deliveries.watermark
        cursor = await watermark(self.running.company_id, renewed.view["id"], event_id=event_id)
        return None if cursor is None else cursors.decode(cursor)

    async def lapse(self, *names: str) -> None:
        """Let the lifetime of some subscriptions end, and wait until the dispatcher has ended them."""
        for name in names:
            await self.expire(name)
        await self.running.emit("lead.created")
        await self.until_status(dict.fromkeys(names, "disabled"))

    async def expire(self, name: str = "lease", *, at_ms: int = 1, **more) -> None:
        """Set the end of a subscription's lifetime to another moment."""
        async with self.running.hub.engines.write() as connection:
            row = await store.by_name(connection, self.running.company_id, channel=CHANNEL, name=name)
            await store.update(connection, row.no, {"expires_ms": at_ms} | more)

    async def attempts(self, event_id: int) -> int:
        deliveries = await self.running.hub.deliveries.of_event(self.running.company_id, event_id)
        return sum(delivery["attempts"] for delivery in deliveries)

    async def until_status(self, wanted: dict[str, str]) -> None:
        async def is_so() -> bool:
            return wanted.items() <= {each.name: each.status for each in await self.held()}.items()

        await until(is_so)

    async def settle(self, renewed, position: int) -> None:
        async def has_settled() -> bool:
            return await self.watermark(renewed) >= position

        await until(has_settled)


@pytest.fixture
def _nobody_looks_for_lapses(monkeypatch):
    monkeypatch.setattr("trunkline.dispatch.upkeep.lapses.LOOK_SECONDS", 600)


@pytest.fixture
def landlord(running, receiver) -> Landlord:
    return Landlord(running, receiver)


async def test_ten_at_once_under_one_name_make_one(landlord):
    done = await asyncio.gather(*(landlord.renew() for _ in range(10)))
    assert len({renewed.view["id"] for renewed in done}) == 1
    assert [renewed.is_new for renewed in done].count(True) == 1
    (held,) = await landlord.held()
    assert (held.name, held.holder, held.has_lapsed) == ("lease", "jane", False)


async def test_one_that_failed_for_too_long_goes_on_and_one_that_ended_begins_anew(landlord):
    first = await landlord.renew()
    async with landlord.running.hub.engines.write() as connection:
        row = await store.get(connection, first.view["id"])
        await streaks.disable(connection, [streaks.Ending(row.no, "failing", 0)])
    again = await landlord.renew()
    assert (again.view["id"], again.view["status"], again.is_new) == (first.view["id"], "active", False)
    landlord.receiver.script([Answer(410)])
    await landlord.running.emit("lead.created")
    await landlord.until_status({"lease": "disabled"})
    anew = await landlord.renew()
    assert anew.is_new
    assert anew.view["id"] != first.view["id"]


async def test_what_has_lapsed_takes_nobody_s_place_and_does_not_pile_up(landlord, monkeypatch):
    monkeypatch.setattr("trunkline.subscribing.renewing.LAPSED_KEPT", 2)
    for name in "abc":
        await landlord.renew(name=name, most_of_holder=3)
    with pytest.raises(LimitReached) as refused:
        await landlord.renew(name="d", most_of_holder=3)
    assert refused.value.limit == 3
    await landlord.lapse(*"abc")
    for name in "def":
        await landlord.renew(name=name, most_of_holder=3)
    assert [held.name for held in await landlord.held()] == ["b", "c", "d", "e", "f"]
    assert not (await landlord.renew(name="d", most_of_holder=3)).is_new


@pytest.mark.own_hub(settings={"delivery.max_subscriptions": "1"})
async def test_a_company_has_as_many_as_it_may(landlord):
    await landlord.renew()
    request = {"target_url": f"{landlord.receiver.url}/a", "event_types": ["*"]}
    with pytest.raises(TooManySubscriptions):
        await landlord.renew(name="other")
    check = landlord.subscriptions.check
    with pytest.raises(TooManySubscriptions):
        await check(landlord.running.company_id, request, channel=CHANNEL, terms=terms("other"))
    await check(landlord.running.company_id, request, channel=CHANNEL, terms=terms())


async def test_the_watermark_stops_before_what_is_open_and_what_is_not_looked_at(landlord):
    running = landlord.running
    before = (await running.emit("lead.created")).event_id
    landlord.receiver.answer(503, headers={"retry-after": "600"})
    renewed = await landlord.renew({"start": "earliest"})
    await landlord.receiver.wait_for(1)
    assert await landlord.watermark(renewed) < before
    later = (await running.emit("lead.created")).event_id
    await landlord.receiver.wait_for(2)
    assert await landlord.watermark(renewed, event_id=before) == before
    assert await landlord.watermark(renewed, event_id=later) == before - 1
    landlord.receiver.answer(200)
    await until(lambda: landlord.attempts(before))
    (tried,) = await running.hub.deliveries.of_event(running.company_id, before)
    await running.hub.deliveries.retry(running.company_id, tried["id"])
    await landlord.settle(renewed, later - 1)
    assert await landlord.watermark(renewed) == later - 1
    with pytest.raises(NotFound):
        await running.hub.deliveries.watermark(running.neighbour_id, renewed.view["id"])


async def test_a_pause_holds_the_watermark_where_it_began(landlord):
    running = landlord.running
    renewed = await landlord.renew()
    taken = (await running.emit("lead.created")).event_id
    await landlord.settle(renewed, taken)
    change = running.hub.subscriptions.update
    await change(running.company_id, renewed.view["id"], {"status": "paused"}, channel=CHANNEL)
    missed = (await running.emit("lead.created")).event_id
    await asyncio.sleep(0.3)
    assert taken <= await landlord.watermark(renewed) < missed
    await change(running.company_id, renewed.view["id"], {"status": "active"}, channel=CHANNEL)
    await landlord.settle(renewed, missed)


@pytest.mark.own_hub
@pytest.mark.usefixtures("_nobody_looks_for_lapses")
async def test_there_is_no_watermark_from_the_moment_of_the_lapse(landlord):
    renewed = await landlord.renew()
    await landlord.expire()
    assert await landlord.watermark(renewed) is None
    await landlord.expire(at_ms=2**45)
    assert await landlord.watermark(renewed) is not None
    await landlord.expire(at_ms=2**45, status="disabled", disabled_reason="failing")
    assert await landlord.watermark(renewed) is not None
    for reason in ("lapsed", "gone"):
        await landlord.expire(at_ms=2**45, status="disabled", disabled_reason=reason)
        assert await landlord.watermark(renewed) is None


@pytest.mark.own_hub
@pytest.mark.usefixtures("_nobody_looks_for_lapses")
async def test_what_a_process_takes_for_lapsed_goes_out_where_it_was_renewed_at_the_last_moment(landlord):
    await landlord.renew({"retry": {"schedule_seconds": [1] * 20}})  # a table may be a second old
    await landlord.expire()
    event_id = (await landlord.running.emit("lead.created")).event_id
    await until(lambda: landlord.attempts(event_id))
    assert not landlord.receiver.requests
    await landlord.expire(at_ms=2**45)
    await landlord.receiver.wait_for(1)


@pytest.mark.own_hub
async def test_none_lapses_by_a_clock_that_is_not_trusted(landlord):
    renewed = await landlord.renew()
    await clock_steps.step_under(landlord.running.hub)
    await landlord.expire()
    await landlord.running.emit("lead.created")
    await landlord.receiver.wait_for(1)
    await asyncio.sleep(1.2)  # for lapses, which are checked every second
    (held,) = await landlord.held()
    assert (held.status, held.has_lapsed) == ("active", False)
    again = await landlord.renew()
    assert (again.is_new, again.view["id"]) == (False, renewed.view["id"])
    await landlord.expire()
    await clock_steps.confirm(landlord.running.hub)
    await landlord.until_status({"lease": "disabled"})
