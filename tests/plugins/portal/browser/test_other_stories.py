"""Keys made and revoked, a connector downloaded, test events sent, and a session by keyboard alone."""

import io
import json
import re
import zipfile
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx2
import playwright.sync_api
import pytest
from playwright.sync_api import expect
from tests.plugins.portal.browser.seeding import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_key_is_made_works_and_is_revoked(served_hub, somebody):
    person = somebody(served_hub, key=served_hub.key)
    page = person.page
    person.go("/portal/keys")
    person.click("New key")
    page.get_by_label("Name").fill("Accounting")
    page.get_by_label("events:read", exact=True).check()
    person.click("Make the key")
    key = page.get_by_label("API key", exact=True).locator("code").inner_text()
    person.click("I have copied it")
    person.sees_not(key)
    assert who(served_hub, key).json() == {
        "company_id": 92,
        "key_name": "Accounting",
        "scopes": ["events:read"],
    }

    page.reload()
    row = page.locator("main tr", has_text="Accounting")
    row.get_by_role("link", name="Revoke Accounting").click()
    expect(page.get_by_role("dialog")).to_contain_text("stops working at once")
    person.confirm("Revoke the key")
    person.sees("Revoked keys (1)")
    assert who(served_hub, key).status_code == 401


def test_whoever_signed_in_with_a_key_is_out_once_it_is_revoked(served_hub, somebody):
    key = served_hub.make_key("events:read")
    person = somebody(served_hub, key=key)
    [record] = [
        entry for entry in served_hub.call("GET", "/api/v1/keys")["keys"] if key.endswith(entry["last4"])
    ]

    served_hub.call("DELETE", f"/api/v1/keys/{record['id']}")

    person.go("/portal/events")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize(
    ("name", "member"), [("Zapier", "package.json"), ("n8n", "package.json"), ("Make", "makecomapp.json")]
)
def test_a_connector_is_downloaded_as_an_archive(served_hub, somebody, name, member):
    person = somebody(served_hub, key=served_hub.key)
    person.go("/portal/connectors")

    with person.page.expect_download() as waiting:
        person.click(f"Download {name}")

    archive = zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes()))
    assert archive.testzip() is None
    [path] = [
        name for name in archive.namelist() if name.rpartition("/")[2] == member and name.count("/") < 2
    ]
    json.loads(archive.read(path))


def test_a_test_event_is_sent_from_its_page(served_hub, somebody):
    person = somebody(served_hub, key=served_hub.key)
    person.watch.expect("422")
    person.go("/portal/catalogue")
    person.click(re.compile("New Lead Created"), within=person.page.locator("main"))
    payload = person.page.get_by_role("textbox", name="Payload")
    example = json.loads(payload.input_value())

    payload.fill(json.dumps(example | {"first_name": 7}))
    person.click("Send the event")
    expect(payload).to_have_attribute("aria-invalid", "true")
    person.sees("/first_name")

    payload.fill(json.dumps(example | {"first_name": "Jacqueline"}))
    person.click("Send the event")
    wait_for(
        lambda: "Jacqueline" in json.dumps(served_hub.call("GET", "/api/v1/events/sample?type=lead.created"))
    )


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
    page, keys = person.page, Keyboard(person.page)
    person.go("/portal/sign-in")
    expect(page.locator("input:focus")).to_be_visible()
    page.keyboard.type(served_hub.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    page.keyboard.press("Tab")
    assert keys.focused() == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    person.go("/portal")
    keys.follow("Subscriptions")
    keys.follow("New subscription")
    keys.reach(lambda: keys.labelled("Address"))
    page.keyboard.type(f"{target.url}/keyboard")
    keys.reach(lambda: keys.labelled("lead.created"))
    page.keyboard.press("Space")
    keys.follow("Create the subscription")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep this secret")
    keys.follow("I have copied it")

    pause_by_dialog(page, keys)
    person.sees("Paused")

    keys.reach(lambda: page.evaluate("document.activeElement.matches('.account-button')"))
    page.keyboard.press("Enter")
    keys.follow("Dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    keys.follow("Sign out")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def pause_by_dialog(page, keys: "Keyboard") -> None:
    """Open the dialog, leave it, open it again and confirm; the focus stays within it."""
    keys.follow("Pause")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert keys.focused() == "Pause"  # the focus is back at its start
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    keys.reach(lambda: keys.focused() == "Pause")
    page.keyboard.press("Enter")


class Keyboard:
    """A person with only a keyboard, who needs to see the focus."""

    def __init__(self, page):
        self._page = page

    def focused(self) -> str:
        return self._page.evaluate(
            "(element => (element?.getAttribute('aria-label') || element?.innerText || '').trim())(document.activeElement)"
        )

    def labelled(self, label: str) -> bool:
        """Tell whether the field with the label *label* has the focus."""
        return self._page.evaluate(
            "label => [...(document.activeElement?.labels || [])].some(element => element.innerText.trim() === label)",
            label,
        )

    def reach(self, is_there) -> None:
        """Press Tab until *is_there* is true, and check that the focus is visible."""
        for _ in range(600):  # the page may still be on its way
            if self._ask(is_there):
                assert self._page.evaluate("document.activeElement.matches(':focus-visible')")
                return
            self._page.keyboard.press("Tab")
        pytest.fail("it cannot be reached with the keyboard")

    def _ask(self, is_there) -> bool:
        try:
            return is_there()
        except playwright.sync_api.Error as error:  # the next page came meanwhile
            if "context was destroyed" not in str(error):
                raise
            self._page.wait_for_load_state("load")
            return is_there()

    def follow(self, name: str) -> None:
        """Go to the link or button with the name *name* and press Enter."""
        self.reach(lambda: self.focused() == name)
        self._page.keyboard.press("Enter")
        self._page.wait_for_load_state("load")
        self._page.wait_for_timeout(150)


def send_lead(hub) -> int:
    example = hub.call("GET", "/api/v1/event-types/lead.created")["example"]
    return int(hub.call("POST", "/api/v1/events", json={"type": "lead.created", "payload": example})["id"])


def who(hub, key: str) -> httpx2.Response:
    return httpx2.get(f"{hub.url}/api/v1/me", headers={"X-Api-Key": key})
