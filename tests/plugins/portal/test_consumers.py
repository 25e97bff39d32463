"""The page of consumers: their positions, moving one, and the digest for comparison with a reader's copy."""

import hashlib
import html
import re

import pytest
from tests.plugins.polling.test_routes import emit, failed, lead

from trunkline_portal.pages.consumers import MOST_DIGESTED

PAGE = "/portal/consumers"


@pytest.fixture
async def hub(lend_hub):
    return await lend_hub("sqlite", dispatch=False)


async def test_consumers_are_listed_with_their_lag_and_moved_back(hub, browser):
    assert "No consumer yet" in browser.words(await browser.get(PAGE))
    await emit(hub.client, lead(1), lead(2))
    await hub.client.put("/api/v1/consumers/billing", json={"start": "now"})
    await emit(hub.client, lead(3))
    words = browser.words(await browser.get(PAGE))
    assert "billing 1 0 never" in words
    await browser.post(f"{PAGE}/seek", {"name": "billing", "time": "2020-01-01T00:00"})
    assert "3 events are before it" in browser.words(await browser.get(PAGE))
    wrong = await browser.post(f"{PAGE}/seek", {"name": "billing", "time": "soon"}, expect=422)
    assert "Enter a date and a time" in browser.words(wrong)
    assert (await hub.client.get("/api/v1/consumers/billing")).json()["lag"] == 3
    event = (await hub.client.get("/api/v1/consumers/billing/events?limit=1")).json()["events"][0]["id"]
    words = browser.words(await browser.get(f"/portal/events/{event}"))
    assert "billing leased" in words.lower()


async def test_the_digest_between_two_times_is_that_of_the_api(hub, browser):
    ids = await emit(hub.client, lead(1), failed(), lead(2))
    whole = await browser.get(f"{PAGE}?digest=1&from=2020-01-01T00:00")
    assert hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest() in whole.text
    typed = await browser.get(f"{PAGE}?digest=1&type=payment.failed")
    assert hashlib.sha256(f"{ids[1]}\n".encode()).hexdigest() in typed.text
    unknown = await browser.get(f"{PAGE}?digest=1&type=no.such")
    assert hashlib.sha256(b"").hexdigest() in unknown.text
    assert '<option value="no.such" selected>' in unknown.text
    wrong = await browser.get(f"{PAGE}?digest=1&from=soon", expect=422)
    assert "Enter a date and a time" in browser.words(wrong)


@pytest.mark.parametrize("time", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
async def test_a_time_outside_the_calendar_is_refused_at_its_field(hub, browser, time):
    await hub.client.put("/api/v1/consumers/billing", json={"start": "now"})
    for name in ("from", "to"):
        page = await browser.get(PAGE, expect=422, **{"digest": "1", name: time})
        assert "Enter a date and a time" in browser.words(page)
    page = await browser.post(f"{PAGE}/seek", {"name": "billing", "time": time}, expect=422)
    assert "Enter a date and a time" in browser.words(page)


async def test_the_ends_of_the_calendar_are_times(hub, browser):
    await emit(hub.client, lead(1))
    await hub.client.put("/api/v1/consumers/billing", json={"start": "now"})
    await browser.get(f"{PAGE}?digest=1&from=0001-01-01T00:00&to=9999-12-31T23:59")
    await browser.post(f"{PAGE}/seek", {"name": "billing", "time": "0001-01-01T00:00"})


async def test_a_long_range_is_digested_page_by_page(sqlite_database_url, make_hub, sign_in):
    hub = await make_hub(sqlite_database_url, dispatch=False)
    (first,) = await emit(hub.client, lead(1))
    async with hub.hub.engines.write() as connection:
        await connection.exec_driver_sql(
            f"WITH RECURSIVE s(n) AS (SELECT {first + 1} UNION ALL SELECT n + 1 FROM s WHERE n < {first + MOST_DIGESTED + 1}) "
            "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
            f"SELECT n, company_id, type, shard, accepted_ms, body FROM s JOIN events ON position = {first}"
        )
        await connection.exec_driver_sql(
            "UPDATE stream_head SET position = (SELECT max(position) FROM events)"
        )
    browser = await sign_in(hub)
    pages = [await browser.get(f"{PAGE}?digest=1&type=lead.created")]
    further = re.search(r'href="([^"]*)">Count the events after them', pages[0].text)
    assert further
    pages.append(await browser.get(html.unescape(further[1])))
    ids = range(first, first + MOST_DIGESTED + 2)
    for page, part in zip(pages, (ids[:MOST_DIGESTED], ids[MOST_DIGESTED:]), strict=True):
        assert hashlib.sha256("".join(f"{one}\n" for one in part).encode()).hexdigest() in page.text
    assert "Count the events after them" not in pages[1].text
