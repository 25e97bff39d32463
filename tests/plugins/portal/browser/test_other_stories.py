"""Events searched for, times in the reader's zone, and a session by keyboard alone."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from tests.plugins.portal.browser.test_jobs import FOCUSED, Hands

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_events_are_searched_by_text_and_type(served_hub, somebody):
    for number, kind in enumerate(["affiliate.created", "document.uploaded"]):
        example = served_hub.call("GET", f"/api/v1/event-types/{kind}")["example"]
        body = {"type": kind, "payload": example, "metadata": {"trace": f"needle-{number}"}}
        served_hub.call("POST", "/api/v1/events", json=body)
    person = somebody(served_hub, key=served_hub.key)
    rows = person.page.locator("main tbody tr")

    person.go("/portal/events")
    person.page.locator("main summary", has_text="All types").click()
    person.page.get_by_label("document.uploaded", exact=True).check()
    person.click("Filter")
    expect(rows).to_have_count(1)

    person.go("/portal/events")
    person.page.get_by_label("Text in the event").fill(
        served_hub.call("GET", "/api/v1/event-types/affiliate.created")["example"]["email"]
    )
    person.click("Filter")
    expect(rows).to_have_count(1)
    person.sees("affiliate.created")

    person.page.set_viewport_size({"width": 390, "height": 844})
    expect(person.page.get_by_label("Text in the event")).to_be_visible()
    person.click("Clear")
    expect(person.page.get_by_label("Text in the event")).not_to_be_visible()
    assert rows.first.bounding_box()["y"] < 400
    person.page.locator("main summary", has_text="Filters").click()
    expect(person.page.get_by_label("Text in the event")).to_be_visible()


def test_lists_show_the_readers_clock_time_and_facts_show_the_age(served_hub, somebody):
    kind = served_hub.call("GET", "/api/v1/event-types/lead.created")
    event = {"type": kind["type"], "payload": kind["example"]}
    stored = served_hub.call("POST", "/api/v1/events", json=event)
    person = somebody(served_hub, key=served_hub.key, timezone_id="Asia/Kolkata")
    person.go("/portal/events")
    time = person.page.locator(f"[data-event='{stored['id']}'] time")
    at = datetime.fromisoformat(time.get_attribute("datetime"))
    local = at.astimezone(ZoneInfo("Asia/Kolkata"))
    expect(time).to_have_text(re.compile(f"^{local.day} {local:%b}t?, {local:%H:%M:%S}$"))
    expect(time).to_have_attribute("title", f"{at.day} {at:%b %Y, %H:%M:%S} UTC")
    person.go(f"/portal/events/{stored['id']}")
    expect(person.page.locator(".facts time").first).to_have_text(re.compile("second.* ago|now"))


def test_control_k_and_an_id_lead_to_its_page_without_a_mouse(served_hub, somebody):
    event = send_lead(served_hub)
    person = somebody(served_hub, key=served_hub.key)
    person.page.keyboard.press("Control+k")
    expect(person.page.get_by_label("Search for an id or a value")).to_be_focused()
    person.page.keyboard.type(f"#{event}")
    person.page.keyboard.press("Enter")
    person.page.wait_for_url(re.compile(rf"/events/{event}$"))
    expect(person.page.get_by_role("heading", level=1)).to_have_text("lead.created")

    person.page.set_viewport_size({"width": 390, "height": 844})
    person.page.keyboard.press("Control+k")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Search")


def test_the_search_is_a_plain_form_without_javascript(served_hub, somebody):
    event = send_lead(served_hub)
    person = somebody(served_hub, key=served_hub.key, java_script_enabled=False)
    field = person.page.get_by_label("Search for an id or a value")
    field.fill("client_id:12360")
    field.press("Enter")
    expect(person.page.locator("mark").first).to_have_text(re.compile("12360"))
    expect(person.page.locator(f'main a[href$="/events/{event}"]')).to_be_visible()


def test_all_of_it_with_the_keyboard_alone(served_hub, target, somebody):
    """Sign in, follow the sidebar, make and pause a subscription, change the theme, and sign out, without a pointer."""
    person = somebody(served_hub)
    page, keys = person.page, Hands(person.page, person.page.main_frame)
    person.go("/portal/sign-in")
    expect(page.locator("input:focus")).to_be_visible()
    page.keyboard.type(served_hub.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    person.go("/portal")
    keys.follow("Subscriptions", "New subscription")
    keys.reach("Address")
    page.keyboard.type(f"{target.url}/keyboard")
    keys.reach("lead.created")
    page.keyboard.press("Space")
    keys.follow("Create the subscription")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep this secret")
    keys.follow("I have copied it")

    pause_by_dialog(page, keys)
    person.sees("Paused")

    keys.reach("test")  # the name of the key, on the button of the account
    page.keyboard.press("Enter")
    keys.reach("Dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    keys.follow("Sign out")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_second_click_before_the_answer_sends_nothing_more(served_hub, somebody):
    person = somebody(served_hub, key=served_hub.key)
    slow = {"offline": False, "latency": 500, "downloadThroughput": -1, "uploadThroughput": -1}
    person.page.context.new_cdp_session(person.page).send("Network.emulateNetworkConditions", slow)
    person.go("/portal/keys/new")
    person.page.get_by_label("Name", exact=True).fill("clicked twice")
    person.page.get_by_label("events:read", exact=True).check()
    person.page.get_by_role("button", name="Make the key").dblclick(delay=50)
    person.sees("Copy the key now")
    made = [key["name"] for key in served_hub.call("GET", "/api/v1/keys")["keys"]]
    assert made.count("clicked twice") == 1


def pause_by_dialog(page, keys: Hands) -> None:
    """Open the dialog, leave it, open it again and confirm; the focus stays within it."""
    keys.follow("Pause")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate(FOCUSED) == "Pause"  # the focus is back at its start
    keys.press()
    expect(dialog).to_be_visible()
    is_within = "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(is_within)
    keys.follow("Pause")


def send_lead(hub) -> int:
    example = hub.call("GET", "/api/v1/event-types/lead.created")["example"]
    return int(hub.call("POST", "/api/v1/events", json={"type": "lead.created", "payload": example})["id"])
