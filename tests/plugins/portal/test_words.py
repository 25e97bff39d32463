"""The texts of pages are true: stored names, the limits in force, and no false promise."""

import re

import pytest
from tests.plugins.portal.worlds import emit, shown_when, subscribe

from trunkline_kit.receiver import Answer
from trunkline_portal import navigation
from trunkline_portal.outcomes import attempt_sentence
from trunkline_portal.templating import FOLDER

_AGAIN = re.compile(
    r"\b(?:send|sent|sends|delivered|tried|tries|try)\b[^.<>{}]{0,60}\bagain\b", re.IGNORECASE
)


def test_only_one_delivery_is_sent_again_the_hub_retries_and_many_are_replayed():
    said = [found for page in FOLDER.glob("*.html") for found in _AGAIN.findall(page.read_text())]
    assert said == ["Send again"] * 2


def test_a_missing_value_is_a_word_or_an_empty_cell():
    assert [page.name for page in FOLDER.glob("*.html") if "\N{EN DASH}" in page.read_text()] == []


def test_an_icon_of_the_navigation_stands_for_one_page_and_is_not_that_of_a_warning():
    icons = [item.icon for item in navigation.ITEMS]
    assert len(set(icons)) == len(icons)
    assert not {"alert", "person", "send", "globe"} & set(icons)


async def test_no_two_entries_of_the_navigation_have_one_icon(api, sign_in):
    page = (await (await sign_in(api)).get("/portal/keys")).text
    icons = re.findall(r"<li><a [^>]+>(?:<span[^>]*>)?(<svg.+?</svg>)", page, re.DOTALL)
    assert page.count("plugin-icon") > 1
    assert len(set(icons)) == len(icons) > page.count("plugin-icon")


async def test_a_company_is_named_where_its_name_is_stored(api, sign_in):
    operator, customer = await sign_in(api, company_id=None), await sign_in(api)
    number = api.company_id
    assert f"<strong>{number}</strong>" in (await customer.get("/portal/keys")).text
    await api.operator.patch(f"/api/v1/companies/{number}", json={"name": "Acme <Health>"})

    page = await customer.get("/portal/keys")
    assert f'<strong title="Company {number}">Acme &lt;Health&gt;</strong>' in page.text
    assert "Keys that call the API for Acme <Health>." in customer.words(page)
    assert f"company {number}" not in customer.words(page)
    assert f"<strong>{number}</strong>" not in page.text
    chosen = await operator.post("/portal/company", {"company_id": str(number)})
    assert f"This is Acme <Health> (company {number})." in operator.words(await operator.follow(chosen))
    test = await operator.get(f"/portal/companies/{number}~test/keys")
    assert "the test environment of Acme" in test.text
    await api.operator.patch(f"/api/v1/companies/{number}", json={"name": "שלם"})
    assert "for \u2068שלם\u2069. Give" in (await customer.get("/portal/keys")).text


async def test_the_form_of_a_subscription_names_the_limit_of_an_attempt(lend_hub, sign_in):
    hub = await lend_hub("sqlite", {"delivery.timeout_seconds": "3.5"}, dispatch=False)
    browser = await sign_in(hub)
    assert "Answer 2xx within 3.5 seconds" in browser.words(await browser.get("/portal/subscriptions/new"))
    own = await subscribe(hub, "https://example.com/hooks", timeout_seconds=7)
    edited = await browser.get(f"/portal/subscriptions/{own}/edit")
    assert "Answer 2xx within 7 seconds" in browser.words(edited)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("[5, 30]", "retried 2 times, then marked"),
        ("[5]", "retried once, then"),
        ("[]", "not retried, but marked"),
    ],
)
async def test_the_form_of_a_subscription_tells_the_retries_of_the_hub(lend_hub, sign_in, schedule, said):
    hub = await lend_hub("sqlite", {"delivery.retry_schedule_seconds": schedule}, dispatch=False)
    browser = await sign_in(hub)
    words = browser.words(await browser.get("/portal/subscriptions/new"))
    assert f"posted to your address and signed. A failed delivery is {said}" in words


async def test_no_retry_after_is_told_of_where_none_came(running, browser, receiver):
    receiver.always(Answer(503), path="/plain")
    receiver.always(Answer(503, headers={"retry-after": "7200"}), path="/asks")
    said = []
    for path in ("/plain", "/asks"):
        made = await subscribe(running, receiver.url + path, retry={"schedule_seconds": [3600]})
        event = await emit(running)
        await shown_when(browser, f"/portal/subscriptions/{made}", "retrying last answer 503")
        logged = await running.hub.deliveries.of_event(running.company_id, event)
        delivery = next(one["id"] for one in logged if one["subscription_id"] == made)
        said.append("Retry-After" in browser.words(await browser.get(f"/portal/deliveries/{delivery}")))
    assert said == [False, True]


def test_the_sentences_of_an_attempt_promise_no_wait():
    for status in (429, 503):
        sentence = attempt_sentence({"outcome": "retry", "error": None, "status_code": status})
        assert sentence is not None
        assert "Retry-After" not in sentence


async def test_pages_of_plugins_name_their_plugin_to_operators_alone(api, sign_in):
    customer, operator = await sign_in(api), await sign_in(api, company_id=None)
    page = "/portal/x/oauth/apps"
    assert "plugin" not in customer.words(await customer.get(page))
    assert "The plugin oauth makes this page." in operator.words(await operator.get(page))
