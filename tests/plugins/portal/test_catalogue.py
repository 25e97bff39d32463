"""The catalogue: event types, actions, searches and lookups, and sending an event by hand."""

import re
from html import unescape

import orjson
import pytest
from tests.example_product import EVENT_TYPES
from tests.plugins.portal.worlds import HOSTILE, assert_only_text

from trunkline.schemas.files import operational_event_types

OPERATIONAL = [event_type.name for event_type in operational_event_types()]
INVOICE = {
    "invoice_id": 1,
    "client_id": 2,
    "amount": 5,
    "due_date": "2026-02-15",
    "invoice_status": "Unpaid",
}


async def stored(hub) -> list[dict]:
    return (await hub.client.get("/api/v1/events")).json()["events"]


def editor(page) -> str:
    return unescape(re.search(r'<textarea id="payload"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL)[1])


async def test_every_event_type_is_listed_and_has_a_page(api, reader):
    page = await reader.get("/portal/catalogue")
    assert re.findall(rf'href="{reader.root}/catalogue/([a-z_]+\.[a-z_]+)"', page.text) == [
        *EVENT_TYPES,
        *OPERATIONAL,
    ]
    for name in EVENT_TYPES:
        words = reader.words(await reader.get(f"/portal/catalogue/{name}"))
        for field in api.hub.catalog.get(name).schema["properties"]:
            assert field in words


async def test_event_types_are_grouped_by_what_they_are_about(reader):
    page = await reader.get("/portal/catalogue")
    groups = "Affiliate Agreement Client Document Invoice Lead Payment Operational"
    assert re.findall(r"<h2 [^>]*>(\w+)</h2>", page.text) == groups.split()


async def test_an_operational_type_has_a_page_and_cannot_be_sent_by_hand(browser):
    page = await browser.get("/portal/catalogue/key.created")
    assert "An API key was made. The hub itself sends it." in browser.words(page)
    assert "Send a test event" not in page.text
    assert "/docs/events/key.created" not in page.text
    assert "subscriptions/new?type=key.created" in page.text
    for unsendable in ("key.created", "no.such"):
        await browser.post(f"/portal/catalogue/{unsendable}", {"payload": "{}"}, expect=404)


CALL = "http://hub.test/api/v1/integrations"


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("invoice.created", "Sent once for each invoice, when it is made."),
        ("invoice.created", "amount number What the invoice asks for in total, in US dollars."),
        ("invoice.created", "Paid Partial Unpaid Failed"),
        ("invoice.created", "description string, optional"),
        ("invoice.created", "version 1"),
        ("invoice.created", '"amount" : 99.00 ,'),
        (
            "payment.failed",
            "in order, enter /payload/client_id at “One after the other” of your subscription.",
        ),
        ("actions/update_lead_status", "PATCH /api/v1/integrations/leads/{client_id}/status"),
        ("actions/update_lead_status", "client_id integer"),
        ("actions/update_lead_status", "At least one of new_status, new_status_id must be given."),
        ("actions/update_lead_status", f"curl -X PATCH {CALL}/leads/12345/status"),
        ("actions/update_lead_status", "It causes client.status_changed"),
        ("actions/update_lead_status", "previous_status string"),
        (
            "actions/archive_client",
            f"curl -X DELETE {CALL}/clients/12345 \\ -H 'X-Api-Key: YOUR_API_KEY' Example",
        ),
        ("searches/get_client", "answers with the status 200, or with 404 where there is no such record."),
        ("searches/get_client", f"{CALL}/clients/12345"),
        ("searches/list_clients", "send next_cursor back as cursor"),
        ("searches/find_client", "results[]. client_id integer The client's number. 12345"),
        ("searches/find_client", "results[]. phone string or null"),
    ],
)
async def test_a_page_tells_what_is_sent_and_what_comes_back(browser, page, said):
    assert said in browser.words(await browser.get(f"/portal/catalogue/{page}"))


async def test_the_contents_of_the_page_of_a_type_lead_to_its_parts(reader):
    page = await reader.get("/portal/catalogue/invoice.status_changed")
    contents = re.search(r'<nav class="contents".*?</nav>', page.text)[0]
    places = re.findall(r'href="#([^"]*)"', contents)
    assert places == ["meaning", "fields", "example", "delivery", "related", "send-a-test"]
    assert [page.text.count(f' id="{place}"') for place in places] == [1] * 6


async def test_an_event_type_says_what_is_of_this_hub_and_company_and_what_it_is_related_to(api, reader):
    page = await reader.get("/portal/catalogue/payment.failed")
    retries = len(api.hub.settings.delivery.retry_schedule_seconds)
    said = f"a failed delivery is retried up to {retries} times, each time with the same id ."
    assert said in reader.words(page)
    assert f'"companyId" : {api.company_id} ,' in reader.words(page)
    related = page.text.partition('id="related"')[2].partition("</ul>")[0]
    types = "client.created client.status_changed invoice.created invoice.status_changed payment.succeeded"
    assert re.findall(rf'href="{reader.root}/catalogue/([^"]+)"', related) == types.split()


async def test_an_event_type_names_the_actions_that_bring_it_about(reader):
    page = await reader.get("/portal/catalogue/lead.created")
    assert f'href="{reader.root}/catalogue/actions/create_lead"' in page.text


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("actions", {"create_lead", "update_client_status", "add_client_note"}),
        ("searches", {"find_client", "find_lead"}),
        ("lookups", {"clients", "client-statuses", "employees", "affiliates"}),
    ],
)
async def test_actions_searches_and_lookups_have_pages(api, sign_in, kind, names):
    browser = await sign_in(api, ["integrations:read"])
    page = await browser.get(f"/portal/catalogue/{kind}")
    listed = set(re.findall(rf'href="{browser.root}/catalogue/{kind}/([\w-]+)"', page.text))
    assert names <= listed
    for name in listed:
        page = await browser.get(f"/portal/catalogue/{kind}/{name}")
        assert "X-Api-Key: YOUR_API_KEY" in browser.words(page)
        assert f'href="{browser.root}/catalogue" aria-current="page"' in page.text


async def test_the_call_of_a_search_works_as_it_is_shown(api, browser):
    page = await browser.get("/portal/catalogue/searches/find_client")
    url = re.search(r"'(http://hub\.test/api/v1/[^']+)'", unescape(page.text))[1]
    answer = await api.client.get(url)
    assert (answer.status_code, answer.json()["count"]) == (200, 0)


async def test_the_catalogue_is_searched_by_name_and_by_meaning(reader):
    for kind, query, found, other in (
        ("", "CARD declined", "payment.failed", "payment.succeeded"),
        ("/actions", "affiliate", "create_affiliate", "create_lead"),
        ("", HOSTILE, "Nothing matches", "payment.failed"),
    ):
        page = await reader.get(f"/portal/catalogue{kind}", q=query)
        assert found in page.text
        assert other not in reader.words(page)
        assert_only_text(page)


@pytest.mark.parametrize(
    "path", ["/no.such", "/actions/no_such", "/searches/create_lead", "/nothing/create_lead", "/%3Cb%3E"]
)
async def test_what_is_not_in_the_catalogue_is_not_found(browser, path):
    assert "<b>" not in (await browser.get(f"/portal/catalogue{path}", expect=404)).text


async def test_an_operator_reads_the_catalogue_without_a_company(undecided):
    words = undecided.words(await undecided.get("/portal/catalogue/lead.created"))
    assert "Choose the company that it is for." in words
    await undecided.post("/portal/catalogue/lead.created", {"payload": "{}"}, expect=403)


async def test_the_public_documentation_is_linked_where_it_runs(api, sqlite_database_url, make_hub, sign_in):
    without = await make_hub(sqlite_database_url, {"plugins.disabled": "docs"}, dispatch=False)
    browser, other = await sign_in(api), await sign_in(without)
    for path, link in (
        ("", "/docs/events"),
        ("/lead.created", "/docs/events/lead.created"),
        ("/actions/create_lead", "/docs/events/actions/create_lead"),
        ("/lookups/clients", "/docs/events/lookups"),
    ):
        assert f'href="{link}"' in (await browser.get(f"/portal/catalogue{path}")).text
        assert f'href="{link}"' not in (await other.get(f"/portal/catalogue{path}")).text
        assert (await api.anonymous.get(link)).status_code == 200


async def test_examples_are_of_the_viewers_own_company(api, open_browser, undecided):
    made = (await api.operator.post("/api/v1/companies", json={"reference": "acme-4f2a"})).json()
    company = {"companyId": made["id"], "companyRef": "acme-4f2a"}
    for environment, more in (("live", {}), ("test", {"environment": "test"})):
        body = {"company_id": made["id"], "name": "k", "scopes": ["events:read"], "environment": environment}
        browser = open_browser(api)
        await browser.sign_in((await api.operator.post("/api/v1/keys", json=body)).json()["key"])
        assert (await browser.get("/portal/company.json")).json() == company | more
        page = await browser.get("/portal/catalogue/lead.created")
        assert "acme-4f2a" in browser.words(page)
    assert (await undecided.get("/portal/company.json")).json() == {}
    assert (await api.anonymous.get("/portal/company.json")).status_code == 303


@pytest.mark.parametrize("name", EVENT_TYPES)
async def test_the_example_can_be_sent_as_it_stands(api, browser, name):
    example = editor(await browser.get(f"/portal/catalogue/{name}"))
    answer = await browser.post(f"/portal/catalogue/{name}", {"payload": example})
    (event,) = await stored(api)
    assert answer.headers["location"] == f"{browser.root}/events/{event['id']}"
    sent = {"type": name, "companyId": api.company_id, "metadata": {"source": "test"}}
    assert event.items() >= {**sent, "payload": api.hub.catalog.get(name).example}.items()


async def test_an_event_that_was_sent_reaches_a_subscription(running, browser, receiver):
    await running.subscribe(receiver.url, event_types=["invoice.created"])
    typed = orjson.dumps(INVOICE).decode()
    answer = await browser.post("/portal/catalogue/invoice.created", {"payload": typed})
    [request] = await receiver.wait_for(1)
    assert orjson.loads(request.body)["payload"] == INVOICE
    assert "was stored, and goes to every subscription" in browser.words(await browser.follow(answer))


@pytest.mark.parametrize("amount", ["99.00", "0.10", "1e2", "12345678901234567890.123456789"])
async def test_digits_stay_as_they_were_typed(running, browser, amount):
    typed = orjson.dumps(INVOICE).decode().replace('"amount":5', f'"amount": {amount}')
    await browser.post("/portal/catalogue/invoice.created", {"payload": typed})
    assert f'"amount":{amount},' in (await running.client.get("/api/v1/events")).text


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ("", "/payload is empty"),
        ("{", "/payload is not valid JSON"),
        ("[1]", "/payload must be an object"),
        ('{"invoice_id": "x"}', "/payload/invoice_id must be a whole number, not a string"),
        ('{"invoice_id": 1}', "/payload/amount is required"),
        ('{"nope": 1}', "/payload/nope is not a field of invoice.created"),
        ('{"a": 1, "a": 2}', "names the key 'a' twice"),
        ('{"description": "\\u0000"}', "/payload/description holds the character NUL"),
        ("[" * 70 + "]" * 70, "is nested deeper than 64 levels"),
    ],
)
async def test_a_refused_payload_is_told_at_its_pointer_and_kept(api, browser, payload, sentence):
    page = await browser.post("/portal/catalogue/invoice.created", {"payload": payload}, expect=422)
    assert sentence in browser.words(page)
    assert editor(page) == payload
    assert 'aria-invalid="true"' in page.text
    assert await stored(api) == []


async def test_a_refused_payload_is_shown_as_text(browser):
    hostile = orjson.dumps({"</textarea>" + HOSTILE: HOSTILE}).decode()
    page = await browser.post("/portal/catalogue/invoice.created", {"payload": hostile}, expect=422)
    assert_only_text(page)
    assert editor(page) == hostile


async def test_who_may_not_send_events_is_shown_the_call_instead_of_the_form(reader):
    page = await reader.get("/portal/catalogue/invoice.created")
    assert "<textarea" not in page.text
    assert "curl http://hub.test/api/v1/events" in reader.words(page)


async def test_who_may_not_read_events_stays_with_the_type(api, sign_in):
    browser = await sign_in(api, ["integrations:read", "events:write"])
    example = editor(await browser.get("/portal/catalogue/lead.created"))
    answer = await browser.post("/portal/catalogue/lead.created", {"payload": example})
    assert answer.headers["location"] == f"{browser.root}/catalogue/lead.created"
    assert "of type lead.created was stored" in browser.words(await browser.follow(answer))
