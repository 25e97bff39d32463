"""The checks of every page, for pages that only a form leads to: secrets, refusals, counts, dialogs and menus."""

import re

import pytest
from playwright.sync_api import expect
from tests.plugins.portal.browser.axe import LOOKS, violations

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_in_them(served_hub, target, somebody, axe_source, look):
    target.answer(500, body="<b>out of order</b>", path="/answers")
    person = somebody(served_hub, key=served_hub.key, **LOOKS[look])
    person.watch.expect("422")
    page = person.page

    def check(heading: str | re.Pattern[str]) -> None:
        expect(page.get_by_role("heading", level=1).last).to_have_text(heading)
        assert violations(page, axe_source) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]

    open_menus(person, check)
    make_and_pause_a_subscription(person, target.url, check)
    make_a_key(person, check)

    person.go("/portal/catalogue/lead.created")
    look_at_the_example(page)
    page.get_by_role("textbox", name="Payload").fill('{"client_id": "none"}')
    person.click("Send the event")
    check("New Lead Created")

    person.go("/portal/events")
    if page.viewport_size["width"] < 700:
        page.locator("summary", has_text="Filters").click()
    for menu in page.locator("main details.dropdown summary").all():
        menu.click()
        check("Events")
        menu.click()  # while it is open it may lie over the next one


def look_at_the_example(page) -> None:
    """See the whole example of an event type: on a wide screen beside the fields, on a phone below them."""
    fields, example = (page.locator(f"section[aria-labelledby={name}]") for name in ("fields", "example"))
    side = "x" if page.viewport_size["width"] > 1200 else "y"
    assert fields.bounding_box()[side] < example.bounding_box()[side]
    if side == "x":
        assert example.bounding_box()["y"] < page.viewport_size["height"] / 2
        assert example.locator("pre").evaluate("pre => pre.scrollHeight <= pre.clientHeight"), "it is cut"


def open_menus(person, check) -> None:
    page = person.page
    page.locator(".account-button").click()
    check("Overview")
    if page.viewport_size["width"] < 700:
        page.keyboard.press("Escape")
        person.click("Menu")
        check("Overview")


def make_and_pause_a_subscription(person, target_url: str, check) -> None:
    page, main = person.page, person.page.locator("main")
    person.go("/portal/subscriptions/new")
    page.get_by_label("Address").fill("ftp://example.com")
    person.click("Create the subscription")
    check("New subscription")
    page.get_by_label("Address").fill(f"{target_url}/answers")
    page.get_by_label("lead.created", exact=True).check()
    person.click("Create the subscription")
    check("Keep this secret")
    person.click("I have copied it")
    person.click("Send a test")
    check("Test delivery")
    person.click("Back")
    person.click("Pause")
    expect(page.get_by_role("dialog")).to_be_visible()
    check(re.compile("Pause"))
    person.confirm("Pause")
    person.click("Replays", within=main)
    person.click("New replay", within=main.locator(".replay-head"))
    person.click("Count", within=main.locator(".actions"))
    person.sees("would be replayed")
    check("New replay")


def make_a_key(person, check) -> None:
    page = person.page
    person.go("/portal/keys/new")
    page.get_by_label("Name").fill("Accounting")
    person.click("Make the key")
    check("New API key")
    page.get_by_label("events:read", exact=True).check()
    person.click("Make the key")
    check(re.compile("was created"))


def test_axe_finds_nothing_serious_where_there_is_nothing_yet(served_hub, somebody, axe_source):
    person = somebody(
        served_hub, key=served_hub.make_key("events:read", "webhooks:write", "admin", company_id=3)
    )

    for path in ("", "/events", "/subscriptions", "/keys", "/connectors"):
        person.go(f"/portal{path}")
        assert violations(person.page, axe_source) == [], path
