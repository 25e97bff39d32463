"""The overview: figures, charts with their numbers, and subscriptions that need attention."""

import asyncio
import json
import re

import pytest
from tests.answers import json_of
from tests.plugins.portal.worlds import shown_when
from tests.statements import execute

from trunkline_kit.receiver import Answer
from trunkline_portal.pages.overview import SPANS

HOUR_MS = 60 * 60 * 1000


async def emit(running, count: int = 1) -> None:
    kind = running.hub.catalog.types()[0]
    events = [{"type": kind.name, "payload": dict(kind.example)} for _ in range(count)]
    assert (await running.client.post("/api/v1/events/batch", json={"events": events})).status_code == 201


def tiles(page) -> dict[str, str]:
    return dict(re.findall(r'tile-label">([^<]+)</p><p class="tile-value">([^<]+)<', page.text))


@pytest.mark.parametrize(
    ("page", "empty", "then"),
    [
        ("", "Nothing has happened yet", "Events 1"),
        ("/events", "No events yet", "affiliate.created"),
        ("/subscriptions", "Nothing is sent anywhere yet", "https://example.com/hooks"),
    ],
)
async def test_the_command_of_an_empty_page_works(api, browser, page, empty, then):
    words = browser.words(await browser.get(f"/portal{page}"))
    assert empty in words
    path, body = re.search(r"curl http://hub\.test(\S+) .*-d '(\{.*\})'", words).groups()
    assert "-H 'X-Api-Key: YOUR_API_KEY'" in words
    sent = json.loads(body.replace("'\"'\"'", "'"))
    json_of(await api.client.post(path, json=sent), 201)
    after = browser.words(await browser.get(f"/portal{page}"))
    assert then in after
    assert empty not in after


async def test_the_figures_are_those_of_the_span(running, browser, receiver):
    await running.subscribe(receiver.url)
    await emit(running, 3)
    await receiver.wait_for(3)
    async with asyncio.timeout(60):
        while tiles(page := await browser.get("/portal")).get("Arrived") != "100%":
            await asyncio.sleep(0.05)
    assert tiles(page)["Events"] == tiles(page)["Deliveries"] == "3"
    for said in ("3 delivered", "of 3 deliveries 0 of 3 attempts failed"):
        assert said in browser.words(page)
    assert tiles(page)["Latency p95"].endswith("ms")
    for span in SPANS:
        assert tiles(await browser.get("/portal", span=span))["Events"] == "3"


async def test_what_needs_attention_leads_to_the_page_about_it(running, browser, reader, receiver):
    receiver.script([Answer(500)] * 10)
    await running.subscribe(f"{receiver.url}/books?token=1")
    await running.subscribe(f"{receiver.url}/shop", description="<b>Shop</b> to reach “all”")
    await emit(running)
    async with asyncio.timeout(60):
        while browser.words(page := await browser.get("/portal")).count("1 delivery failed for good.") != 2:
            await asyncio.sleep(0.05)
    address = f"{receiver.url.partition('://')[2]}/books"
    links = re.findall(r'to reach <a href="[^"]+/subscriptions/sub_\w+">([^<]+)</a> failed', page.text)
    assert sorted(links) == sorted([address, "“&lt;b&gt;Shop&lt;/b&gt; to reach “all””"])
    for each in ('?status=exhausted">What failed</a></li>', ">failing</span><p>"):
        assert page.text.count(each) == 2
    assert f"{address}?" not in page.text
    assert "/shop" not in page.text
    text = (await reader.get("/portal")).text
    assert "1 delivery failed for good." in text
    assert f"{browser.root}/subscriptions" not in text


async def test_no_figure_is_another_companys(running, sign_in):
    await emit(running, 2)
    browser = await sign_in(running, company_id=running.neighbour_id)
    assert "Nothing has happened yet" in browser.words(await browser.get("/portal"))


async def test_each_span_has_its_buckets_and_an_unknown_one_is_a_day(api, browser):
    await emit(api)
    for name, span in SPANS.items():
        page = await browser.get("/portal", span=name)
        assert page.text.count('<tr><th scope="row">') == span.buckets
        assert f'<a href="{browser.root}?span={name}" aria-current="true">' in page.text
    page = await browser.get("/portal", span="<script>")
    assert f'<a href="{browser.root}?span=24h" aria-current="true">' in page.text


@pytest.mark.parametrize("span", SPANS.values(), ids=list(SPANS))
def test_a_span_ends_with_the_bucket_that_is_going_on(span):
    for now_ms in (1_769_596_200_000, 1_769_596_199_999, 1_769_596_200_001):
        since_ms, until_ms = span.bounds(now_ms)
        assert until_ms - since_ms == span.buckets * span.hours * HOUR_MS
        assert until_ms - span.hours * HOUR_MS <= now_ms < until_ms
        assert since_ms % (span.hours * HOUR_MS) == 0


async def test_every_picture_is_described_and_every_id_is_there_once(api, browser):
    await emit(api)
    text = (await browser.get("/portal")).text
    ids = re.findall(r'<[^>]*\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    pictures = re.findall(r'<[^>]*\srole="img"[^>]*>', text)
    assert pictures
    for picture in pictures:
        assert {*re.search(r'aria-labelledby="([^"]+)"', picture)[1].split()} <= {*ids}
    assert "The table below has every number." in text


async def test_an_estimate_says_that_it_is_one(running, browser, receiver):
    running.hub.activity._sample = 1  # as if every delivery was one too many
    await running.subscribe(receiver.url)
    await emit(running, 4)
    await shown_when(browser, "/portal", "estimated from those of one event in 4")


async def test_what_a_company_names_its_keys_is_text_and_times_are_times(api, browser):
    record, _ = await api.hub.keys.create(api.company_id, name="<b>old</b>", scopes=["events:read"])
    made = "UPDATE api_keys SET created_ms = 1769596200000 WHERE id = :id"
    await execute(api.hub.engines, made, id=record.id)
    await emit(api)
    page = await browser.get("/portal")
    assert "&lt;b&gt;old&lt;/b&gt;" in page.text
    assert '<time datetime="2026-01-28T10:30:00.000Z"' in page.text
    assert f'<a href="{browser.root}/keys">API keys</a>' in page.text
