"""The app's errors on Zapier's real core: forged deliveries, keys, input, limits, outages."""

import asyncio
from typing import Any

import pytest
from tests.example_product import EVENT_TYPES

from trunkline_kit.receiver import Answer

from .core import ZapierRefused
from .zaps import as_zapier_hands_on

JANE = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CLIENT_CREATED = EVENT_TYPES["client.created"]


async def test_a_delivery_that_is_not_signed_with_the_secret_is_halted(shop, receiver):
    hook = shop.subscribe("client_created", receiver.url)
    example = CLIENT_CREATED.example
    event = {"type": "client.created", "payload": example | {"first_name": "Zoë ☕"}}
    await asyncio.to_thread(shop.call, "POST", "/api/v1/events", json=event)
    delivery = as_zapier_hands_on((await receiver.wait_for(1))[0])
    shop.unsubscribe("client_created", hook)

    def perform(**changed: Any) -> Any:
        bundle = delivery | {"subscribeData": hook} | changed
        return shop.app.operation("triggers", "client_created", **bundle)

    raw = delivery["rawRequest"]
    (event,) = perform()
    assert event["payload"]["first_name"] == "Zoë ☕"
    unsigned = {name: value for name, value in raw["headers"].items() if "Signature" not in name}
    plain = {name.removeprefix("Http-").lower(): value for name, value in raw["headers"].items()}
    rotated = plain | {"webhook-signature": f"v1,other {plain['webhook-signature']}"}
    assert perform(rawRequest=raw | {"headers": rotated}) == [event]
    for forged in (
        raw | {"content": raw["content"].replace("Zoë", "Eve")},
        raw | {"headers": unsigned},
        raw | {"headers": unsigned | {"Http-Webhook-Signature": "v1," + "é" * 44}},
        raw | {"headers": raw["headers"] | {"Http-Webhook-Id": "1"}},
    ):
        with pytest.raises(Exception, match=r"HaltedError: This delivery was refused"):
            perform(rawRequest=forged)
    other = hook | {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}
    with pytest.raises(Exception, match=r"HaltedError: This delivery was refused"):
        perform(subscribeData=other)


@pytest.mark.parametrize("missing", ["rawRequest", "subscribeData"])
def test_a_delivery_that_zapier_gives_nothing_to_check_with_is_taken(shop, missing):
    event = {"id": 1, "type": "client.created"}
    bundle = {
        "subscribeData": {"id": "sub_1", "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"},
        "rawRequest": {"headers": {}, "content": "{}"},
        "cleanedRequest": event,
    }
    del bundle[missing]
    assert shop.app.operation("triggers", "client_created", **bundle) == [event]


def test_a_wrong_key_is_wrong_while_connecting_and_expired_later(shop):
    shop.app.key = "wlcro_live_1_wrong"
    with pytest.raises(ZapierRefused) as connecting:
        shop.app.run("authentication.test")
    assert connecting.value.details["code"] == "AuthenticationError"
    with pytest.raises(ZapierRefused) as later:
        shop.app.operation("searches", "find_lead", inputData={"email": "jane@example.com"})
    assert later.value.name == "ExpiredAuthError"
    assert later.value.sentence == connecting.value.sentence
    assert "API key" in later.value.sentence


def test_a_scope_that_is_lacking_is_named(opened):
    shop = opened.connect("events:read")
    with pytest.raises(ZapierRefused) as refused:
        shop.subscribe("client_created", "https://hooks.example.com/1")
    assert refused.value.details["status"] == 403
    assert "webhooks:write" in refused.value.sentence


@pytest.mark.parametrize(
    ("action", "asked", "sentence"),
    [
        (
            "create_lead",
            {"first_name": "", "last_name": "Doe", "email": "jane"},
            "Email must be an email address, such as jane@example.com. First Name is required.",
        ),
        (
            "update_lead",
            {"client_id": "", "city": "Austin"},
            "Lead is empty. Choose one from the list, or map it from an earlier step.",
        ),
        ("update_lead", {"client_id": 1, "city": ""}, "There is no lead '1' here."),
        ("create_lead", JANE | {"affiliate_id": 99}, "There is no affiliate 99; choose one from the list."),
        ("update_lead", {"client_id": 999, "city": "Austin"}, "There is no lead '999' here."),
        ("update_lead", {"client_id": "a?b", "city": "Austin"}, "'a?b' here."),
    ],
    ids=["invalid", "empty id", "nothing to change", "no affiliate", "unknown", "not a number"],
)
def test_what_the_hub_says_reaches_the_user(shop, action, asked, sentence):
    with pytest.raises(ZapierRefused) as refused:
        shop.app.operation("creates", action, inputData=asked)
    assert refused.value.sentence.endswith(sentence)


def test_a_search_without_fields_names_them_all(shop):
    with pytest.raises(ZapierRefused) as refused:
        shop.app.operation("searches", "find_lead", inputData={"email": "", "phone": None})
    assert refused.value.sentence == "Fill in Email, Phone, Lead or External ID."


def test_an_update_without_a_field_is_refused(staffed):
    lead = staffed.fill_in("creates", "update_lead")["client_id"]
    with pytest.raises(ZapierRefused) as refused:
        staffed.app.operation("creates", "update_lead", inputData={"client_id": lead, "city": ""})
    assert refused.value.sentence == "Fill in at least one field to change."


def test_a_wish_that_cannot_be_granted_names_what_can(staffed):
    asked = staffed.fill_in("creates", "update_lead_status")
    asked = {"client_id": asked["client_id"], "new_status": "Lead - Lost"}
    with pytest.raises(ZapierRefused) as refused:
        staffed.app.operation("creates", "update_lead_status", inputData=asked)
    assert refused.value.details["status"] == 422
    assert "Lead - Contacted" in refused.value.sentence


def test_zapier_waits_as_long_as_the_hub_asks(serve_hub, open_app):
    hub = serve_hub(TRUNKLINE_LIMITS__ENABLED="true", TRUNKLINE_LIMITS__READ="1/minute")
    app = open_app(hub)
    with pytest.raises(ZapierRefused) as throttled:
        # at least two of the three are in the same minute
        [app.run("authentication.test") for _ in range(3)]
    assert throttled.value.name == "ThrottledError"
    assert 0 < throttled.value.details["delay"] <= 60
    assert "429" not in throttled.value.sentence


@pytest.mark.parametrize(
    ("answer", "name", "sentence"),
    [
        (Answer(502, {}, b"<h1>Bad gateway</h1>"), "AppError", "WhiteLabelCRO could not do this (502)."),
        (
            Answer(
                503, {"retry-after": "7", "content-type": "application/problem+json"}, b'{"detail": "Soon."}'
            ),
            "ThrottledError",
            "Soon.",
        ),
    ],
    ids=["proxy", "away"],
)
async def test_a_hub_that_is_away(served_hub, open_app, receiver, *, answer, name, sentence):
    receiver.always(answer)
    app = await asyncio.to_thread(open_app, served_hub, url=receiver.url)
    with pytest.raises(ZapierRefused) as refused:
        await asyncio.to_thread(app.run, "authentication.test")
    assert refused.value.name == name
    assert refused.value.sentence.startswith(sentence)
