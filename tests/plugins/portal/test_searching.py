"""The search: an id of any kind leads to its page, and fields with values lead to the events that have them."""

import html

import pytest
from tests.plugins.portal.worlds import emit, subscribe
from tests.waiting import until

from trunkline_portal.pages.changes import CHANGES


async def test_an_id_of_each_kind_leads_to_its_page(running, browser, receiver):
    subscription = await subscribe(running, receiver.url)
    event = await emit(running)
    record, _ = await running.hub.keys.create(running.company_id, name="Importer", scopes=["events:read"])
    deliveries = await until(lambda: running.hub.deliveries.of_event(running.company_id, event))
    delivery = deliveries[0]
    for text, path in {
        f"#{event}": f"/events/{event}",
        delivery["id"]: f"/deliveries/{delivery['id']}",
        subscription: f"/subscriptions/{subscription}",
        record.id: f"/keys#{record.id}",
    }.items():
        answer = await browser.get("/portal/search", q=text, expect=303)
        assert answer.headers["location"] == f"{browser.root}{path}"
    assert f'href="{browser.root}/events/{event}"' in (await browser.get("/portal/search", q=str(event))).text
    assert f'id="{record.id}"' in (await browser.get("/portal/keys")).text


@pytest.mark.parametrize("text", ["client_id:777001", '"client_id": 777001', "payload.client_id = 777001"])
async def test_a_field_and_its_value_are_found_as_pages_write_them(api, browser, text):
    event = await emit(api, client_id=777001)
    other = await emit(api, client_id=7770011)
    page = await browser.get("/portal/search", q=text)
    assert f"/events/{event}" in page.text
    assert f"/events/{other}" not in page.text
    assert "<mark>" in page.text
    assert "Looked through all events of company" in browser.words(page)
    assert f"/events/{event}" in (await browser.get("/portal/events", q=text)).text


async def test_no_page_has_a_nul_in_its_address(running, browser):
    queries = ("/search?q=", "/events?type=", "/quarantine?type=", "/changes?actor=")
    for path in (
        *(f"{query}a%00" for query in queries),
        "/quarantine/%00",
        "/keys/%00/rotate",
        "/events/1%00",
    ):
        assert (await browser.http.get(f"{browser.root}{path}")).status_code == 404, path


async def test_text_that_json_escapes_is_found_and_shown_without_escapes(api, browser):
    event = await emit(api, first_name='Jos "Pepe" \\ Ruiz')
    page = await browser.get("/portal/search", q='"Pepe" \\')
    assert f"/events/{event}" in page.text
    assert '<mark>"Pepe" \\</mark>' in html.unescape(page.text)


async def test_the_answer_says_how_far_it_looked_and_goes_on(api, browser, monkeypatch):
    event = await emit(api, first_name="Zaphod")
    for _ in range(3):
        await emit(api)
    monkeypatch.setattr(api.hub.activity, "_searched", 2)
    page = await browser.get("/portal/search", q="first_name:zaphod")
    assert "back to" in browser.words(page)
    assert f"/events/{event}" not in page.text
    further = page.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    assert f"/events/{event}" in (await browser.get(further.replace("&amp;", "&"))).text


async def test_only_what_somebody_may_see_is_found(api, sign_in, reader, receiver):
    subscription = await subscribe(api, receiver.url)
    event = await emit(api)
    stranger = await sign_in(api, company_id=api.neighbour_id)
    for text in (f"#{event}", subscription):
        assert "that you may see has it" in stranger.words(await stranger.get("/portal/search", q=text))
    assert "that you may see has it" in reader.words(await reader.get("/portal/search", q=subscription))


async def test_an_operator_finds_things_and_companies_of_all(running, operator, receiver):
    subscription = await subscribe(running, receiver.url)
    await running.hub.companies.create({"reference": "acme-4f2a", "name": "Acme"})
    operator.company_id = None
    found = await operator.get("/portal/search", q=subscription, expect=303)
    assert found.headers["location"] == f"/portal/companies/{running.company_id}/subscriptions/{subscription}"
    assert "Acme" in operator.words(await operator.get("/portal/search", q="acme-4f2a"))
    assert f"Company {running.company_id}" in operator.words(
        await operator.get("/portal/search", q=str(running.company_id))
    )


async def test_the_id_of_a_request_leads_to_the_changes_that_it_made(
    api, sign_in, operator, reader, receiver
):
    wish = {"target_url": receiver.url, "event_types": ["*"]}
    made = await api.client.post("/api/v1/webhooks/subscriptions", json=wish)
    request_id, subscription = made.headers["x-request-id"], made.json()["id"]
    for browser in (await sign_in(api), operator):
        page = await browser.get("/portal/search", q=request_id)
        assert f"subscription.created of {subscription}" in browser.words(page)
        link = html.unescape(page.text.partition(f"{CHANGES}?request_id=")[2].partition('"')[0])
        changes = await browser.get(f"/portal{CHANGES}?request_id={link}")
        assert subscription in changes.text
        assert "key.created" not in browser.words(changes)
    words = reader.words(await reader.get("/portal/search", q=request_id))
    assert subscription not in words
    assert "a key with the scope admin finds the changes by it" in words


async def test_the_id_of_a_request_that_changed_nothing_is_told_from_what_is_stored(browser):
    words = browser.words(await browser.get("/portal/search", q="b4f0c9a2d1e83c55"))
    assert "the audit log has no change by it" in words
    assert "one that emits events, is only in the hub" in words
