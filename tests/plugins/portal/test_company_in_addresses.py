"""A page acts only for the company that it shows, even if another tab has chosen another company."""

import re

import pytest
from tests.plugins.portal.worlds import emit, subscribe

from trunkline.access.keys import COMPANY_SCOPES
from trunkline_portal import addresses, navigation

NEW_KEY = {"name": "made in tab A", "scopes": ["events:read"]}


async def switch(browser, company_id: int) -> None:
    """Choose another company in another tab."""
    await browser.post("/portal/company", {"company_id": str(company_id)})


async def names_of(hub, company_id: int) -> list[str]:
    return [key["name"] for key in await hub.hub.key_service.list(company_id)]


async def test_a_form_acts_for_the_company_of_its_page_though_another_was_chosen_since(running, operator):
    page = await operator.get("/portal/keys/new")
    action = re.search(r'<form method="post" action="([^"]+/keys)"', page.text)[1]
    assert action == f"/portal/companies/{running.company_id}/keys"

    await switch(operator, running.neighbour_id)
    made = await operator.post(action, NEW_KEY)

    assert made.headers["location"].startswith(f"/portal/companies/{running.company_id}/keys/")
    assert "made in tab A" in await names_of(running, running.company_id)
    assert "made in tab A" not in await names_of(running, running.neighbour_id)
    shown = await operator.follow(made)
    assert f"<strong>{running.company_id}</strong>" in shown.text


async def test_a_live_list_goes_on_with_the_company_that_it_shows(running, operator):
    mine = await emit(running, first_name="Mine")
    theirs = await emit(running, client=await running.client_of(running.neighbour_id), first_name="Theirs")
    page = await operator.get("/portal/events")
    live = re.search(r'data-live="([^"]+)"', page.text)[1]

    await switch(operator, running.neighbour_id)

    rows = (await operator.http.get(live, headers={"X-Fragment": "1"})).text
    assert f'data-event="{mine}"' in rows
    assert f'data-event="{theirs}"' not in rows
    assert f"/portal/companies/{running.company_id}/events/{mine}" in rows


async def test_every_address_of_a_page_names_the_company_that_it_shows(running, operator):
    """Check links, forms and live parts, except those of the session itself."""
    await subscribe(running, "https://example.com/hooks")
    await emit(running)
    own = re.compile(r"/portal/(static/|company\?|company$|company/new$|companies$|sign-out|theme)")
    for item in navigation.ITEMS:
        page = await operator.get(f"{operator.root}{item.path}")
        found = re.findall(r'(?:href|src|action|formaction|data-live)="(/portal[^"]*)"', page.text)
        left = {address for address in found if not own.match(address)}
        left.remove(f"/portal/companies/{running.company_id}~test{item.path}")  # the other environment
        assert left
        assert all(addresses.company_in(address) == running.company_id for address in left), left


async def test_a_message_is_shown_in_the_tab_of_its_company(api, operator):
    await operator.get("/portal/company")
    await switch(operator, api.neighbour_id)

    other = await operator.get(f"/portal/companies/{api.company_id}")
    assert "This is company" not in operator.words(other)
    own = await operator.get(f"/portal/companies/{api.neighbour_id}")
    assert f"This is company {api.neighbour_id}." in operator.words(own)


async def test_looking_at_another_company_chooses_nothing(api, operator):
    await operator.get(f"/portal/companies/{api.neighbour_id}/events")
    assert f"<strong>{api.company_id}</strong>" in (await operator.get("/portal")).text


async def test_switching_stays_on_the_page_for_the_other_company(api, operator):
    page = await operator.get("/portal/events", q="jane")
    link = re.search(r'class="switcher" href="([^"]+)"', page.text)[1]
    here = re.findall(r'name="next" value="([^"]+)"', (await operator.get(link)).text)[-1]

    answer = await operator.post("/portal/company", {"company_id": str(api.neighbour_id), "next": here})

    assert answer.headers["location"] == f"/portal/companies/{api.neighbour_id}/events?q=jane"


async def test_a_form_of_another_company_than_its_address_says_is_refused(running, operator):
    await operator.get("/portal/keys/new")
    path = f"/portal/companies/{running.neighbour_id}/keys"

    sent = {**NEW_KEY, "company": str(running.company_id), "csrf": operator.csrf}
    answer = await operator.http.post(path, data=sent)

    assert answer.status_code == 403
    words = operator.words(answer)
    assert f"This form is of company {running.company_id}" in words
    assert f"sent to an address of company {running.neighbour_id}, so nothing was changed" in words
    assert "made in tab A" not in await names_of(running, running.company_id)
    assert "made in tab A" not in await names_of(running, running.neighbour_id)


@pytest.mark.parametrize("company", ["", "0", "abc", "<b>", "9" * 30])
async def test_a_form_that_does_not_say_for_which_company_it_is_does_nothing(api, browser, company):
    await browser.get("/portal/keys/new")
    answer = await browser.post("/portal/keys", {**NEW_KEY, "company": company}, expect=403)
    assert "This form is no longer valid" in browser.words(answer)
    assert "made in tab A" not in await names_of(api, api.company_id)


async def test_a_form_that_outlived_its_session_says_whose_it_was(running, sign_in, browser, open_browser):
    """Sign in with a key of one company, and in another tab with a key of another company."""
    await browser.get("/portal/keys/new")
    _, key = await running.hub.keys.create(running.neighbour_id, name="other", scopes=COMPANY_SCOPES)
    other = open_browser(running)
    await other.sign_in(key)
    browser.http.cookies.set("trunkline_portal", other.http.cookies["trunkline_portal"], domain="hub.test")

    path = f"/portal/companies/{running.company_id}/keys"
    sent = {**NEW_KEY, "company": str(running.company_id), "csrf": browser.csrf}
    answer = await other.http.post(path, data=sent)

    assert answer.status_code == 403
    words = browser.words(answer)
    assert f"This form is of company {running.company_id}" in words
    assert f"You are signed in for company {running.neighbour_id}, so nothing was changed" in words
    live = f"/portal/companies/{running.company_id}/events/list"
    assert (await other.http.get(live, headers={"X-Fragment": "1"})).status_code == 403


@pytest.mark.parametrize("part", ["", "/events", "/keys", "/catalogue", "/no/such"])
async def test_a_company_sees_no_other_companys_pages(api, browser, part):
    for company_id in (api.neighbour_id, 777_777):
        answer = await browser.http.get(f"/portal/companies/{company_id}{part}")
        assert answer.status_code == (404 if part == "/no/such" else 403)
        assert f"<strong>{api.company_id}</strong>" in answer.text


@pytest.mark.parametrize("number", ["0", "-1", "abc", "1.5", "9" * 19, "9" * 30, "٩٢", "%20"])
async def test_what_is_no_companys_number_has_no_pages(operator, number):
    for part in ("", "/events", "/catalogue", "/health"):
        assert (await operator.http.get(f"/portal/companies/{number}{part}")).status_code == 404


async def test_an_address_without_a_company_leads_to_the_one_looked_at(api, browser, operator):
    for part in (
        "",
        "?span=7d",
        "/events?type=lead.created&q=a%20b",
        "/subscriptions/new",
        "/catalogue/actions",
    ):
        for somebody in (browser, operator):
            answer = await somebody.http.get(f"/portal{part}")
            there = f"/portal/companies/{api.company_id}{part}"
            assert (answer.status_code, answer.headers["location"]) == (303, there)


async def test_an_operator_who_looks_at_no_company_chooses_one_first(api, undecided):
    answer = await undecided.get("/portal/events?q=a", expect=303)
    assert answer.headers["location"] == "/portal/company?next=/portal/events%3Fq%3Da"
    await undecided.get(answer.headers["location"])
    fields = {"company_id": str(api.company_id), "next": "/portal/events?q=a"}
    answer = await undecided.post("/portal/company", fields)
    assert answer.headers["location"] == f"/portal/companies/{api.company_id}/events?q=a"


async def test_an_operator_who_looks_at_no_company_sees_what_is_no_companys(undecided):
    for path in ("catalogue", "connectors", "health"):
        page = await undecided.http.get(f"/portal/{path}")
        assert page.status_code == 200
        assert "Choose a company" in page.text
        assert 'name="company"' not in page.text


async def test_a_link_that_a_plugin_has_written_stays_with_the_company_of_its_page(api, operator):
    for page, company_id in (
        (f"http://hub.test/portal/companies/{api.neighbour_id}/x/fax/seen", api.neighbour_id),
        (f"http://elsewhere.test/portal/companies/{api.neighbour_id}", api.company_id),
        ("http://hub.test/portal/company", api.company_id),
        ("http://[", api.company_id),
    ):
        answer = await operator.http.get("/portal/events/7", headers={"Referer": page})
        assert answer.headers["location"] == f"/portal/companies/{company_id}/events/7"


async def test_a_live_part_from_before_addresses_named_a_company_loads_its_page_again(browser):
    assert (await browser.http.get("/portal/events/list", headers={"X-Fragment": "1"})).status_code == 401


async def test_strangers_come_back_to_the_address_they_wanted(api):
    answer = await api.anonymous.get("/portal/companies/92/events?q=a")
    assert answer.headers["location"] == "/portal/sign-in?next=/portal/companies/92/events%3Fq%3Da"
    answer = await api.anonymous.get("/portal/events?q=a")
    assert answer.headers["location"] == "/portal/sign-in?next=/portal/events%3Fq%3Da"
    assert (await api.anonymous.get("/portal/no/such")).status_code == 404
    assert (await api.anonymous.post("/portal/keys")).status_code == 303


@pytest.mark.parametrize(
    ("path", "company_id", "moved"),
    [
        ("/portal/companies/92", 92, "/portal/companies/17"),
        ("/portal/companies/92/events/7?a=1", 92, "/portal/companies/17/events/7?a=1"),
        ("/portal/companies/92?span=7d", 92, "/portal/companies/17?span=7d"),
        ("/portal", None, "/portal/companies/17"),
        ("/portal?span=7d", None, "/portal/companies/17?span=7d"),
        ("/portal/events", None, "/portal/companies/17/events"),
        ("/portal/company/92", None, "/portal/companies/17/company/92"),
    ],
)
def test_an_address_names_one_company_and_moves_to_another(path, company_id, moved):
    assert addresses.company_in(path) == company_id
    assert addresses.moved_to(path, 17) == moved


def test_every_section_of_the_navigation_has_its_address_without_a_company():
    assert {item.path.removeprefix("/") for item in navigation.ITEMS if item.path} <= addresses.SECTIONS
