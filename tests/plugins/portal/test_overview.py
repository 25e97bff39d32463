"""The overview: figures, charts with their numbers, and subscriptions that need attention."""

import asyncio
import re
from html.parser import HTMLParser

import pytest
from tests.statements import execute
from tests.waiting import until

from trunkline_kit.receiver import Answer
from trunkline_portal.pages.overview import SPANS

HOUR_MS = 60 * 60 * 1000


async def emit(running, count: int = 1) -> None:
    kind = running.hub.catalog.types()[0]
    events = [{"type": kind.name, "payload": dict(kind.example)} for _ in range(count)]
    assert (await running.client.post("/api/v1/events/batch", json={"events": events})).status_code == 201


def tiles(page) -> dict[str, str]:
    return dict(re.findall(r'tile-label">([^<]+)</p><p class="tile-value">([^<]+)<', page.text))


async def test_a_company_without_events_is_shown_how_to_send_the_first_one(api, sign_in):
    browser = await sign_in(api)
    page = await browser.get("/portal")
    text = browser.words(page)
    kind = api.hub.catalog.types()[0]
    assert "Nothing has happened yet" in text
    assert "curl http://hub.test/api/v1/events \\ -H 'X-Api-Key: YOUR_API_KEY'" in text
    assert f'"type":"{kind.name}"' in text


async def test_the_command_of_the_empty_page_works(api, sign_in):
    browser = await sign_in(api)
    text = browser.words(await browser.get("/portal"))
    body = re.search(r"-d '(\{.*\})'", text)[1].replace("'\"'\"'", "'")
    answer = await api.client.post(
        "/api/v1/events", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201, answer.text
    page = await browser.get("/portal")
    assert "Nothing has happened yet" not in browser.words(page)
    assert tiles(page)["Events"] == "1"


async def test_the_figures_are_those_of_the_span(running, sign_in, receiver):
    browser = await sign_in(running)
    await running.subscribe(receiver.url)
    await emit(running, 3)
    await receiver.wait_for(3)
    async with asyncio.timeout(60):
        while tiles(page := await browser.get("/portal")).get("Arrived") != "100%":
            await asyncio.sleep(0.05)
    assert tiles(page)["Events"] == tiles(page)["Deliveries"] == "3"
    assert "3 delivered" in browser.words(page)
    assert "of 3 deliveries 0 of 3 attempts failed" in browser.words(page)
    assert tiles(page)["Latency p95"].endswith("ms")
    for span in SPANS:
        assert tiles(await browser.get("/portal", span=span))["Events"] == "3"


async def test_what_needs_attention_leads_to_the_page_about_it(running, sign_in, receiver):
    receiver.script([Answer(500)] * 10)
    await running.subscribe(f"{receiver.url}/books?token=1")
    await running.subscribe(f"{receiver.url}/shop", description="<b>Shop</b> to reach “all”")
    await emit(running)
    browser = await sign_in(running)
    async with asyncio.timeout(60):
        while browser.words(page := await browser.get("/portal")).count("1 delivery failed for good.") != 2:
            await asyncio.sleep(0.05)
    address = f"{receiver.url.partition('://')[2]}/books"
    links = re.findall(r'to reach <a href="[^"]+/subscriptions/sub_\w+">([^<]+)</a> failed', page.text)
    assert sorted(links) == sorted([address, "“&lt;b&gt;Shop&lt;/b&gt; to reach “all””"])
    assert (
        page.text.count('?status=exhausted">What failed</a></li>')
        == page.text.count(">failing</span><p>")
        == 2
    )
    assert f"{address}?" not in page.text
    assert "/shop" not in page.text
    reader = await sign_in(running, ["events:read"])
    text = (await reader.get("/portal")).text
    assert "1 delivery failed for good." in text
    assert f"{browser.root}/subscriptions" not in text


async def test_no_figure_is_another_companys(running, sign_in):
    await emit(running, 2)
    browser = await sign_in(running, company_id=running.neighbour_id)
    assert "Nothing has happened yet" in browser.words(await browser.get("/portal"))


async def test_each_span_has_its_buckets_and_an_unknown_one_is_a_day(api, sign_in):
    await emit(api)
    browser = await sign_in(api)
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


class Figures(HTMLParser):
    """Collects the rows of the table of numbers, and checks that every picture has a description."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[dict[str, str | None]] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if "id" in attributes:
            assert attributes["id"] not in self.ids, f"{attributes['id']} is there twice"
            self.ids.add(attributes["id"])
        if attributes.get("role") == "img":
            self.pictures.append(attributes)


async def test_every_picture_is_described_and_every_id_is_there_once(api, sign_in):
    await emit(api)
    browser = await sign_in(api)
    page = await browser.get("/portal")
    figures = Figures()
    figures.feed(page.text)
    assert figures.pictures
    for picture in figures.pictures:
        assert set(picture["aria-labelledby"].split()) <= figures.ids
    assert "The table below has every number." in page.text


async def test_an_estimate_says_that_it_is_one(running, sign_in, receiver):
    running.hub.activity._sample = 1  # as if every delivery was one too many
    await running.subscribe(receiver.url)
    await emit(running, 4)
    browser = await sign_in(running)

    async def says_so() -> bool:
        return "estimated from those of one event in 4" in browser.words(await browser.get("/portal"))

    await until(says_so)


async def test_what_a_company_names_its_keys_is_text_and_times_are_times(api, sign_in):
    record, _ = await api.hub.keys.create(api.company_id, name="<b>old</b>", scopes=["events:read"])
    await execute(
        api.hub.engines, "UPDATE api_keys SET created_ms = 1769596200000 WHERE id = :id", id=record.id
    )
    await emit(api)
    browser = await sign_in(api)
    page = await browser.get("/portal")
    assert "&lt;b&gt;old&lt;/b&gt;" in page.text
    assert '<time datetime="2026-01-28T10:30:00.000Z"' in page.text
    assert f'<a href="{browser.root}/keys">API keys</a>' in page.text
