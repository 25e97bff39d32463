"""After an outage of the workers the backlog is delivered beside live events, in order, once, and without rows in advance."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

import pytest
from tests.waiting import until

from trunkline.dispatch.reading import reader
from trunkline.dispatch.shards.progress import Progress
from trunkline.insight import status
from trunkline_kit.receiver import Answer

BACKLOG, FRESH = (1, 2, 3, 4), 92
EACH = 60
FAR_BEHIND = 20


@pytest.fixture(autouse=True)
def _soon_far_behind(monkeypatch):
    monkeypatch.setattr(reader, "FAR_BEHIND", FAR_BEHIND)


async def _have_outage(open_house, url: str, **options) -> tuple[set[tuple[int, int]], int]:
    """Accept a backlog while no worker runs; return the matching pairs, and the number of the subscription without one."""
    async with open_house(dispatch=False) as house:
        fresh = await house.subscribe(f"{url}/fresh", company=FRESH, **options)
        numbers = {
            company: await house.subscribe(f"{url}/{company}", company=company, **options)
            for company in BACKLOG
        }
        for number in range(1, EACH + 1):
            for company, no in numbers.items():
                await house.emit(company=company, to=[no], client_id=number)
        return {*house.matched}, fresh


def slowly(receiver) -> asyncio.Event:
    """Answer each request after a while, until the event is set: so the backlog lasts, however slow the machine is."""
    go_on = asyncio.Event()

    async def reply(connection):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await go_on.wait()
        await Answer()(connection)

    receiver.always(reply)
    return go_on


def _is_catching_up(house) -> bool:
    progresses = house.hub.dispatcher.owned_shards.values()
    return any(progress.reached.stretch_end is not None for progress in progresses)


def _paths(receiver) -> list[str]:
    return [request.path for request in receiver.requests]


async def test_fresh_events_pass_a_backlog_and_neither_has_a_row_before_its_attempt(open_house, receiver):
    matched, fresh = await _have_outage(open_house, receiver.url)
    go_on = slowly(receiver)
    async with open_house(concurrency=8) as house:
        await until(lambda: _is_catching_up(house))
        await house.emit(company=FRESH, to=[fresh])
        await until(lambda: "/fresh" in _paths(receiver))
        before = len(receiver.requests)
        assert before < len(matched) / 2, "the fresh event passes most of the backlog"
        await until(lambda: _waits_for_the_backlog(house, max(position for position, _ in matched)))
        go_on.set()
        await house.check_settled()
        assert {row.claim for row in await house.rows()} == {0}, "nothing was claimed from the ledger"
        assert not _is_catching_up(house)
        await until(lambda: _is_stored_as_caught_up(house))
    assert len(receiver.requests) == len(matched) + 1, "each is sent once"


async def _waits_for_the_backlog(house, position: int) -> bool:
    """Whether ``explain`` shows the backlog's last event as waiting, and the status shows that the live reader is ahead."""
    explained = await house.hub.deliveries.explain(BACKLOG[-1], position)
    [reason] = [entry["reason"] for entry in explained["subscriptions"]]
    lags = [(s.lag_positions, s.live_lag_positions) for s in (await status.take(house.hub.engines)).shards]
    return "catch up with a backlog" in reason and any(live < lag for lag, live in lags)


async def _is_stored_as_caught_up(house) -> bool:
    return not await house.query(
        "SELECT 1 FROM shards WHERE stretch_end IS NOT NULL OR live_cursor IS NOT NULL"
    )


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"ordering": "subscription"}], ids=["free", "ordered"])
async def test_the_next_holder_of_a_backlog_goes_on_where_both_readers_were(open_house, receiver, options):
    matched, fresh = await _have_outage(open_house, receiver.url, **options)
    go_on = slowly(receiver)
    async with open_house(concurrency=8) as house:
        await until(lambda: _is_catching_up(house))
        await house.emit(company=FRESH, to=[fresh])
        for company, no in zip(BACKLOG, sorted({no for _, no in matched}), strict=True):
            await house.emit(company=company, to=[no], client_id=EACH + 1)
        await until(lambda: "/fresh" in _paths(receiver) and len(receiver.requests) > FAR_BEHIND)
        await until(lambda: house.query("SELECT 1 FROM shards WHERE stretch_end IS NOT NULL"))
    assert len(receiver.requests) < len(house.matched), "the backlog is not all delivered"
    go_on.set()
    async with open_house(concurrency=8) as house:
        await house.check_settled()
    times = Counter(request.headers["webhook-id"] for request in receiver.requests)
    assert set(times) == {str(position) for position, _ in house.matched}
    if options:
        _check_order(receiver.requests, lambda request: request.path)


def _check_order(requests, path_of: Callable) -> None:
    for company in BACKLOG:
        ids = [int(r.headers["webhook-id"]) for r in requests if path_of(r) == f"/{company}"]
        firsts = list(dict.fromkeys(ids))
        assert len(firsts) == EACH + 1
        assert firsts == sorted(firsts), company


async def test_fresh_events_of_an_order_wait_for_its_stretch_and_others_do_not(open_house, receiver):
    matched, fresh = await _have_outage(open_house, receiver.url, ordering="subscription")
    go_on = slowly(receiver)
    async with open_house() as house:
        await until(lambda: _is_catching_up(house))
        numbers = sorted({no for _, no in matched})
        await house.emit(company=1, to=[numbers[0]], client_id=EACH + 1)
        await house.emit(company=FRESH, to=[fresh])
        await until(lambda: "/fresh" in _paths(receiver))
        assert _paths(receiver).count("/1") < EACH, "an order without a backlog does not wait"
        go_on.set()
        for company, no in zip(BACKLOG[1:], numbers[1:], strict=True):
            await house.emit(company=company, to=[no], client_id=EACH + 1)
        await house.check_settled()
    _check_order(receiver.requests, lambda request: request.path)


async def test_a_second_outage_during_the_first_extends_the_stretch(open_house, receiver, monkeypatch):
    had_stretch, go_on_at = [], Progress.go_on_at

    def note(progress, head):
        had_stretch.append(progress.reached.stretch_end is not None)
        go_on_at(progress, head)

    monkeypatch.setattr(Progress, "go_on_at", note)
    matched, fresh = await _have_outage(open_house, receiver.url)
    go_on = slowly(receiver)
    async with open_house(concurrency=8) as house:
        await until(lambda: _is_catching_up(house))
        owned = house.hub.dispatcher.owned_shards.values()
        trusted = {progress: progress.valid_until for progress in owned}
        for progress in owned:  # as if the database had been unavailable for a while
            progress.valid_until = 0.0
        await house.emit(2 * FAR_BEHIND, company=FRESH, to=[fresh])
        for progress, until_then in trusted.items():
            progress.valid_until = until_then
        [last] = await house.emit(company=FRESH, to=[fresh])
        await until(lambda: True in had_stretch)
        await until(lambda: str(last) in {request.headers["webhook-id"] for request in receiver.requests})
        go_on.set()
        await house.check_settled()
    assert len(receiver.requests) == len(matched) + 2 * FAR_BEHIND + 1
