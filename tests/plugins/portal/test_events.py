"""The list of events, and one event: their content, their filters, and their viewers."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.plugins.portal.worlds import HOOKS, HOSTILE, delivered, emit, shown_when, subscribe

from trunkline_portal.pages.events import PAGE


def link_named(text: str, name: str) -> str:
    before = text[: text.index(f">{name}")]
    return before[before.rindex('href="') + 6 :].partition('"')[0].replace("&amp;", "&")


async def test_events_are_listed_newest_first_with_what_became_of_them(running, reader, receiver):
    await subscribe(running, receiver.url)
    await subscribe(running, receiver.url + "/other", event_types=["lead.created"])
    first, second = await emit(running, client_id=1), await emit(running, client_id=2)
    await shown_when(reader, f"/portal/events/{first}", "delivered")
    words = await shown_when(reader, "/portal/events", "2 delivered")
    assert words.index(str(second)) < words.index(str(first))
    assert "First Name Jane Last Name Doe Email jane@example.com Client ID 2" in words


async def test_pages_of_the_list_lose_and_repeat_nothing(api, reader):
    emitted = [await emit(api, client_id=number) for number in range(1, PAGE + 4)]
    first = await reader.get("/portal/events", type="lead.created")
    second = await reader.get(link_named(first.text, "Older"))
    seen = [page.text.split('data-event="')[1:] for page in (first, second)]
    ids = [int(part.partition('"')[0]) for parts in seen for part in parts]
    assert (len(seen[0]), ids) == (PAGE, emitted[::-1])
    assert ">Older" not in second.text
    assert link_named(second.text, "Newest") == f"{reader.root}/events?type=lead.created"


async def test_the_list_is_narrowed_by_several_types_and_by_text(api, reader):
    await emit(api, client_id=41, first_name="Rosa")
    await emit(api, type="client.created", client_id=42)
    both = await reader.get("/portal/events?type=lead.created&type=client.created")
    assert both.text.count("data-event=") == 2
    assert "2 types" in reader.words(both)
    narrowed = await reader.get("/portal/events?type=client.created")
    assert narrowed.text.count("data-event=") == 1
    matches = await reader.get("/portal/events", q="rOSA")
    assert matches.text.count("data-event=") == 1
    assert "<mark>Rosa</mark>" in matches.text
    assert 'value="rOSA"' in matches.text
    assert '<details class="filters" open>' in matches.text
    assert '<details class="filters">' in (await reader.get("/portal/events")).text
    nothing = await reader.get("/portal/events", q="nobody of this name")
    assert "No event matches" in reader.words(nothing)
    assert "data-event=" not in nothing.text


async def test_operational_events_are_listed_if_their_types_are_chosen(running, sign_in):
    await emit(running)
    browser = await sign_in(running, ["events:read", "webhooks:write"])  # tells of a key
    async with asyncio.timeout(60):
        while "data-event=" not in (page := await browser.get("/portal/events?type=operational.*")).text:
            await asyncio.sleep(0.1)
    assert "key.created" in page.text.partition("data-events")[2]
    assert "lead.created" not in page.text.partition("data-events")[2]
    assert 'value="operational.*" checked' in page.text
    assert 'value="key.created"' in page.text
    assert "Events that meet the conditions" in browser.words(page)

    whole = await browser.get("/portal/events", q="created")
    assert "All events except operational ones" in browser.words(whole)
    apart = await browser.get(link_named(whole.text, "operational ones"))
    assert "key.created" in apart.text.partition("data-events")[2]
    assert (await browser.get("/portal/events?type=lead.*")).text.count("data-event=") == 1
    assert "No event matches" in browser.words(await browser.get("/portal/events?type=none.*"))

    search = await browser.get("/portal/search", q="key.created")
    found = await browser.get(link_named(search.text, "Operational events"))
    assert "key.created" in found.text.partition("data-events")[2]

    event = found.text.partition('data-event="')[2].partition('"')[0]
    await browser.get(link_named((await browser.get(f"/portal/events/{event}")).text, "what it means"))


async def test_the_list_is_narrowed_to_what_failed_or_waits_and_its_address_keeps_that(
    running, reader, receiver
):
    receiver.answer(500)
    await subscribe(running, receiver.url, event_types=["lead.created"], retry={"schedule_seconds": []})
    other = await emit(running, type="client.created")
    failed = await emit(running)
    await shown_when(reader, f"/portal/events/{failed}", "failed for good")
    listed = await reader.get("/portal/events", state="failed", type="lead.created")
    assert (f'data-event="{failed}"' in listed.text, f'data-event="{other}"' in listed.text) == (True, False)
    assert '<option value="failed" selected>' in listed.text
    assert "state=failed" in link_named(listed.text, "Last hour")
    assert "No event matches" in reader.words(await reader.get("/portal/events", state="open"))


async def test_the_list_is_narrowed_to_a_span_of_time(api, reader):
    await emit(api)
    typed = {"from": "2020-01-01T00:00", "to": "2999-01-01T00:00:00+02:00"}
    for query in ({"span": "1h"}, {"span": "yesterday"}, {"span": "7d"}, typed):
        page = await reader.get("/portal/events", **query)
        assert page.text.count("data-event=") == 1
        assert "data-live=" not in page.text
    after = await reader.get("/portal/events", **{"from": "2999-01-01T00:00"})
    assert "No event matches" in reader.words(after)
    narrowed = link_named((await reader.get("/portal/events?q=x&from=2020-01-01T00:00")).text, "Last hour")
    assert parse_qs(urlsplit(narrowed).query) == {"q": ["x"], "span": ["1h"]}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"from": "yesterday"}, "This is not a date and time"),
        ({"to": "2026-13-01T00:00"}, "This is not a date and time"),
        ({"from": "10000-01-01T00:00"}, "This is not a date and time"),
        ({"from": "2026-02-01T00:00", "to": "2026-02-01T00:00"}, "not after the time in “From”"),
    ],
)
async def test_times_that_cannot_be_are_refused_beside_their_field_and_kept(api, reader, sent, words):
    await emit(api)
    page = await reader.get("/portal/events", expect=422, **sent)
    assert words in reader.words(page)
    assert all(f'value="{value}"' in page.text for value in sent.values())
    assert "data-event=" not in page.text


async def test_a_cursor_that_nobody_gave_out_and_a_type_that_never_was_do_no_harm(reader):
    await reader.get("/portal/events", before="x", expect=400)
    many = "&".join(f"type=t{number}" for number in range(600))
    page = await reader.get(f"/portal/events?type=never.was&{many}")
    assert "No event matches" in reader.words(page)
    assert 'value="never.was" checked' in page.text


async def test_a_search_that_ended_early_says_how_far_it_looked_and_goes_on(api, reader):
    api.hub.activity._searched = 20
    rare = await emit(api, last_name="Rarely")
    for _ in range(45):
        await emit(api)
    page = await reader.get("/portal/events", q="rarely")
    pages = 1
    while "data-event=" not in page.text:
        assert "Nothing found so far" in reader.words(page)
        assert "<time" in page.text
        page = await reader.get(link_named(page.text, "Look further back"))
        pages += 1
    assert pages == 3
    assert f'data-event="{rare}"' in page.text


async def test_the_first_page_is_live_until_it_is_paused(api, reader):
    await emit(api)
    page = await reader.get("/portal/events?type=lead.created")
    assert f'data-live="{reader.root}/events/list?type=lead.created"' in page.text
    later = await emit(api)
    part = await reader.get("/portal/events/list?type=lead.created")
    assert f'data-event="{later}"' in part.text
    assert "<html" not in part.text
    assert f'href="{reader.root}/events?type=lead.created&amp;live=off"' in page.text
    standing = await reader.get("/portal/events?type=lead.created&live=off")
    assert "data-live=" not in standing.text
    assert "Updating Stop updating" in reader.words(page)
    assert "Not updating Update" in reader.words(standing)


async def test_an_event_is_shown_whole_and_leads_to_those_next_to_it(api, reader):
    ids = [await emit(api, client_id=1), await emit(api, client_id=2, metadata={"source": "form"})]
    ids.append(await emit(api, client_id=3))
    page = await reader.get(f"/portal/events/{ids[1]}")
    for said in ('"client_id" : 2', "Metadata", "The company had no subscription."):
        assert said in reader.words(page)
    assert link_named(page.text, "Older") == f"{reader.root}/events/{ids[0]}"
    assert f'href="{reader.root}/events/{ids[2]}" rel="prev"' in page.text
    newest = await reader.get(f"/portal/events/{ids[2]}")
    assert 'rel="prev"' not in newest.text
    assert "Metadata" not in reader.words(newest)


async def test_the_download_has_the_envelope_byte_for_byte(api, reader):
    event = await emit(api)
    answer = await reader.get(f"/portal/events/{event}/envelope")
    assert answer.content == (await api.client.get(f"/api/v1/events/{event}")).content
    assert answer.headers["content-disposition"] == f'attachment; filename="event-{event}.json"'


async def test_it_says_for_each_subscription_why_it_got_the_event_or_did_not(running, browser, receiver):
    await subscribe(running, receiver.url + "/all", description="Everything")
    await subscribe(running, receiver.url + "/type", event_types=["invoice.created"])
    await subscribe(running, receiver.url + "/filter", filter={"payload.client_id": {"gt": 100}})
    paused = await subscribe(running, receiver.url + "/paused")
    await running.client.patch(f"{HOOKS}/{paused}", json={"status": "paused"})
    event = await emit(running)
    later = await subscribe(running, receiver.url + "/later")
    words = await shown_when(browser, f"/portal/events/{event}", "delivered with attempt 1")
    why = ("It subscribes to invoice.created, not to lead.created.", "Its filter was not met")
    for said in (
        "Everything Webhooks",
        *why,
        "The subscription is paused.",
        "before the subscription was made",
    ):
        assert said in words
    page = await browser.get(f"/portal/events/{event}")
    assert f"{browser.root}/events/{event}/send?subscription={later}" in page.text
    assert page.text.count(f"{browser.root}/events/{event}/send?") == 3


async def test_where_an_event_went_is_only_shown_to_who_may_see_subscriptions(running, reader, receiver):
    target = f"{receiver.url}/secret-path"
    subscription, event = await delivered(running, reader, target, description="Books")
    page = await reader.get(f"/portal/events/{event}")
    assert subscription in page.text
    for hidden in ("secret-path", "Books", f"{reader.root}/deliveries/", "Send again"):
        assert hidden not in page.text


async def test_a_delivery_of_a_deleted_subscription_is_still_listed(running, browser, receiver):
    subscription, event = await delivered(running, browser, receiver.url)
    await running.client.delete(f"{HOOKS}/{subscription}")
    page = await browser.get(f"/portal/events/{event}")
    assert "the subscription has been deleted since" in browser.words(page)
    assert "Send again" not in page.text


async def test_a_part_of_the_page_is_live_while_something_may_change(api, browser):
    await subscribe(api, "http://127.0.0.1:9/never")
    event = await emit(api)
    page = await browser.get(f"/portal/events/{event}")
    assert f'data-live="{browser.root}/events/{event}/deliveries"' in page.text
    assert "It matches and is about to be delivered." in browser.words(page)
    part = await browser.get(f"/portal/events/{event}/deliveries")
    assert "about to be delivered" in part.text
    assert "<html" not in part.text


async def test_a_very_long_envelope_is_shown_in_part_and_the_page_stays_light(api, browser):
    event = await emit(api, metadata={"numbers": list(range(30_000))})
    page = await browser.get(f"/portal/events/{event}")
    assert len(page.content) < 100_000
    assert "This is the beginning; the download has all of it." in browser.words(page)
    whole = await browser.get(f"/portal/events/{event}/envelope")
    assert b"29999" in whole.content
    listed = await browser.get("/portal/events", q="29999")
    assert "<mark>29999</mark>" in listed.text
    assert len(listed.content) < 50_000


async def test_an_operator_sees_the_events_of_the_company_that_was_chosen(api, operator):
    mine = await emit(api)
    theirs = await emit(api, client=await api.client_of(api.neighbour_id))
    await operator.get(f"/portal/events/{theirs}", expect=404)
    await operator.get(f"/portal/events/{mine}")
    await operator.post("/portal/company", {"company_id": str(api.neighbour_id)})
    await operator.get(f"/portal/events/{theirs}")
    await operator.get(f"/portal/events/{mine}", expect=404)


async def test_hostile_text_is_shown_as_text_wherever_it_stands(running, browser, receiver):
    texts = {"first_name": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    target = f"{receiver.url}/a'b<script>"
    _, event = await delivered(running, browser, target, description=HOSTILE, event=texts)
    addresses = ["/portal/events", "/portal/events/list", f"/portal/events/{event}"]
    pages = [await browser.get(path) for path in [*addresses, f"/portal/events/{event}/deliveries"]]
    pages += [await browser.get(path, q="<script>") for path in addresses[:2]]
    pages.append(await browser.get("/portal/events", q=HOSTILE, type=HOSTILE))
    pages.append(await browser.get("/portal/events", expect=422, **{"from": HOSTILE, "to": HOSTILE}))
    for page in pages:
        assert "<script>window" not in page.text
        assert "<img" not in page.text.replace('<img src="/portal/static', "")
        assert "60481729" not in page.text
    assert "<mark>&lt;script&gt;</mark>" in pages[4].text
