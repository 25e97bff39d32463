"""The targets of a company: their figures, and a replay of all failures."""

import asyncio
import re

import pytest
from tests.plugins.portal.worlds import emit, shown_when, subscribe
from tests.waiting import until

from trunkline.store import health
from trunkline_portal.formats import NOTHING

_OF_HUB = "WHERE subscription_no IN (SELECT no FROM subscriptions WHERE company_id = {0.company_id})"


@pytest.fixture
async def hub(lend_hub):
    """Start a hub on SQLite, with its dispatcher."""
    return await lend_hub("sqlite")


async def fail(hub, receiver, *, subscriptions: int) -> int:
    """Let an event fail for good at each of so many subscriptions; return its id."""
    receiver.answer(500)
    for number in range(subscriptions):
        named = {"description": f"Books {number}", "retry": {"schedule_seconds": []}}
        await subscribe(hub, f"{receiver.url}/{number}", **named)
    event = await emit(hub)
    await until(lambda: all_are(hub, event, "exhausted"))
    return event


async def all_are(hub, event: int, status: str) -> bool:
    deliveries = await hub.hub.deliveries.of_event(hub.company_id, event)
    return {each["status"] for each in deliveries} == {status}


async def test_all_that_failed_is_sent_again_over_all_subscriptions_as_many_as_may_run(
    hub, browser, receiver
):
    event = await fail(hub, receiver, subscriptions=7)
    receiver.answer(200)
    page = await browser.get("/portal/targets")
    since_ms = page.text.partition('name="since_ms" value="')[2].partition('"')[0]
    page = await browser.follow(await browser.post("/portal/targets/replay", {"since_ms": since_ms}))
    assert "replays started" in browser.words(page)
    async with asyncio.timeout(60):
        while not await all_are(hub, event, "delivered"):
            await browser.post("/portal/targets/replay", {"since_ms": since_ms})
            await asyncio.sleep(0.1)
    assert "Replay all that failed" not in browser.words(await browser.get("/portal/targets"))


async def test_more_replays_than_may_run_at_once_wait_and_the_page_says_so(hub, browser, receiver):
    await fail(hub, receiver, subscriptions=2)
    await hub.hub.companies.change(hub.company_id, {"limits": {"replays_at_once": 0}})
    page = await browser.follow(await browser.post("/portal/targets/replay", {"since_ms": "0"}))
    assert "0 replays started" in browser.words(page)
    assert "2 still wait:" in browser.words(page)


async def test_each_target_has_its_figures(running, sign_in, receiver):
    await fail(running, receiver, subscriptions=1)
    receiver.answer(200)
    await emit(running)
    browser = await sign_in(running, ["webhooks:read"])
    words = await shown_when(browser, "/portal/targets?sort=slow", "50.00%")
    assert "Books 0" in words.partition(receiver.url)[0]
    figures = r"50\.00% \d+ ms \d+ ms .*Times are rounded up and count successful attempts only\."
    assert re.search(figures, words)
    assert "Replay all that failed" not in words


async def test_all_columns_are_of_the_period_in_the_heading(running, browser, receiver):
    hub = running
    await fail(hub, receiver, subscriptions=1)
    await shown_when(browser, "/portal/targets?span=1h", "0%")
    kept_ago, lost_ago = 7 * 24 - 1, 8 * 24
    for hours, titles in (
        (kept_ago, (NOTHING, "0%")),
        (lost_ago - kept_ago, (NOTHING, NOTHING)),
    ):
        async with hub.hub.engines.write() as connection:
            await connection.exec_driver_sql(
                f"UPDATE health_hours SET hour = hour - {hours} {_OF_HUB.format(hub)}"
            )
            await health.purge(connection, limit=1_000)
        pages = [browser.words(await browser.get("/portal/targets", span=span)) for span in ("1h", "7d")]
        for words, success, title in zip(pages, titles, ("Last hour", "Last 7 days"), strict=True):
            heading, _, table = words.rpartition("Health Failed Success p50 p95")
            assert f"retrying 1 {success} " in table
            assert re.search(rf"{title} from \d+ \w+ \d+, \d\d:00 UTC", heading)
