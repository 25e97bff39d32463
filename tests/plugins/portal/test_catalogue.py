"""The catalogue: event types, actions, searches and lookups, and sending an event by hand."""

import re
from html import unescape

import orjson
import pytest
from tests.some import some

from trunkline.schemas.files import operational_event_types, package_event_types

TYPES = [event_type.name for event_type in package_event_types("trunkline_schemas")]
OPERATIONAL = [event_type.name for event_type in operational_event_types()]
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
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


async def test_every_event_type_is_listed_and_has_a_page(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    page = await browser.get("/portal/catalogue")
    assert (
        re.findall(rf'href="{browser.root}/catalogue/([a-z_]+\.[a-z_]+)"', page.text) == TYPES + OPERATIONAL
    )
    for name in TYPES:
        words = browser.words(await browser.get(f"/portal/catalogue/{name}"))
        for field in api.hub.catalog.get(name).schema["properties"]:
            assert field in words


async def test_event_types_are_grouped_by_what_they_are_about(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    page = await browser.get("/portal/catalogue")
    assert re.findall(r"<h2 [^>]*>(\w+)</h2>", page.text) == [
        "Affiliate",
        "Agreement",
        "Client",
        "Document",
        "Invoice",
        "Lead",
        "Payment",
        "Operational",
    ]


async def test_an_operational_type_has_a_page_and_cannot_be_sent_by_hand(api, sign_in):
    browser = await sign_in(api)
    page = await browser.get("/portal/catalogue/key.created")
    words = browser.words(page)
    assert "An API key was made." in words
    assert "The hub itself sends it." in words
    assert "Send a test event" not in words
    assert "/docs/events/key.created" not in page.text
    assert "subscriptions/new?type=key.created" in page.text
    await browser.post("/portal/catalogue/key.created", {"payload": "{}"}, expect=404)


async def test_an_event_type_says_when_it_is_sent_and_what_each_field_means(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    words = browser.words(await browser.get("/portal/catalogue/invoice.created"))
    assert "Sent once for each invoice, when it is made." in words
    assert "amount number What the invoice asks for in total, in US dollars." in words
    assert "Paid Partial Unpaid Failed" in words
    assert "description string, optional" in words
    assert "version 1" in words


async def test_the_example_is_shown_digit_by_digit_as_it_is_sent(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    await browser.get("/portal/catalogue/invoice.created")
    words = browser.words(await browser.get("/portal/catalogue/invoice.created"))
    assert '"amount" : 99.00 ,' in words
    assert f'"companyId" : {api.company_id} ,' in words


async def test_the_contents_of_the_page_of_a_type_lead_to_its_parts(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    page = await browser.get("/portal/catalogue/invoice.status_changed")
    contents = re.search(r'<nav class="contents".*?</nav>', page.text)[0]
    places = re.findall(r'href="#([^"]*)"', contents)
    assert places == ["meaning", "fields", "example", "delivery", "related", "send-a-test"]
    assert [page.text.count(f' id="{place}"') for place in places] == [1] * 6


async def test_an_event_type_says_what_orders_it_how_often_it_is_retried_and_what_it_is_related_to(
    api, sign_in
):
    browser = await sign_in(api, ["events:read"])
    page = await browser.get("/portal/catalogue/payment.failed")
    words = browser.words(page)
    assert "in order, enter /payload/client_id at “One after the other” of your subscription." in words
    retries = len(api.hub.settings.delivery.retry_schedule_seconds)
    assert f"a failed delivery is retried up to {retries} times, each time with the same id ." in words
    related = page.text.partition('id="related"')[2].partition("</ul>")[0]
    assert re.findall(rf'href="{browser.root}/catalogue/([^"]+)"', related) == [
        "client.created",
        "client.status_changed",
        "invoice.created",
        "invoice.status_changed",
        "payment.succeeded",
    ]


async def test_an_event_type_names_the_actions_that_bring_it_about(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    page = await browser.get("/portal/catalogue/lead.created")
    assert f'href="{browser.root}/catalogue/actions/create_lead"' in page.text


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


async def test_an_operation_shows_what_to_send_and_what_comes_back(api, sign_in):
    browser = await sign_in(api, ["integrations:read"])
    words = browser.words(await browser.get("/portal/catalogue/actions/update_lead_status"))
    assert "PATCH /api/v1/integrations/leads/{client_id}/status" in words
    assert "client_id integer" in words
    assert "At least one of new_status, new_status_id must be given." in words
    assert "curl -X PATCH http://hub.test/api/v1/integrations/leads/12345/status" in words
    assert "It causes client.status_changed" in words
    assert "previous_status string" in words


async def test_a_delete_has_no_body_a_record_may_be_missing_and_a_list_has_pages(api, sign_in):
    browser = await sign_in(api, ["integrations:read"])
    words = browser.words(await browser.get("/portal/catalogue/actions/archive_client"))
    assert (
        "curl -X DELETE http://hub.test/api/v1/integrations/clients/12345 \\ -H 'X-Api-Key: YOUR_API_KEY'"
        in words
    )
    assert "-d" not in words.split("Example call")[1].split("Example answer")[0]
    words = browser.words(await browser.get("/portal/catalogue/searches/get_client"))
    assert "answers with the status 200, or with 404 where there is no such record." in words
    assert "http://hub.test/api/v1/integrations/clients/12345" in words
    words = browser.words(await browser.get("/portal/catalogue/searches/list_clients"))
    assert "send next_cursor back as cursor" in words


async def test_a_nested_field_stands_below_its_path(api, sign_in):
    browser = await sign_in(api, ["integrations:read"])
    words = browser.words(await browser.get("/portal/catalogue/searches/find_client"))
    assert "results[]. client_id integer The client's number. 12345" in words
    assert "results[]. phone string or null" in words


async def test_the_call_of_a_search_works_as_it_is_shown(api, sign_in):
    browser = await sign_in(api, ["integrations:read"])
    page = await browser.get("/portal/catalogue/searches/find_client")
    url = re.search(r"'(http://hub\.test/api/v1/[^']+)'", unescape(page.text))[1]
    answer = await api.client.get(url)
    assert (answer.status_code, answer.json()["count"]) == (200, 0)


async def test_the_catalogue_is_searched_by_name_and_by_meaning(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    words = browser.words(await browser.get("/portal/catalogue", q="CARD declined"))
    assert "payment.failed" in words
    assert "payment.succeeded" not in words
    page = await browser.get("/portal/catalogue/actions", q="affiliate")
    assert "create_affiliate" in page.text
    assert "create_lead" not in page.text


async def test_a_search_that_finds_nothing_says_so_and_repeats_no_markup(api, sign_in):
    browser = await sign_in(api, ["events:read"])
    page = await browser.get("/portal/catalogue", q=HOSTILE)
    assert "Nothing matches" in browser.words(page)
    assert "<img src=x" not in page.text
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("scope", ["webhooks:write", "admin", "integrations:write"])
async def test_it_takes_a_scope_to_see_the_catalogue(api, sign_in, scope):
    browser = await sign_in(api, [scope])
    for path in ("", "/actions", "/lead.created", "/actions/create_lead"):
        await browser.get(f"/portal/catalogue{path}", expect=403)


@pytest.mark.parametrize(
    "path", ["/no.such", "/actions/no_such", "/searches/create_lead", "/nothing/create_lead", "/%3Cb%3E"]
)
async def test_what_is_not_in_the_catalogue_is_not_found(api, sign_in, path):
    browser = await sign_in(api)
    assert "<b>" not in (await browser.get(f"/portal/catalogue{path}", expect=404)).text


async def test_an_operator_reads_the_catalogue_without_a_company(api, open_browser):
    _, key = await api.hub.keys.create(None, name="op", scopes=["operator"])
    browser = open_browser(api)
    await browser.sign_in(key)
    words = browser.words(await browser.get("/portal/catalogue/lead.created"))
    assert "Choose the company that it is for." in words
    await browser.post("/portal/catalogue/lead.created", {"payload": "{}"}, expect=403)


async def test_the_public_documentation_is_linked_where_it_runs(sqlite_database_url, make_hub, sign_in):
    for changed, is_there in (({}, True), ({"plugins.disabled": "docs"}, False)):
        hub = await make_hub(sqlite_database_url, changed, dispatch=False)
        browser = await sign_in(hub)
        pages = {
            "/portal/catalogue": "/docs/events",
            "/portal/catalogue/lead.created": "/docs/events/lead.created",
            "/portal/catalogue/actions/create_lead": "/docs/events/actions/create_lead",
            "/portal/catalogue/lookups/clients": "/docs/events/lookups",
        }
        for path, link in some(pages.items()):
            assert (f'href="{link}"' in (await browser.get(path)).text) is is_there
            if is_there:
                assert (await hub.anonymous.get(link)).status_code == 200


async def test_examples_are_of_the_viewers_own_company(make_hub, sqlite_database_url, sign_in, open_browser):
    hub = await make_hub(sqlite_database_url, dispatch=False)
    made = (await hub.operator.post("/api/v1/companies", json={"reference": "acme-4f2a"})).json()
    company = {"companyId": made["id"], "companyRef": "acme-4f2a"}
    for environment, more in (("live", {}), ("test", {"environment": "test"})):
        body = {"company_id": made["id"], "name": "k", "scopes": ["events:read"], "environment": environment}
        browser = open_browser(hub)
        await browser.sign_in((await hub.operator.post("/api/v1/keys", json=body)).json()["key"])
        assert (await browser.get("/portal/company.json")).json() == company | more
        page = await browser.get("/portal/catalogue/lead.created")
        assert "acme-4f2a" in browser.words(page)
    operator = open_browser(hub)
    _, key = await hub.hub.keys.create(None, name="op", scopes=["operator"])
    await operator.sign_in(key)
    assert (await operator.get("/portal/company.json")).json() == {}
    assert (await hub.anonymous.get("/portal/company.json")).status_code == 303


@pytest.mark.parametrize("name", TYPES)
async def test_the_example_can_be_sent_as_it_stands(api, sign_in, name):
    browser = await sign_in(api)
    example = editor(await browser.get(f"/portal/catalogue/{name}"))
    answer = await browser.post(f"/portal/catalogue/{name}", {"payload": example})
    (event,) = await stored(api)
    assert answer.headers["location"] == f"{browser.root}/events/{event['id']}"
    assert (event["type"], event["companyId"], event["metadata"]) == (
        name,
        api.company_id,
        {"source": "test"},
    )
    assert event["payload"] == api.hub.catalog.get(name).example


async def test_an_event_that_was_sent_reaches_a_subscription(running, sign_in, receiver):
    await running.subscribe(receiver.url, event_types=["invoice.created"])
    browser = await sign_in(running)
    await browser.get("/portal/catalogue/invoice.created")
    answer = await browser.post(
        "/portal/catalogue/invoice.created", {"payload": orjson.dumps(INVOICE).decode()}
    )
    await receiver.wait_for(1)
    assert orjson.loads(receiver.requests[0].body)["payload"] == INVOICE
    assert "was stored, and goes to every subscription" in browser.words(await browser.follow(answer))


@pytest.mark.parametrize("amount", ["99.00", "0.10", "1e2", "12345678901234567890.123456789"])
async def test_digits_stay_as_they_were_typed(running, sign_in, amount):
    browser = await sign_in(running)
    typed = orjson.dumps(INVOICE).decode().replace('"amount":5', f'"amount": {amount}')
    await browser.get("/portal/catalogue/invoice.created")
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
async def test_a_refused_payload_is_told_at_its_pointer_and_kept(api, sign_in, payload, sentence):
    browser = await sign_in(api)
    await browser.get("/portal/catalogue/invoice.created")
    page = await browser.post("/portal/catalogue/invoice.created", {"payload": payload}, expect=422)
    assert sentence in browser.words(page)
    assert editor(page) == payload
    assert 'aria-invalid="true"' in page.text
    assert await stored(api) == []


async def test_a_refused_payload_is_shown_as_text(api, sign_in):
    browser = await sign_in(api)
    await browser.get("/portal/catalogue/invoice.created")
    hostile = orjson.dumps({"</textarea>" + HOSTILE: HOSTILE}).decode()
    page = await browser.post("/portal/catalogue/invoice.created", {"payload": hostile}, expect=422)
    assert "<img src=x" not in page.text
    assert "<script>alert" not in page.text
    assert editor(page) == hostile


async def test_sending_takes_the_scope_and_the_forms_token(api, sign_in):
    reader = await sign_in(api, ["events:read"])
    page = await reader.get("/portal/catalogue/invoice.created")
    assert "<textarea" not in page.text
    assert "curl http://hub.test/api/v1/events" in reader.words(page)
    await reader.post("/portal/catalogue/invoice.created", {"payload": "{}"}, expect=403)
    writer = await sign_in(api, ["events:read", "events:write"])
    example = editor(await writer.get("/portal/catalogue/invoice.created"))
    writer.csrf = "guessed"
    await writer.post("/portal/catalogue/invoice.created", {"payload": example}, expect=403)
    assert await stored(api) == []


async def test_who_may_not_read_events_stays_with_the_type(api, sign_in):
    browser = await sign_in(api, ["integrations:read", "events:write"])
    example = editor(await browser.get("/portal/catalogue/lead.created"))
    answer = await browser.post("/portal/catalogue/lead.created", {"payload": example})
    assert answer.headers["location"] == f"{browser.root}/catalogue/lead.created"
    assert "of type lead.created was stored" in browser.words(await browser.follow(answer))


async def test_an_event_of_no_known_type_cannot_be_sent(api, sign_in):
    browser = await sign_in(api)
    await browser.post("/portal/catalogue/no.such", {"payload": "{}"}, expect=404)
