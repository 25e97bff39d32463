"""A subscription from its form to its last resend, with a receiver that breaks and is repaired."""

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook
from tests.plugins.portal.browser.person import Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LEAD = {
    "client_id": 12360,
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane.doe@example.com",
    "phone": None,
    "status": "Lead - New",
    "status_id": 10,
    "created_date": "2026-01-28T10:30:00Z",
}


def send_lead(hub, **changed) -> int:
    body = {"type": "lead.created", "payload": LEAD | changed}
    event_id: int = hub.call("POST", "/api/v1/events", json=body)["id"]
    return event_id


def create(person, target, path: str) -> str:
    """Fill in the form for leads from example.com; return the secret that is shown."""
    person.go("/portal/subscriptions")
    person.click("New subscription", within=person.page.locator("main"))
    person.page.get_by_label("Address").fill(target.url + path)
    person.page.get_by_label("Name", exact=True).fill("New leads")
    person.page.get_by_label("Find an event type").fill("lead")
    person.page.get_by_label("lead.created", exact=True).check()
    expect(person.page.get_by_label("Field of condition 1")).not_to_be_visible()
    person.page.locator("summary", has_text="Advanced").click()
    person.page.get_by_label("Field of condition 1").fill("payload.email")
    person.page.get_by_label("Comparison of condition 1").select_option("contains")
    person.page.get_by_label("Value of condition 1").fill("@example.com")
    person.click("Create the subscription")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Keep this secret")
    secret = person.page.get_by_label("Signing secret", exact=True).locator("code").inner_text()
    person.click("I have copied it")
    return secret


def is_signed_with(secret: str, request) -> bool:
    try:
        Webhook(secret).verify(request.body, dict(request.headers))
    except Exception:
        return False
    return True


def test_from_the_form_to_the_last_resend(serve_hub, target, somebody):
    hub = serve_hub(TRUNKLINE_DELIVERY__RETRY_SCHEDULE_SECONDS="3,60,60")
    story = Story(hub, target, somebody(hub, key=hub.key))
    secret = story.create()
    story.see_a_failure_and_its_retry()
    story.send_again()
    story.send_a_test()
    story.rotate(secret)
    story.pause_and_catch_up()
    story.replay()
    story.delete()


@dataclass
class Story:
    """A person's work with one subscription, one method for each step."""

    hub: Any
    target: Any
    person: Person

    def __post_init__(self) -> None:
        self.page, self.main = self.person.page, self.person.page.locator("main")

    def requests(self) -> int:
        return len(self.target.wait_for("/story"))

    def create(self) -> str:
        """Create the subscription, and see the first delivery, verified by the secret; return the secret."""
        secret = create(self.person, self.target, "/story")
        self.person.sees("lead.created")
        self.person.go("/portal/events")
        event_id = send_lead(self.hub)
        self.person.sees("lead.created")  # the page refreshed itself
        row = self.main.locator("tr", has_text=str(event_id))
        expect(row.get_by_text("1 delivered")).to_be_visible()
        assert is_signed_with(secret, self.target.wait_for("/story")[0])
        return secret

    def see_a_failure_and_its_retry(self) -> None:
        """Break the receiver: the page shows the failure, then the retry that the receiver accepts."""
        self.target.answer(503, body="out of order", path="/story")
        event_id = send_lead(self.hub, first_name="June")
        self.target.wait_for("/story", 2)
        # Repair it at once: loading a page may take longer than the retry.
        self.target.answer(200, body="mended", path="/story")
        self.person.go(f"/portal/events/{event_id}")
        self.main.get_by_role("link", name="Attempts").click()
        self.person.sees("out of order")
        self.person.sees("Attempt 1")
        self.person.sees("Attempt 2")
        self.person.sees("mended")
        expect(self.main.get_by_text("delivered", exact=True).first).to_be_visible()

    def send_again(self) -> None:
        self.person.click("Send again")
        self.person.sees("Attempt 3")
        assert len(self.target.wait_for("/story", 4)) == 4

    def send_a_test(self) -> None:
        """Send a test, and see the receiver's answer."""
        self.person.go("/portal/subscriptions")
        self.main.get_by_role("link", name="New leads").click()
        self.person.click("Send a test")
        self.person.sees("The receiver accepted it")
        self.person.sees("mended")

    def rotate(self, secret: str) -> None:
        """Replace *secret*: the new one signs at once."""
        self.person.click("Back")
        self.person.click("Settings", within=self.main)
        self.person.click("Rotate…")
        self.page.get_by_role("dialog").get_by_label("Overlap in hours").fill("0")
        self.person.confirm("Rotate")
        fresh = self.page.get_by_label("Signing secret", exact=True).locator("code").inner_text()
        assert fresh != secret
        self.person.click("I have copied it")
        count = self.requests()
        send_lead(self.hub)
        last = self.target.wait_for("/story", count + 1)[-1]
        assert is_signed_with(fresh, last)
        assert not is_signed_with(secret, last)

    def pause_and_catch_up(self) -> None:
        """Pause the subscription, so that nothing comes; resume it with the missed events, which come then."""
        count = self.requests()
        self.person.click("Pause")
        self.person.confirm("Pause")
        self.person.sees("Paused")
        event_id = send_lead(self.hub, first_name="Joan")
        self.page.wait_for_timeout(1500)
        assert self.requests() == count
        self.person.click("Resume")
        self.page.get_by_role("dialog").get_by_label("Deliver what was missed").check()
        self.person.confirm("Resume")
        caught = self.target.wait_for("/story", count + 1)[-1]
        assert caught.headers["webhook-id"] == str(event_id)

    def replay(self) -> None:
        """Count past events, send them again, and see the end of the replay."""
        count = self.requests()
        self.person.click("Replays", within=self.main)
        self.person.click("New replay")
        self.person.click("Count", within=self.main.locator(".actions"))
        self.person.sees("4 events would be replayed")
        self.person.click("Start")
        self.person.sees("The replay has started")
        self.person.sees("4 of 4 delivered")
        assert len(self.target.wait_for("/story", count + 4)) == count + 4

    def delete(self) -> None:
        self.person.click("Settings", within=self.main)
        self.person.click("Delete…")
        self.person.confirm("Delete")
        self.person.sees("Nothing is sent anywhere yet")


def test_a_subscription_is_made_paused_and_deleted_without_scripts(served_hub, target, somebody):
    person = somebody(served_hub, key=served_hub.key, java_script_enabled=False)
    main = person.page.locator("main")
    person.go("/portal/subscriptions/new")
    person.page.get_by_label("Address").fill(f"{target.url}/plain")
    person.page.get_by_label("lead.created", exact=True).check()
    person.click("Create the subscription")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Keep this secret")
    person.click("I have copied it")

    person.click("Pause")
    person.click("Pause", within=main.locator("form"))
    person.sees("Paused")
    person.click("Settings", within=main)
    person.click("Delete…")
    person.click("Delete", within=main.locator("form"))
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Subscriptions")
    person.sees_not("/plain")
