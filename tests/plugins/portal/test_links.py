"""Links that let a customer's own user into one company: made by an operator, used once, limited, and ended with the key."""

import asyncio
import re

import httpx2
from tests.answers import json_of
from tests.statements import count, execute

LINKS = "/api/v1/portal/links"


async def make_link(running, *, expect: int = 201, client=None, **body):
    body = {"company_id": running.company_id, **body}
    return json_of(await (client or running.operator).post(LINKS, json=body), expect)


async def enter(browser, link, *, expect: int = 303):
    path = link["url"].removeprefix("http://hub.test")
    page = await browser.get(path)
    return await browser.post("/portal/enter", {"link": path.partition("link=")[2]}, expect=expect), page


async def sections_of(browser) -> set[str]:
    """Read the navigation."""
    return set(
        re.findall(r'<li><a href="/portal/companies/\d+/(\w+)"', (await browser.get("/portal/events")).text)
    )


async def test_a_link_signs_somebody_into_one_company(running, open_browser):
    link = await make_link(running, name="jane.doe@example.com")
    browser = open_browser(running)

    answer, page = await enter(browser, link)

    assert "data-submit-at-once" in page.text
    assert answer.headers["location"] == "/portal"
    page = await browser.follow(answer)
    assert f"<strong>{running.company_id}</strong>" in page.text
    assert "jane.doe@example.com" in page.text
    assert "Operator" not in page.text


async def test_a_link_works_once_and_looking_at_it_does_not_use_it_up(running, open_browser):
    link = await make_link(running)
    for _ in range(3):
        assert (await open_browser(running).http.get(link["url"])).status_code == 200
    await enter(open_browser(running), link)
    answer, _ = await enter(open_browser(running), link, expect=410)
    assert "A sign-in link works once" in open_browser(running).words(answer)


async def test_of_many_who_use_a_link_at_once_one_gets_in(running, open_browser):
    link = await make_link(running)
    browsers = [open_browser(running) for _ in range(8)]
    token = link["url"].partition("link=")[2]
    for browser in browsers:
        await browser.get("/portal/enter")

    async def use(browser) -> int:
        sent = {"csrf": browser.csrf, "link": token}
        return (await browser.http.post("/portal/enter", data=sent)).status_code

    assert sorted(await asyncio.gather(*map(use, browsers))) == [303, *[410] * 7]


async def test_a_link_expires(running, open_browser):
    link = await make_link(running, minutes=1)
    await execute(running.hub.engines, "UPDATE portal_links SET expires_ms = expires_ms - 60001")
    await enter(open_browser(running), link, expect=410)
    await execute(running.hub.engines, "UPDATE portal_links SET expires_ms = expires_ms + 60001")
    await enter(open_browser(running), link)


async def test_what_is_no_link_of_ours_opens_nothing_and_a_true_one_still_works(api, open_browser, sign_in):
    link = await make_link(api)
    token = link["url"].partition("link=")[2]
    altered = (token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB"), token[1:], token + "A")
    cookie = (await sign_in(api)).http.cookies["trunkline_portal"]
    for other in ("", "x", "AAAA", "=" * 40, "ü", cookie, *altered):
        browser = open_browser(api)
        await browser.get("/portal/enter")
        await browser.post("/portal/enter", {"link": other}, expect=410)
    await enter(open_browser(api), link)


async def test_a_link_passes_on_its_scopes_and_no_others(api, open_browser):
    browser = open_browser(api)
    await enter(browser, await make_link(api, scopes=["events:read"]))
    assert {"events"} == await sections_of(browser) & {"events", "keys", "subscriptions"}
    for path in ("health", "company", f"companies/{api.neighbour_id}/events"):
        await browser.get(f"/portal/{path}", expect=403)
    await browser.post("/portal/company", {"company_id": str(api.neighbour_id)}, expect=403)


async def test_unless_it_is_said_a_link_does_everything_but_administer(api, open_browser):
    browser = open_browser(api)
    await enter(browser, await make_link(api))
    assert {"subscriptions"} == await sections_of(browser) & {"keys", "subscriptions"}


async def test_a_links_session_ends_with_the_key_that_made_it(running, open_browser):
    record, key = await running.hub.keys.create(None, name="ops", scopes=["operator"])
    transport = httpx2.ASGITransport(app=running.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://hub.test", headers={"X-Api-Key": key}
    ) as client:
        link, unused = [await make_link(running, client=client) for _ in range(2)]
    browser = open_browser(running)
    await enter(browser, link)
    await browser.get("/portal")

    await running.hub.keys.revoke(record.id, company_id=None)

    await browser.get("/portal", expect=303)
    await enter(open_browser(running), unused, expect=410)


async def test_signing_out_everywhere_ends_the_sessions_of_the_same_person_only(
    running, open_browser, sign_in
):
    first, second, third = (open_browser(running) for _ in range(3))
    await enter(first, await make_link(running, name="jane"))
    await enter(second, await make_link(running, name="jane"))
    await enter(third, await make_link(running, name="joe"))
    await first.get("/portal/sign-out-everywhere")

    await first.post("/portal/sign-out-everywhere")

    await second.get("/portal", expect=303)
    await third.get("/portal")


async def test_a_link_asks_before_it_replaces_somebody_elses_session_and_ends_it(running, browser):
    before = dict(browser.http.cookies)
    link = await make_link(running, name="joe", company_id=running.neighbour_id)
    answer, page = await enter(browser, link, expect=200)
    for asked in (page, answer):
        words = browser.words(asked)
        assert f"You are signed in as Jane's key for company {running.company_id}" in words
        assert f"signs you in as joe for company {running.neighbour_id}, and ends that session" in words
        assert "data-submit-at-once" not in asked.text
    await browser.get("/portal/events")  # nothing has changed, and the link is not used up

    token = link["url"].partition("link=")[2]
    await browser.get(link["url"].removeprefix("http://hub.test"))
    browser.company_id = None
    await browser.post("/portal/enter", {"link": token, "replaces": "yes"})
    assert "joe" in (await browser.get("/portal")).text
    browser.http.cookies.clear()
    browser.http.cookies.update(before)
    await browser.get("/portal", expect=303)


async def test_a_link_of_the_same_person_asks_nothing_and_leaves_one_session(running, open_browser):
    browser = open_browser(running)
    for _ in range(3):
        _, page = await enter(browser, await make_link(running, name="jane"))
        assert "data-submit-at-once" in page.text
    sessions = f"portal_sessions WHERE company_id = {running.company_id}"
    assert await count(running.hub.engines, sessions) == 1


async def test_only_operators_make_links(running):
    assert (await running.client.post(LINKS, json={"company_id": running.company_id})).status_code == 403
    assert (await running.anonymous.post(LINKS, json={"company_id": running.company_id})).status_code == 401


async def test_what_is_wrong_with_a_link_is_named(api):
    for body, field in (
        ({"company_id": 0}, "/company_id"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["operator"]}, "/scopes/0"),
        ({"scopes": ["events:read", "everything"]}, "/scopes/1"),
        ({"minutes": 0}, "/minutes"),
        ({"minutes": 1441}, "/minutes"),
        ({"name": ""}, "/name"),
        ({"user": "jane"}, "/user"),
    ):
        refused = await make_link(api, expect=422, **body)
        assert [error["path"] for error in refused["errors"]] == [field]


async def test_the_links_address_is_the_public_one(sqlite_database_url, make_hub):
    settings = {"plugins.enabled": "portal", "server.public_url": "https://events.example.com/"}
    hub = await make_hub(sqlite_database_url, settings, dispatch=False)
    link = await make_link(hub)
    assert link["url"].startswith("https://events.example.com/portal/enter?link=")
    assert link["expires_utc"].endswith("Z")


async def test_the_call_is_documented(api):
    document = (await api.anonymous.get("/openapi.json")).json()
    operation = document["paths"][LINKS]["post"]
    assert operation["summary"] == "Make a sign-in link"
    fields = document["components"]["schemas"]["LinkRequest"]["properties"]
    assert set(fields) == {"company_id", "name", "scopes", "minutes"}
