"""Making and changing a subscription: every option of the API, refusals beside their fields, and the secret shown once."""

import re

import pytest
from tests.plugins.portal.filled_in import fields_of
from tests.plugins.portal.worlds import HOSTILE, assert_only_text, subscribe

NEW = "/portal/subscriptions/new"
TYPED = {"target_url": "https://example.com/hooks", "types": "chosen", "event_types": ["payment.failed"]}


async def subscriptions_of(running) -> list[dict]:
    return await running.hub.subscriptions.list(running.company_id, channel=None)


def condition(path: str, operator: str, value: str) -> dict[str, str]:
    return {"filter_path": path, "filter_operator": operator, "filter_value": value}


async def create(browser, fields=None, **changed):
    answer = await browser.post(NEW, {**TYPED, **(fields or {}), **changed})
    return answer.headers["location"].split("/")[5]


@pytest.fixture
async def browser(hub_of_test, sign_in):
    return await sign_in(hub_of_test, ["webhooks:write"])


async def test_each_event_type_is_offered_with_what_it_holds(browser):
    page = await browser.get(NEW)
    for name in ("lead.created", "payment.failed", "invoice.status_changed"):
        assert f'value="{name}"' in page.text
    assert "What was to be charged, in US dollars." in browser.words(page)
    option = '<option value="payload.amount_attempted" data-types="payment.failed">Amount attempted .number.<'
    assert re.search(option, page.text, re.IGNORECASE)


async def test_the_name_stands_below_the_address_before_the_events(browser):
    page = await browser.get(NEW)
    places = [page.text.index(f'"{name}"') for name in ("target_url", "description", "types-heading")]
    assert places == sorted(places)
    assert page.text.count('class="step"') == 2


async def test_a_subscription_is_made_with_everything_that_the_form_has(api, browser):
    await create(
        browser,
        {
            "description": "Billing",
            "event_types": ["payment.failed", "payment.succeeded"],
            "filter_mode": "rows",
            "filter_path": ["payload.amount_attempted", "metadata.source", ""],
            "filter_operator": ["gte", "ne", "eq"],
            "filter_value": ["100", "test", ""],
            "signature": "stripe",
            "header_name": ["Authorization", ""],
            "header_value": ["Bearer 1", ""],
        },
    )
    (subscription,) = await subscriptions_of(api)
    made = {
        "target_url": "https://example.com/hooks",
        "description": "Billing",
        "event_types": ["payment.failed", "payment.succeeded"],
        "filter": {"payload.amount_attempted": {"gte": 100}, "metadata.source": {"ne": "test"}},
        "signature": "stripe",
    }
    assert subscription.items() >= made.items()
    assert list(subscription["headers"]) == ["Authorization"]


async def test_every_type_means_those_to_come_too_and_a_filter_may_be_written_as_json(api, browser):
    source = '{"any": [{"payload.amount_attempted": {"gte": 1000}}, {"not": {"metadata.source": "import"}}]}'
    as_json = {"filter_mode": "json", "filter_json": source, "filter_path": "payload.x", "filter_value": "1"}
    await create(browser, as_json, types="all")
    (subscription,) = await subscriptions_of(api)
    assert (subscription["event_types"], list(subscription["filter"])) == (["*"], ["any"])


async def test_the_secret_is_shown_once_and_only_to_the_session_that_made_it(api, browser, sign_in):
    other = await sign_in(api, ["webhooks:write"])
    answer = await browser.post(NEW, TYPED)
    address = answer.headers["location"]
    assert "whsec_" not in str(answer.headers)

    other.http.cookies.set("trunkline_portal_secret", browser.http.cookies["trunkline_portal_secret"])
    assert "whsec_" not in (await other.get(address, expect=303)).text

    page = await browser.follow(answer)
    assert "whsec_" in page.text
    assert "Copy the secret now" in browser.words(page)
    again = await browser.get(address, expect=303)
    assert "Under Settings you can reveal it again" in browser.words(await browser.follow(again))


async def test_the_documentation_opens_beside_the_page_that_shows_a_secret(browser):
    """Check that the link opens a new tab: the browser's Back would not show the secret again."""
    page = await browser.follow(await browser.post(NEW, TYPED))
    links = re.findall(r'<a href="(/docs[^"]*)" target="_blank" rel="noopener"', page.text)
    assert links == re.findall(r'<a href="(/docs[^"]*)"', page.text) == ["/docs", "/docs/events/verify.html"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"signature": "standard"}, "libraries for Standard Webhooks"),
        ({"signature": "github"}, "X-Hub-Signature-256"),
        ({"signature": "stripe"}, "trunkline-signature"),
        ({"signature": "ed25519"}, "whpk_"),
        ({"secret": f"whsec_{'A' * 43}="}, f"whsec_{'A' * 43}="),
    ],
)
async def test_it_is_told_how_to_check_each_signature_and_a_secret_of_ones_own_is_taken(
    browser, typed, words
):
    page = await browser.follow(await browser.post(NEW, {**TYPED, **typed}))
    assert words in browser.words(page)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"target_url": ""}, "Enter the address that events are to be sent to."),
        ({"target_url": "ftp://example.com"}, "The address "),
        ({"target_url": "https://user:pass@example.com/"}, "The address must not contain a user name"),
        ({"event_types": []}, "Choose at least one event type, or all of them."),
        ({"event_types": ["no.such"]}, "Is not a known event type"),
        ({"description": "x" * 501}, "The name must be text of at most 500 characters."),
        ({"secret": "short"}, "The secret must be 'whsec_'"),
        ({"secret": f"whsec_{'A' * 43}=", "signature": "ed25519"}, "The secret must be 'whsk_'"),
        ({"header_name": "webhook-id", "header_value": "x"}, "“webhook-id” is set by the hub itself"),
        ({"header_name": "", "header_value": "x"}, "A value has no name beside it."),
        ({"header_name": ["X-A", "X-A"], "header_value": ["1", "2"]}, "X-A is given twice."),
        ({"start": "time", "start_time": "tomorrow"}, "Enter a date and a time in UTC"),
        ({"start": "time"}, "Enter a date and a time in UTC"),
        ({"start": "cursor"}, "Enter the cursor, or choose another start."),
        (
            {"start": "cursor", "start_cursor": "nonsense"},
            "This is not a cursor that GET /api/v1/events gave",
        ),
        ({"filter_mode": "json", "filter_json": "{"}, "The filter is not JSON"),
        ({"filter_mode": "json", "filter_json": "[1]"}, "ust be an object of paths and comparisons"),
        (condition("payload.amuont", "gte", "1"), "“payload.amuont” is in none of the chosen event types."),
        (
            condition("amount/x", "gte", "1"),
            "“amount/x” is not a field: choose one that begins with payload.",
        ),
        (condition("payload.client_id", "starts_with", "1"), "cannot be compared by 'starts_with'"),
    ],
)
async def test_what_is_refused_keeps_what_was_typed_and_says_what_is_wrong(api, browser, changed, sentence):
    sent = {**TYPED, "description": "Kept", **changed}
    answer = await browser.post(NEW, sent, expect=422)
    assert sentence in browser.words(answer)
    assert "It was not saved yet" in browser.words(answer)
    for name in ("description", "target_url", "secret", "filter_path"):
        if isinstance(sent.get(name), str) and sent[name]:
            assert f'value="{sent[name]}"' in answer.text
    assert not await subscriptions_of(api)


OPEN = '<details class="card options" open>'


@pytest.mark.parametrize(
    ("changed", "status", "is_open"),
    [
        ({"target_url": "ftp://example.com"}, 422, False),
        ({"event_types": []}, 422, False),
        ({"description": "x" * 501}, 422, False),
        ({"target_url": "ftp://example.com", "rate": "5/minute"}, 422, True),
        (condition("payload.amuont", "gte", "1"), 422, True),
        ({"timeout_seconds": "soon"}, 422, True),
        ({"start": "cursor"}, 422, True),
        ({"add_row": "1"}, 200, True),
        ({"add_header": "1"}, 200, True),
    ],
)
async def test_advanced_is_open_if_something_in_it_is_wrong_or_filled_in(browser, changed, status, is_open):
    assert OPEN not in (await browser.get(NEW)).text
    page = await browser.post(NEW, {**TYPED, **changed}, expect=status)
    assert (OPEN in page.text) == is_open


async def test_more_rows_come_without_any_script_and_nothing_is_made(api, browser):
    typed = {**TYPED, **condition("payload.invoice_id", "gt", "7")}
    page = await browser.post(NEW, {**typed, "add_row": "1"}, expect=200)
    assert page.text.count('name="filter_path"') == 3
    assert 'value="payload.invoice_id"' in page.text
    assert 'value="https://example.com/hooks"' in page.text
    page = await browser.post(NEW, {**typed, "add_header": "1"}, expect=200)
    assert page.text.count('name="header_name"') == 2
    assert not await subscriptions_of(api)


async def test_the_first_button_of_the_form_is_the_one_that_sends_it(browser):
    """Check the first button, which Enter in a field presses: it must not be the button that only adds a row."""
    form = (await browser.get(NEW)).text.partition(f'action="{browser.at(NEW)}"')[2]
    first = form[form.index("<button") : form.index("</button>")]
    assert "add_row" not in first
    assert first.endswith(">Save")


async def test_hostile_text_is_only_text(api, browser):
    sent = dict.fromkeys(("target_url", "description", "secret", "filter_path", "filter_value"), HOSTILE)
    refused = await browser.post(NEW, {**sent, "header_name": HOSTILE, "header_value": HOSTILE}, expect=422)
    assert_only_text(refused)

    subscription = await create(browser, description=HOSTILE, target_url="https://example.com/?q=<script>")
    paths = [
        f"/{subscription}{tab}" for tab in ("", "/settings", "/edit", "/delete", "/pause", "/replays/new")
    ]
    for path in ("", *paths):
        page = await browser.get(f"/portal/subscriptions{path}")
        assert_only_text(page)
        assert "<script>" not in page.text


async def test_it_may_begin_with_what_was_accepted_before(running, receiver, browser):
    for _ in range(3):
        await running.send_test_event("payment.failed")
    await create(browser, target_url=receiver.url + "/hook", start="earliest")
    await receiver.wait_for(3)
    await create(browser, target_url=receiver.url + "/second", start="time", start_time="2020-01-01T00:00")
    await receiver.wait_for(6)


async def test_an_edit_shows_what_is_there_and_changes_it(api, browser):
    subscription = await create(
        browser,
        {
            "filter_path": ["payload.invoice_id", "payload.failure_reason"],
            "filter_operator": ["gt", "in"],
            "filter_value": ["7", "Declined, 12"],
            "header_name": "X-Token",
            "header_value": "secret-value",
        },
    )
    page = await browser.get(f"/portal/subscriptions/{subscription}/edit")
    assert "secret-value" not in page.text
    for text in ("https://example.com/hooks", "payload.invoice_id", "7", "Declined, 12"):
        assert f'value="{text}"' in page.text
    assert 'value="payment.failed" checked' in page.text

    other = {
        "target_url": "https://example.com/other",
        "event_types": ["payment.succeeded", "payment.failed"],
    }
    typed = {**TYPED, **other, **condition("payload.client_id", "eq", "5")}
    answer = await browser.post(f"/portal/subscriptions/{subscription}/edit", typed)
    assert "The subscription was changed." in browser.words(await browser.follow(answer))
    (changed,) = await subscriptions_of(api)
    assert changed.items() >= {**other, "filter": {"payload.client_id": 5}, "description": None}.items()
    assert list(changed["headers"]) == ["X-Token"]


@pytest.mark.parametrize(
    "stored",
    [
        {"event_types": ["operational.*", "key.created", "payment.failed"]},
        {"event_types": ["subscription.failing"], "filter": {"payload.failures": {"gte": 3}}},
        {"timeout_seconds": 10.123456789, "retry": {"schedule_seconds": [1234567.5, 0.123456789, 30]}},
        {"retry": {"for_seconds": 1234567.25}, "rate": "5/minute", "max_in_flight": 3},
        {"description": "Billing\nof the branch"},
        {"filter": {"metadata.source ": "x"}, "ordering": {"key": "/metadata/source"}},
    ],
)
async def test_an_unchanged_form_changes_nothing(api, browser, stored):
    subscription = await subscribe(api, "https://example.com/hooks", **stored)
    path = f"/portal/subscriptions/{subscription}/edit"
    fields = fields_of((await browser.get(path)).text, f"/{subscription}/edit")
    await browser.post(path, fields)
    (after,) = await subscriptions_of(api)
    assert {name: after[name] for name in ("event_types", *stored)} == {"event_types": ["*"]} | stored


async def test_operational_types_are_offered_for_every_channel_and_apart_from_every_type(browser):
    for channel in ("webhooks", "alerts_chat"):
        page = await browser.get(NEW, channel=channel)
        assert 'value="operational.*"' in page.text
        assert 'data-chosen-by="key.created operational.*"' in page.text
        assert 'data-chosen-by="payment.failed payment.* *"' in page.text
        assert "Operational events are not among them." in browser.words(page)


async def test_types_that_a_link_presets_are_ticked_on_each_channel_and_operational_ones_come_first(browser):
    page = await browser.get(f"{NEW}?type=operational.*&type=payment.failed")
    assert 'value="operational.*" checked' in page.text
    assert "new?channel=alerts_chat&amp;type=operational.%2A&amp;type=payment.failed" in page.text
    assert page.text.index('value="operational.*"') < page.text.index('value="payment.failed"')
    page = await browser.get(NEW, type="payment.failed")
    assert page.text.index('value="operational.*"') > page.text.index('value="payment.failed"')


async def test_headers_are_replaced_only_where_that_is_said(api, browser):
    subscription = await create(browser, header_name="X-Old", header_value="1")
    path = f"/portal/subscriptions/{subscription}/edit"
    typed = {**TYPED, "header_name": "X-New", "header_value": "2"}
    refused = await browser.post(path, typed, expect=422)
    assert "otherwise they are ignored" in browser.words(refused)
    await browser.post(path, {**typed, "replaces_headers": "on"})
    assert list((await subscriptions_of(api))[0]["headers"]) == ["X-New"]
    await browser.post(path, {**TYPED, "replaces_headers": "on"})
    assert (await subscriptions_of(api))[0]["headers"] == {}


async def test_a_filter_that_rows_cannot_say_is_edited_as_json(api, browser):
    as_json = {**TYPED, "filter_mode": "json"}
    subscription = await create(browser, as_json, filter_json='{"not": {"metadata.source": "test"}}')
    path = f"/portal/subscriptions/{subscription}/edit"
    page = await browser.get(path)
    assert '<input type="radio" name="filter_mode" value="json" checked>' in page.text
    assert "&#34;not&#34;: {" in page.text
    await browser.post(path, {**as_json, "filter_json": ""})
    assert (await subscriptions_of(api))[0]["filter"] is None


async def test_a_refused_edit_keeps_what_was_typed(api, browser):
    subscription = await create(browser)
    path = f"/portal/subscriptions/{subscription}/edit"
    typed = {"target_url": "nonsense", "description": "New", "event_types": ["payment.failed", "no.such"]}
    refused = await browser.post(path, {**TYPED, **typed}, expect=422)
    for kept in ('value="nonsense"', 'value="New"', 'value="no.such" checked'):
        assert kept in refused.text
    more = await browser.post(path, {**TYPED, "add_header": "1"}, expect=200)
    assert more.text.count('name="header_name"') == 2
    assert (await subscriptions_of(api))[0]["target_url"] == "https://example.com/hooks"
    await browser.post(path, TYPED)


async def test_no_more_are_made_than_a_company_may_have(sqlite_database_url, make_hub, sign_in):
    running = await make_hub(sqlite_database_url, {"delivery.max_subscriptions": "1"}, dispatch=False)
    browser = await sign_in(running, ["webhooks:write"])
    await create(browser)
    answer = await browser.post(NEW, TYPED, expect=409)
    assert "This company already has 1 subscriptions" in browser.words(answer)


async def test_without_the_plugin_webhooks_nothing_is_made(sqlite_database_url, make_hub, sign_in):
    running = await make_hub(sqlite_database_url, {"plugins.disabled": "webhooks,alerts"}, dispatch=False)
    browser = await sign_in(running, ["webhooks:write"])
    page = await browser.get("/portal/subscriptions")
    assert f"{browser.root}/subscriptions/new" not in page.text
    answer = await browser.get(NEW, expect=303)
    assert "does not run here" in browser.words(await browser.follow(answer))
