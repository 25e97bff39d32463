"""The targets of a company: their figures, and a replay of all failures."""

import asyncio
import re

from tests.plugins.portal.worlds import emit, shown_when, subscribe

from trunkline.store import health
from trunkline_portal.formats import NOTHING

_OF_HUB = "WHERE subscription_no IN (SELECT no FROM subscriptions WHERE company_id = {0.company_id})"


async def failing_hub(engine, lend_hub, receiver, *, subscriptions: int):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "[]"})
    receiver.answer(500)
    for number in range(subscriptions):
        await subscribe(hub, f"{receiver.url}/{number}", description=f"Books {number}")
    event = await emit(hub)
    async with asyncio.timeout(60):
        while True:
            logged = await hub.hub.deliveries.of_event(hub.company_id, event)
            if [each["status"] for each in logged] == ["exhausted"] * subscriptions:
                return hub, event
            await asyncio.sleep(0.02)


async def test_all_that_failed_is_sent_again_over_all_subscriptions_as_many_as_may_run(
    lend_hub, sign_in, receiver
):
    hub, event = await failing_hub("sqlite", lend_hub, receiver, subscriptions=7)
    receiver.answer(200)
    browser = await sign_in(hub)
    page = await browser.get("/portal/targets")
    since_ms = page.text.partition('name="since_ms" value="')[2].partition('"')[0]
    words = browser.words(
        await browser.follow(await browser.post("/portal/targets/replay", {"since_ms": since_ms}))
    )
    assert "replays started" in words
    async with asyncio.timeout(60):
        while (
            sum(d["status"] == "delivered" for d in await hub.hub.deliveries.of_event(hub.company_id, event))
            < 7
        ):
            await browser.post("/portal/targets/replay", {"since_ms": since_ms})
            await asyncio.sleep(0.1)
    assert "Replay all that failed" not in browser.words(await browser.get("/portal/targets"))


async def test_more_replays_than_may_run_at_once_wait_and_the_page_says_so(lend_hub, sign_in, receiver):
    hub, _ = await failing_hub("sqlite", lend_hub, receiver, subscriptions=2)
    await hub.hub.companies.change(hub.company_id, {"limits": {"replays_at_once": 0}})
    browser = await sign_in(hub)
    await browser.get("/portal/targets")
    words = browser.words(
        await browser.follow(await browser.post("/portal/targets/replay", {"since_ms": "0"}))
    )
    assert "0 replays started" in words
    assert "2 still wait:" in words


async def test_each_target_has_its_figures(engine, lend_hub, sign_in, receiver):
    hub, _ = await failing_hub(engine, lend_hub, receiver, subscriptions=1)
    receiver.answer(200)
    await emit(hub)
    browser = await sign_in(hub, ["webhooks:read"])
    words = await shown_when(browser, "/portal/targets?sort=slow", "50.00%")
    assert "Books 0" in words.partition(receiver.url)[0]
    assert re.search(
        r"50\.00% \d+ ms \d+ ms .*Times are rounded up and count successful attempts only\.", words
    )
    assert "Replay all that failed" not in words


async def test_all_columns_are_of_the_period_in_the_heading(engine, lend_hub, sign_in, receiver):
    hub, _ = await failing_hub(engine, lend_hub, receiver, subscriptions=1)
    browser = await sign_in(hub)
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
