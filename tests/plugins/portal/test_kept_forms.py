"""A form whose session has ended is kept until its person has signed in again; other tabs' sign-in forms stay valid."""

import re
from html import unescape

import pytest
from tests.statements import execute

from trunkline.access.keys import COMPANY_SCOPES
from trunkline_portal.kept_forms import MAX_BYTES

NEW = "/portal/subscriptions/new"
FIELDS = {"target_url": "https://example.com/kept", "types": "all", "description": "<b>Ten minutes' work</b>"}
KEPT = re.compile(r'name="kept" value="([^"]+)"')


async def signed_in(running, open_browser):
    _, key = await running.hub.keys.create(running.company_id, name="Jane's key", scopes=COMPANY_SCOPES)
    browser = open_browser(running)
    await browser.follow(await browser.sign_in(key))
    browser.key = key
    return browser


async def send_too_late(running, open_browser, **fields):
    """Fill in the form for a subscription, and send it after the session has ended."""
    browser = await signed_in(running, open_browser)
    await browser.get(NEW)
    await execute(running.hub.engines, "DELETE FROM portal_sessions")
    return browser, await browser.post(NEW, {**FIELDS, **fields}, expect=401)


async def targets(running) -> list[str]:
    views = await running.hub.subscriptions.list(running.company_id, channel=None)
    return [view["target_url"] for view in views]


async def sign_in_with(browser, page, **changed):
    browser.csrf = unescape(re.search(r'name="csrf" value="([^"]*)"', page.text)[1])
    kept = unescape(KEPT.search(page.text)[1])
    return await browser.post("/portal/sign-in", {"key": browser.key, "kept": kept, **changed}, expect=None)


async def test_a_form_that_came_too_late_is_sent_after_signing_in_again(api, open_browser):
    browser, page = await send_too_late(api, open_browser)
    assert "Your form is kept" in browser.words(page)
    assert await targets(api) == []

    offered = await sign_in_with(browser, page)
    assert offered.status_code == 200
    assert "nothing was changed" in browser.words(offered)
    sent = {unescape(n): unescape(v) for n, v in re.findall(r'name="(\w+)" value="([^"]*)"', offered.text)}
    assert {**sent, **FIELDS} == sent
    made = await browser.post(NEW, sent)
    assert made.headers["location"].endswith("/secret")
    assert await targets(api) == [FIELDS["target_url"]]


async def test_a_form_is_kept_over_a_mistyped_key_and_another_way_of_signing_in(api, open_browser):
    browser, page = await send_too_late(api, open_browser)
    again = await sign_in_with(browser, page, key="wrong")
    assert again.status_code == 422
    assert KEPT.search(again.text)

    kept = unescape(KEPT.search(again.text)[1])
    waiting = await browser.post("/portal/sign-in/resume", {"kept": kept}, expect=401)
    assert KEPT.search(waiting.text)
    csrf = browser.csrf
    await browser.sign_in(browser.key)  # in another tab
    browser.csrf = csrf
    offered = await browser.post("/portal/sign-in/resume", {"kept": kept}, expect=200)
    assert FIELDS["target_url"] in offered.text

    stranger = open_browser(api)
    await stranger.get("/portal/sign-in")
    gone = await stranger.post("/portal/sign-in", {"key": browser.key, "kept": kept})
    assert gone.headers["location"] == "/portal"


async def test_a_form_for_another_company_is_not_sent_and_that_is_said(api, open_browser):
    browser, page = await send_too_late(api, open_browser)
    _, key = await api.hub.keys.create(api.neighbour_id, name="Joe's key", scopes=COMPANY_SCOPES)
    answer = await sign_in_with(browser, page, key=key)
    words = browser.words(await browser.follow(answer))
    assert f"The form was for company {api.company_id}, so it was not sent" in words
    assert f"you are signed in for company {api.neighbour_id}." in words


@pytest.mark.parametrize(
    ("fields", "headers"),
    [({}, {"sec-fetch-site": "cross-site"}), ({"description": "x" * MAX_BYTES}, {}), ({"csrf": None}, {})],
    ids=["another site's", "too long", "no form of ours"],
)
async def test_no_other_form_is_kept(api, open_browser, fields, headers):
    browser = open_browser(api)
    sent = {name: value for name, value in {"csrf": "x", **FIELDS, **fields}.items() if value is not None}
    path = f"/portal/companies/{api.company_id}/subscriptions/new"
    answer = await browser.http.post(path, data=sent, headers=headers)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/portal/sign-in"
    assert (await browser.http.post("/portal/sign-out", data={"csrf": "x"})).status_code == 303


async def test_the_sign_in_form_of_a_second_tab_works_and_leaves_the_first_tabs_forms_valid(
    api, open_browser
):
    first = await signed_in(api, open_browser)
    first.http.cookies.delete("trunkline_portal")
    await first.get("/portal/sign-in")
    of_second_tab = first.csrf
    await first.post("/portal/sign-in", {"key": first.key, "next": "/portal"})
    first.csrf = of_second_tab
    answer = await first.post("/portal/sign-in", {"key": first.key, "next": "/portal/keys"})
    assert answer.headers["location"] == "/portal/keys"

    await first.get(NEW)
    of_first_tab = first.csrf
    first.csrf = of_second_tab
    await first.post("/portal/sign-in", {"key": first.key, "next": "/portal"})
    first.csrf = of_first_tab
    await first.post(NEW, FIELDS)
    assert await targets(api) == [FIELDS["target_url"]]
