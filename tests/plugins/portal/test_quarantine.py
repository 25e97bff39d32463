"""The quarantine of events that break their schema: listed, corrected, released and deleted by forms."""

import re
from html import unescape

import pytest
from tests.answers import json_of
from tests.plugins.portal.worlds import HOSTILE, assert_only_text

INBOX = "/portal/quarantine"
MODES = {"validation.types": '{"invoice.created": "quarantine", "payment.failed": "quarantine"}'}
VALID = '{"invoice_id": 1, "client_id": 2, "amount": %s, "due_date": "2026-02-01", "invoice_status": "Paid"}'


@pytest.fixture
async def hub(lend_hub):
    """Start a hub that quarantines two types and does not deliver."""
    return await lend_hub("sqlite", MODES, dispatch=False)


async def quarantine(hub, amount: str = '"x"', *, client=None, **more) -> str:
    body = f'{{"type": "invoice.created", "payload": {VALID % amount}, "metadata": {{"n": 1.50}}}}'
    answer = json_of(await (client or hub.client).post("/api/v1/events", content=body), 202)
    return answer["quarantined"]["id"]


async def polled(hub) -> list[dict]:
    return (await hub.client.get("/api/v1/events")).json()["events"]


def editor(page) -> str:
    return unescape(re.search(r'<textarea id="payload"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL)[1])


async def test_the_inbox_lists_what_waits_with_where_it_is_at_fault(hub, browser):
    event_id = await quarantine(hub)
    await quarantine(hub, client=await hub.client_of(hub.neighbour_id))
    page = await browser.get(INBOX)
    assert re.findall(rf'href="{browser.at(INBOX)}/(qtn_\w+)"', page.text) == [event_id]
    assert "invoice.created invoice_id: 1" in browser.words(page)
    assert "/payload/amount" in browser.words(page)
    other = await browser.get(f"{INBOX}?type=payment.failed")
    assert "No event of this type is quarantined" in browser.words(other)


async def test_a_long_inbox_is_paged(hub, browser):
    for number in range(52):
        await quarantine(hub, f'"{number}"')
    first = await browser.get(INBOX)
    older = unescape(re.search(r'href="([^"]*cursor=[^"]*)"', first.text)[1])
    second = await browser.get(older)
    ids = [re.findall(rf'href="{browser.at(INBOX)}/(qtn_\w+)"', page.text) for page in (first, second)]
    assert [len(own) for own in ids] == [50, 2]
    assert not {*ids[0]} & {*ids[1]}


async def test_an_event_is_shown_with_its_faults_beside_the_payload_as_it_came_in(hub, browser):
    event_id = await quarantine(hub, '"9.900"')
    page = await browser.get(f"{INBOX}/{event_id}")
    assert '"amount": "9.900"' in editor(page)
    for said in ("/payload/amount must be a number, not a string", '"n" : 1.50'):
        assert said in browser.words(page)


async def test_a_corrected_event_is_released_with_every_digit_that_was_typed(hub, browser):
    event_id = await quarantine(hub)
    answer = await browser.post(f"{INBOX}/{event_id}/release", {"payload": VALID % "9.900"})
    event = (await polled(hub))[0]
    assert answer.headers["location"] == f"{browser.root}/events/{event['id']}"
    assert f"Event {event['id']} of type invoice.created" in browser.words(await browser.follow(answer))
    assert '"amount":9.900' in (await hub.client.get("/api/v1/events")).text
    assert event["metadata"] == {"n": 1.5}
    assert "The quarantine is empty" in browser.words(await browser.get(INBOX))


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (VALID % '"y"', "/payload/amount must be a number, not a string"),
        ("{", "/payload is not valid JSON"),
        ("[1]", "/payload must be an object"),
        ("", "/payload is empty"),
    ],
)
async def test_what_is_not_valid_is_not_released_and_what_was_typed_stays_in_the_editor(
    hub, browser, payload, sentence
):
    event_id = await quarantine(hub)
    page = await browser.post(f"{INBOX}/{event_id}/release", {"payload": payload}, expect=422)
    assert sentence in browser.words(page)
    assert "What you entered was not kept." in browser.words(page)
    assert editor(page).strip() == payload
    assert await polled(hub) == []


async def test_a_payload_is_kept_for_later_valid_or_not(hub, browser):
    event_id = await quarantine(hub)
    page = await browser.follow(await browser.post(f"{INBOX}/{event_id}", {"payload": '{"amount": "z"}'}))
    assert "It still breaks its schema." in browser.words(page)
    assert "/payload/client_id is required" in browser.words(page)
    page = await browser.follow(await browser.post(f"{INBOX}/{event_id}", {"payload": VALID % "7.00"}))
    assert "the payload is valid now" in browser.words(page)
    assert '"amount": 7.00' in editor(page)
    await browser.post(f"{INBOX}/{event_id}", {"payload": "["}, expect=422)
    await browser.post(f"{INBOX}/{event_id}/release")
    assert [event["payload"]["amount"] for event in await polled(hub)] == [7]


async def test_all_of_a_type_that_are_valid_by_now_are_released(hub, browser):
    valid, _ = await quarantine(hub), await quarantine(hub)
    await hub.client.patch(f"/api/v1/quarantine/{valid}", content=f'{{"payload": {VALID % 5}}}')
    answer = await browser.post(f"{INBOX}/release", {"type": "invoice.created"})
    page = await browser.follow(answer)
    assert "1 released; 1 still break their schema and stay." in browser.words(page)
    assert len(await polled(hub)) == 1
    await browser.post(f"{INBOX}/release", {"type": "no.such"}, expect=404)


async def test_an_event_is_deleted_once_that_was_confirmed(hub, browser):
    event_id = await quarantine(hub)
    page = await browser.get(f"{INBOX}/{event_id}/delete")
    assert "It will be gone for good, and no subscription gets it" in browser.words(page)
    page = await browser.follow(await browser.post(f"{INBOX}/{event_id}/delete"))
    assert "The event is deleted." in browser.words(page)
    await browser.get(f"{INBOX}/{event_id}", expect=404)
    assert await polled(hub) == []


async def test_a_payload_too_long_for_the_editor_is_released_as_it_is(hub, browser, monkeypatch):
    event_id = await quarantine(hub)
    await hub.client.patch(f"/api/v1/quarantine/{event_id}", content=f'{{"payload": {VALID % "5.0"}}}')
    monkeypatch.setattr("trunkline_portal.pages.quarantine._EDITABLE", 10)
    page = await browser.get(f"{INBOX}/{event_id}")
    assert "<textarea" not in page.text
    assert f"PATCH /api/v1/quarantine/{event_id}" in browser.words(page)
    await browser.post(f"{INBOX}/{event_id}/release")
    assert '"amount":5.0,' in (await hub.client.get("/api/v1/events")).text


async def test_who_may_not_send_events_looks_and_is_offered_no_form(hub, sign_in):
    event_id = await quarantine(hub)
    browser = await sign_in(hub, ["admin", "events:read"])
    page = await browser.get(f"{INBOX}/{event_id}")
    assert "events:write can correct, release and delete it" in browser.words(page)
    assert "<textarea" not in page.text


async def test_who_may_not_read_events_is_not_led_to_the_inbox(hub, sign_in):
    browser = await sign_in(hub, ["admin", "events:write"])
    assert INBOX not in (await browser.get("/portal/keys")).text


async def test_what_an_event_says_is_only_ever_text(hub, browser):
    event = {"type": "payment.failed", "payload": {HOSTILE: HOSTILE}, "metadata": {HOSTILE: HOSTILE}}
    event_id = (await hub.client.post("/api/v1/events", json=event)).json()["quarantined"]["id"]
    pages = [await browser.get(INBOX), await browser.get(f"{INBOX}/{event_id}")]
    pages.append(await browser.post(f"{INBOX}/{event_id}/release", {"payload": HOSTILE}, expect=422))
    for page in pages:
        assert_only_text(page)
        assert "60481729" not in page.text


async def test_the_overview_says_that_something_waits(hub, browser):
    await quarantine(hub)
    await hub.send_test_event()
    page = await browser.get("/portal")
    assert "1 event waits in quarantine, for breaking the schema of invoice.created" in browser.words(page)
    assert f'<a href="{browser.at(INBOX)}">Quarantine</a>' in page.text
