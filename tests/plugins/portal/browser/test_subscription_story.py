"""A subscription from its form to its last resend, with a receiver that breaks and is mended."""

import re

import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook

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
    """Fill in the form for leads from example.com; gives the secret that is shown."""
    person.go("/portal/subscriptions")
    person.click("New subscription", within=person.page.locator("main"))
    person.page.get_by_label("Address").fill(target.url + path)
    person.page.get_by_label("Description").fill("New leads")
    person.page.get_by_label("Find an event type").fill("lead")
    person.page.get_by_label("lead.created", exact=True).check()
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
    person = somebody(hub, key=hub.key)
    page, main = person.page, person.page.locator("main")

    # created, and its secret verifies what comes
    secret = create(person, target, "/story")
    person.sees("lead.created")
    person.go("/portal/events")
    first = send_lead(hub)
    person.sees("lead.created")  # it came by itself
    expect(main.locator("tr", has_text=str(first)).get_by_text("1 delivered")).to_be_visible(timeout=15_000)
    assert is_signed_with(secret, target.wait_for("/story")[0])

    # the receiver breaks: the failure and the retry that is due can be seen, then that it was taken
    target.answer(503, body="out of order", path="/story")
    second = send_lead(hub, first_name="June")
    target.wait_for("/story", 2)
    person.go(f"/portal/events/{second}")
    main.get_by_role("link", name="Attempts").click()
    person.sees("out of order")
    person.sees("Attempt 1")
    target.answer(200, body="mended", path="/story")
    person.sees("Attempt 2", seconds=20)
    person.sees("mended")
    expect(main.get_by_text("delivered", exact=True).first).to_be_visible()

    # sent again by hand
    person.click("Send again")
    person.sees("Attempt 3", seconds=20)
    assert len(target.wait_for("/story", 4)) == 4

    # tested: the receiver's answer is shown
    person.go("/portal/subscriptions")
    main.get_by_role("link", name=re.compile("story")).click()
    person.click("Send a test")
    person.sees("The receiver accepted it")
    person.sees("mended")

    # rotated: the new secret signs at once
    person.click("Back")
    person.click("Settings", within=main)
    person.click("Rotate…")
    page.get_by_role("dialog").get_by_label("Overlap in hours").fill("0")
    person.confirm("Rotate")
    fresh = page.get_by_label("Signing secret", exact=True).locator("code").inner_text()
    assert fresh != secret
    person.click("I have copied it")
    count = len(target.wait_for("/story"))
    send_lead(hub)
    last = target.wait_for("/story", count + 1)[-1]
    assert is_signed_with(fresh, last)
    assert not is_signed_with(secret, last)

    # paused: nothing comes; resumed with catch-up: it comes
    person.click("Pause")
    person.confirm("Pause")
    person.sees("Paused")
    event_id = send_lead(hub, first_name="Joan")
    page.wait_for_timeout(1500)
    assert len(target.wait_for("/story", count + 1)) == count + 1
    person.click("Resume")
    page.get_by_role("dialog").get_by_label("Deliver what was missed").check()
    person.confirm("Resume")
    caught = target.wait_for("/story", count + 2)[-1]
    assert caught.headers["webhook-id"] == str(event_id)

    # replayed: counted, started, seen to its end
    person.click("Replays", within=main)
    person.click("New replay")
    person.click("Count", within=main.locator(".actions"))
    person.sees("4 events would be sent")
    person.click("Start")
    person.sees("The replay has started")
    person.sees("4 of 4 delivered", seconds=20)
    assert len(target.wait_for("/story", count + 6)) == count + 6

    # deleted
    person.click("Settings", within=main)
    person.click("Delete…")
    person.confirm("Delete")
    person.sees("Nothing is sent anywhere yet")


def test_why_an_event_was_not_delivered(served_hub, target, somebody):
    person = somebody(served_hub, key=served_hub.key)
    create(person, target, "/why")
    event = send_lead(served_hub, email="jane.doe@example.org")

    person.go(f"/portal/events/{event}")

    person.sees("Why other subscriptions did not get it")
    person.sees("payload.email")


def test_what_is_refused_stays_as_it_was_typed(served_hub, somebody):
    person = somebody(served_hub, key=served_hub.key)
    person.watch.expect("422")
    person.go("/portal/subscriptions/new")

    person.page.get_by_label("Address").fill("ftp://example.com/hooks")
    person.page.get_by_label("Description").fill("By file transfer")
    person.page.get_by_label("client.created", exact=True).check()
    person.click("Create the subscription")

    expect(person.page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    expect(person.page.get_by_label("Address")).to_have_value("ftp://example.com/hooks")
    expect(person.page.get_by_label("Description")).to_have_value("By file transfer")
    expect(person.page.get_by_label("client.created", exact=True)).to_be_checked()


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
