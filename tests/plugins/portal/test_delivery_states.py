"""The words for the state of a delivery, and their use on every page: a failure is never shown as calm."""

import pytest
from tests.plugins.portal.worlds import emit, shown_when, subscribe

from trunkline_kit.receiver import Answer
from trunkline_portal.delivery_states import counted, state_of
from trunkline_portal.formats import NOTHING

NEVER = {"attempts": 0, "last_status_code": None, "next_attempt_utc": None}


@pytest.mark.parametrize(
    ("delivery", "subscription", "shown"),
    [
        ({"status": "pending"}, "active", ("in flight", "", "info")),
        ({"status": "pending", "next_attempt_utc": "x"}, "active", ("waiting", "for its turn", "info")),
        ({"status": "pending"}, "paused", ("waiting", "for the subscription, which is paused", "info")),
        ({"status": "pending", "attempts": 5, "last_status_code": 503}, "active", ("retrying", "last answer 503", "warn")),
        ({"status": "pending", "attempts": [{}]}, None, ("retrying", "last answer none", "warn")),
        ({"status": "held", "held_by": "dlv_1_1"}, "active", ("waiting", "for an earlier delivery", "info")),
        ({"status": "held"}, "active", ("waiting", "until it is released", "info")),
        ({"status": "delivered", "attempts": 2}, "active", ("delivered", "", "good")),
        ({"status": "exhausted", "attempts": 8}, "active", ("failed for good", "every attempt failed", "bad")),
        ({"status": "rejected"}, "active", ("failed for good", "it can never be delivered", "bad")),
        ({"status": "gone"}, "disabled", ("failed for good", "the target is gone", "bad")),
        ({"status": "skipped"}, "active", ("skipped", "", "plain")),
    ],
)  # fmt: skip
def test_a_delivery_is_said_to_wait_to_be_retried_to_have_arrived_or_to_have_failed(
    delivery, subscription, shown
):
    state = state_of({**NEVER, **delivery}, subscription and {"status": subscription})
    assert (state.word, state.why, state.tone) == shown


def test_deliveries_of_one_event_are_added_up_those_that_failed_first():
    by_status = {"delivered": 2, "exhausted": 1, "gone": 2, "held": 1, "pending": 1, "retrying": 4}
    added = {"failed for good": 3, "retrying": 4, "waiting": 2, "delivered": 2}
    assert [(state.word, count) for state, count in counted(by_status)] == list(added.items())


async def test_a_delivery_that_is_retried_says_so_on_every_page_that_has_it(running, browser, receiver):
    receiver.always(Answer(503), path="/busy")
    subscription = await subscribe(
        running, receiver.url + "/busy", description="Billing", retry={"schedule_seconds": [3600]}
    )
    event = await emit(running)
    page = f"/portal/subscriptions/{subscription}"
    words = await shown_when(browser, page, "retrying last answer 503")
    assert "pending" not in words

    [delivery] = await running.hub.deliveries.of_event(running.company_id, event)
    for path in (f"events/{event}", f"deliveries/{delivery['id']}"):
        assert "retrying last answer 503" in browser.words(await browser.get(f"/portal/{path}"))
    assert '<span class="badge is-warn">1 retrying</span>' in (await browser.get("/portal/events")).text

    await shown_when(browser, "/portal/subscriptions", "0% · 24 h")
    listed = await browser.get("/portal/subscriptions")
    assert ' title="0% of attempts delivered in 24 hours">' in listed.text
    assert listed.text.count('<span class="badge is-warn">retrying</span>') == 2
    assert subscription in (await browser.get("/portal/subscriptions", status="retrying")).text
    assert subscription not in (await browser.get("/portal/subscriptions", status="delivering")).text
    words = await shown_when(browser, "/portal", f"Arrived {NOTHING} 1 of 1 attempt failed")
    reach = "The last attempt to reach “Billing” failed, the first"
    for said in ("Deliveries 1 1 not finished", "Subscriptions 1 1 retrying", reach):
        assert said in words
