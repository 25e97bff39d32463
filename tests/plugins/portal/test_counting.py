"""Rate limits in the portal: forms count with the same calls of the API, pages count separately."""

import pytest
from tests.plugins.portal.worlds import FORMS

from trunkline.access.keys import COMPANY_SCOPES

SETTINGS = {
    "limits.enabled": "true",
    "limits.write": "3/minute",
    "limits.admin": "3/minute",
    "portal.pages_per_minute": "12",
}
LINKS = "/api/v1/portal/links"


@pytest.fixture
async def api(lend_hub):
    """Start a hub with limits; calls are counted by key and company, so each test has separate counts."""
    return await lend_hub("sqlite", SETTINGS, dispatch=False)


@pytest.fixture(autouse=True)
def _one_minute(api, monkeypatch):
    """Stop the clock of the limits, so that no test crosses a minute."""
    monkeypatch.setattr(api.hub.limits, "_now", lambda: 1_700_000_000.0)


async def enter(api, browser, **body) -> None:
    answer = await api.operator.post(LINKS, json={"company_id": api.company_id, **body})
    link = answer.json()["url"].partition("link=")[2]
    await browser.get(f"/portal/enter?link={link}")
    await browser.post("/portal/enter", {"link": link})


async def test_a_form_counts_with_the_calls_of_the_same_key(api, open_browser):
    _, key = await api.hub.keys.create(api.company_id, name="Jane's", scopes=COMPANY_SCOPES)
    browser = open_browser(api)
    await browser.sign_in(key)
    await browser.get("/portal/keys/new")
    await browser.post("/portal/keys", {"name": "one", "scopes": ["events:read"]})
    call = {
        "headers": {"X-Api-Key": key},
        "json": {"target_url": "https://example.com", "event_types": ["*"]},
    }
    for _ in range(2):
        assert (await api.anonymous.post("/api/v1/webhooks/subscriptions", **call)).status_code == 201

    refused = await browser.post("/portal/keys", {"name": "two", "scopes": ["events:read"]}, expect=429)

    assert refused.headers["retry-after"] == "40"
    words = browser.words(refused)
    assert "At most 3 changes of this kind a minute are made, here and over the API together" in words
    assert "nothing was changed. Try again in 40 seconds." in words
    assert "two" not in [view["name"] for view in await api.hub.key_service.list(api.company_id)]
    assert (await api.anonymous.post("/api/v1/webhooks/subscriptions", **call)).status_code == 429


@pytest.mark.parametrize(("path", "fields"), [form[:2] for form in FORMS])
async def test_every_form_that_does_something_is_limited(browser, path, fields):
    for _ in range(3):
        answer = await browser.http.post(browser.at(path), data={**fields, "csrf": browser.csrf})
        assert answer.status_code != 429
    await browser.post(path, fields, expect=429)


def test_no_form_of_a_company_is_left_out_above(api):
    posts = [
        route
        for route in api.app.router.routes
        if "POST" in (getattr(route, "methods", None) or ())
        and route.path.startswith("/portal/companies/{company_id}")
    ]
    addresses = [path.replace("/portal", "/portal/companies/92", 1) for path, *_ in FORMS]
    left_out = {
        route.path for route in posts if not any(route.path_regex.fullmatch(each) for each in addresses)
    }
    assert len(posts) >= len(FORMS)
    own = "/portal/companies/{company_id}/record"
    assert left_out == {
        own,
        f"{own}/delete",
        "/portal/companies/{company_id}/links",
    }  # an operator's link, which has no limit


async def test_counting_what_would_be_sent_again_is_limited_as_over_the_api(browser):
    for _ in range(3):
        await browser.get("/portal/events/1/send", subscription="sub_1", expect=404)
    await browser.get("/portal/events/1/send", subscription="sub_1", expect=429)


async def test_pages_are_limited_by_themselves(api, browser):
    address = browser.at("/portal/events")
    shown = [(await browser.http.get(address)).status_code for _ in range(14)]
    assert shown == sorted(shown)
    assert {*shown} == {200, 429}

    refused = await browser.get(address, expect=429)
    assert refused.headers["retry-after"] == "40"
    assert "At most 12 pages a minute are shown. Try again in 40 seconds." in browser.words(refused)
    assert (await browser.http.get(f"{address}/list", headers={"X-Fragment": "1"})).status_code == 429
    await browser.post("/portal/keys", {"name": "x", "scopes": ["events:read"]})
    assert (await api.client.get("/api/v1/me")).status_code == 200


async def test_styles_and_scripts_are_no_pages(browser):
    asset = (await browser.get("/portal/events")).text.partition('<link rel="stylesheet" href="')[2]
    for _ in range(20):
        assert (await browser.http.get(asset.partition('"')[0])).status_code == 200
    await browser.get("/portal/events")


async def test_each_key_has_its_own_minute(api, sign_in):
    one, other = await sign_in(api), await sign_in(api)
    for _ in range(14):
        await one.http.get(one.at("/portal/events"))
    await one.get("/portal/events", expect=429)
    await other.get("/portal/events")


async def test_all_who_came_in_by_links_count_for_their_company(api, open_browser):
    one, other, neighbour = open_browser(api), open_browser(api), open_browser(api)
    await enter(api, one, name="jane")
    await enter(api, other, name="joe")
    await enter(api, neighbour, name="jim", company_id=api.neighbour_id)
    for _ in range(12):
        await one.http.get(f"/portal/companies/{api.company_id}/events")
    await other.get(f"/portal/companies/{api.company_id}/events", expect=429)
    await neighbour.get(f"/portal/companies/{api.neighbour_id}/events")


async def test_operators_are_not_limited(operator):
    for _ in range(20):
        await operator.get(operator.at("/portal/events"))
    for number in range(5):
        await operator.post("/portal/keys", {"name": f"key {number}", "scopes": ["events:read"]})


async def test_where_limits_are_off_none_hold_here(sqlite_database_url, make_hub, sign_in):
    settings = {"plugins.enabled": "portal", "limits.enabled": "false", "portal.pages_per_minute": "1"}
    browser = await sign_in(await make_hub(sqlite_database_url, settings, dispatch=False))
    for _ in range(5):
        await browser.get("/portal/events")
