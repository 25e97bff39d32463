"""The two environments of a company in the portal: a switch on every page, and a clear mark of the test environment."""

import re

import pytest

from trunkline_portal import addresses, navigation

BANNER = "Test environment Its keys, events and subscriptions are its own"


def places(page) -> dict[str, str]:
    """Give the targets of the switch by their names; empty for the environment that is shown."""
    (switch,) = re.findall(r'<nav class="environments".*?</nav>', page.text, re.DOTALL)
    current, *_ = re.findall(r'<span aria-current="true">(\w+)</span>', switch)
    return {current: ""} | {name: place for place, name in re.findall(r'<a href="([^"]*)">(\w+)</a>', switch)}


async def test_every_page_shows_which_environment_it_is_of_and_leads_to_the_other(api, operator):
    for item in navigation.ITEMS:
        live = await operator.get(f"/portal/companies/{api.company_id}{item.path}")
        there = f"/portal/companies/{api.company_id}~test{item.path}"
        assert places(live) == {"Live": "", "Test": there}
        assert BANNER not in operator.words(live)
        test = await operator.get(there)
        assert places(test) == {"Test": "", "Live": f"/portal/companies/{api.company_id}{item.path}"}
        assert BANNER in operator.words(test)
        assert re.search(r"<title>[^<]* · Test · ", test.text)


async def test_whoever_is_signed_in_for_live_makes_a_key_and_a_subscription_for_test(api, browser):
    await browser.get(f"/portal/companies/{api.company_id}~test/keys/new")
    made = await browser.post(f"{browser.root}/keys", {"name": "Sandbox", "scopes": ["events:read"]})
    page = await browser.follow(made)
    (key,) = set(re.findall(rf"[a-z]+_test_{api.company_id}_[A-Za-z0-9_-]{{43}}", page.text))
    me = (await api.anonymous.get("/api/v1/me", headers={"X-Api-Key": key})).json()
    assert (me["company_id"], me["environment"]) == (api.company_id, "test")
    keys = await browser.get(f"{browser.root}/keys")
    assert f"for the test environment of company {api.company_id}" in browser.words(keys)
    assert "Sandbox" not in browser.words(await browser.get(f"/portal/companies/{api.company_id}/keys"))


async def test_whoever_is_signed_in_for_test_sees_nothing_of_live(api, sign_in):
    browser = await sign_in(api, company_id=-api.company_id)
    page = await browser.get("/portal/events")
    assert BANNER in browser.words(page)
    assert "environments" not in page.text
    refused = await browser.get(f"/portal/companies/{api.company_id}/events", expect=403)
    words = browser.words(refused)
    assert f"You are signed in for the test environment of company {api.company_id}" in words
    await browser.get(f"/portal/companies/{api.neighbour_id}~test/events", expect=403)


async def test_a_form_of_one_environment_does_nothing_in_the_other(api, operator):
    await operator.get(f"/portal/companies/{api.company_id}~test/keys/new")
    fields = {"name": "Torn", "scopes": ["events:read"]}
    await operator.post(f"/portal/companies/{api.company_id}/keys", fields, expect=403)
    for company_id in (api.company_id, -api.company_id):
        assert "Torn" not in {key["name"] for key in await api.hub.key_service.list(company_id)}


async def test_a_reference_leads_to_the_environment_that_the_address_says(api, operator):
    made = (await api.operator.post("/api/v1/companies", json={"reference": "acme-portal"})).json()
    answer = await operator.http.get("/portal/companies/acme-portal~test/keys")
    assert answer.headers["location"] == f"/portal/companies/{made['id']}~test/keys"


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/portal/companies/92/events/17", "/portal/companies/92~test/events"),
        ("/portal/companies/92/deliveries/dlv_1_1", "/portal/companies/92~test/subscriptions"),
        ("/portal/companies/92/events?types=a", "/portal/companies/92~test/events?types=a"),
        ("/portal/companies/92/x/oauth/allow?a=1", "/portal/companies/92~test/x/oauth/allow?a=1"),
        ("/portal/companies/92", "/portal/companies/92~test"),
        ("/portal/companies/92?span=7d", "/portal/companies/92~test?span=7d"),
        ("/portal", "/portal/companies/92~test"),
    ],
)
def test_the_switch_stays_in_the_section(path, section):
    assert addresses.section_of(path, -92) == section


async def test_the_test_environment_is_emptied_alone(api, operator):
    company = (await api.operator.post("/api/v1/companies", json={"name": "Globex"})).json()["id"]
    for company_id in (company, -company):
        await api.hub.keys.create(company_id, name="n", scopes=["events:read"])
    record = f"/portal/companies/{company}~test/record"
    assert "The live environment stays as it is." in operator.words(await operator.get(f"{record}/delete"))
    page = await operator.follow(await operator.post(f"{record}/delete", {}))
    assert f"The test environment of company {company} was deleted" in operator.words(page)
    (kept,) = await api.hub.key_service.list(company)
    (revoked,) = await api.hub.key_service.list(-company)
    assert (kept["revoked_utc"], revoked["revoked_utc"] is None) == (None, False)
