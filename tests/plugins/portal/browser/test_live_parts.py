"""Parts that refresh themselves: they show new data, and a message if they cannot."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LIST = "**/events/list*"


def test_what_renews_itself_says_when_it_cannot_and_the_overview_and_the_subscriptions_renew_too(
    served_hub, target, somebody
):
    person = somebody(served_hub, key=served_hub.key)
    person.watch.expect("503")
    page = person.page
    page.clock.install()
    person.go("/portal/events")
    mark = page.locator(".live-mark")
    expect(mark).to_have_text("Updating")
    page.route(LIST, lambda route: route.fulfill(status=503))
    page.clock.run_for(4_000)
    expect(mark).to_have_text("Not updating")
    expect(page.locator(".stale")).to_contain_text("the hub answered 503. The page tries again.")
    page.unroute(LIST)
    page.clock.run_for(4_000)
    expect(mark).to_have_text("Updating")
    expect(page.locator(".stale")).to_have_count(0)

    person.go("/portal/subscriptions")
    person.sees("Nothing is sent anywhere yet")
    body = {"target_url": f"{target.url}/live/{'long-' * 60}", "event_types": ["*"]}
    made = served_hub.call("POST", "/api/v1/webhooks/subscriptions", json=body)["id"]
    person.go("/portal/subscriptions")
    expect(page.locator("tbody .badge")).to_have_text("idle")
    assert page.locator("tbody .target").bounding_box()["height"] < 30
    assert page.eval_on_selector(".table-frame", "frame => frame.scrollWidth <= frame.clientWidth")
    served_hub.call("PATCH", f"/api/v1/webhooks/subscriptions/{made}", json={"status": "paused"})
    page.clock.run_for(11_000)
    expect(page.locator("tbody .badge").first).to_have_text("paused")

    person.go("/portal")
    person.sees("Nothing has happened yet")
    kind = served_hub.call("GET", "/api/v1/event-types/lead.created")
    served_hub.call("POST", "/api/v1/events", json={"type": kind["type"], "payload": kind["example"]})
    page.clock.run_for(16_000)
    person.sees("Arrived")
