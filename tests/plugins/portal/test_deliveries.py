"""One delivery with its attempts, and sending again."""

import re
from html import unescape

import pytest
from tests.plugins.portal.worlds import HOOKS, HOSTILE, LEAD, emit, shown_when, subscribe
from tests.waiting import until

from trunkline_kit.receiver import Answer, CloseWithoutAnswer, Redirect, Reset
from trunkline_portal.outcomes import attempt_sentence
from trunkline_portal.pages.deliveries import ATTEMPTS


async def delivery_of(hub, event: int) -> str:
    deliveries = await until(lambda: hub.hub.deliveries.of_event(hub.company_id, event))
    return deliveries[0]["id"]


async def test_each_attempt_is_shown_with_what_the_target_answered(running, sign_in, receiver):
    receiver.script(
        [Answer(503, {"connection": "close"}, b'{"busy":true}'), Reset(), Answer(200, body=b"taken")]
    )
    await subscribe(running, receiver.url, description="Books")
    event = await emit(running)
    browser = await sign_in(running)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    await shown_when(browser, path, "delivered with attempt 3")
    words = await shown_when(browser, path, "Attempt 3")
    assert words.index("Attempt 3") < words.index("Attempt 2") < words.index("Attempt 1")
    assert "taken" in words
    assert '"busy" : true' in words
    assert "connection_failed The" not in words
    assert "The connection could not be made, or broke" in words
    assert "The target is not available" in words
    assert all(
        word in words for word in (receiver.url, "Books", f"Event {event}", "lead.created", "Webhooks")
    )
    page = await browser.get(path)
    assert f'href="{browser.root}/events/{event}"' in page.text
    assert "data-live=" not in page.text

    receiver.script([CloseWithoutAnswer(), Answer()])
    path = f"/portal/deliveries/{await delivery_of(running, await emit(running))}"
    assert "The request was sent twice" in await shown_when(browser, path, "delivered with attempt 1")


async def test_each_attempt_shows_its_request_with_secrets_masked_and_how_long_it_waited(
    running, sign_in, receiver
):
    receiver.script([Answer(500), Answer(200)])
    made = await running.subscribe(receiver.url, headers={"x-token": "hidden-from-pages"})
    event = await emit(running, first_name="Zaphod")
    browser = await sign_in(running)
    delivery = await delivery_of(running, event)
    await shown_when(browser, f"/portal/deliveries/{delivery}", "delivered with attempt 2")
    page = await browser.get(f"/portal/deliveries/{delivery}")
    words = browser.words(page)
    first, second = receiver.requests
    assert f"POST {receiver.url}" in words
    for request, number in ((first, 1), (second, 2)):
        assert f"webhook-timestamp: {request.headers['webhook-timestamp']}" in words
        assert f"trunkline-attempt: {number}" in words
    shown = set(re.findall(r"^([a-zA-Z0-9-]+): ", unescape(page.text), re.MULTILINE))
    assert {name.lower() for name in shown} >= {
        name
        for name in first.headers
        if name.startswith(("webhook-", "trunkline-", "x-")) and name != "trunkline-cursor"
    }
    assert "x-token: ••••" in words
    assert "webhook-signature: v1,••••" in words
    assert "after the one before" in words
    assert "Zaphod" in words
    assert "hidden-from-pages" not in page.text
    assert made["secret"] not in page.text
    assert first.headers["webhook-signature"] not in page.text


async def test_the_headers_of_an_answer_that_did_not_deliver_are_shown_without_secrets(
    engine, lend_hub, sign_in, receiver
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "0.05"})
    answered = {
        "x-request-id": "r-7",
        "set-cookie": "sid=b1",
        "x-echo": "was hidden-from-pages",
        "x-long": "l" * 3000,
    }
    receiver.script([Answer(500, answered), Answer(200, {"x-request-id": "r-8"})])
    await subscribe(hub, receiver.url, headers={"x-own": "hidden-from-pages"})
    delivery = await delivery_of(hub, await emit(hub))
    browser = await sign_in(hub)
    words = await shown_when(browser, f"/portal/deliveries/{delivery}", "delivered with attempt 2")
    failed, delivered = (await hub.hub.deliveries.get(hub.company_id, delivery))["attempts"]
    assert "response_headers" not in (await hub.client.get(f"/api/v1/deliveries/{delivery}")).text
    kept = failed["response_headers"]
    assert kept["x-request-id"] == "r-7"
    assert kept["set-cookie"] == "••••"
    assert kept["x-echo"] == "was ••••"
    assert len(kept.get("x-long", "")) <= 1024
    assert "response_headers" not in delivered
    assert "x-request-id: r-7" in words
    assert "x-request-id: r-8" not in words
    assert "sid=b1" not in words


async def test_what_is_under_way_is_live_and_says_when_it_is_tried_again(engine, lend_hub, sign_in, receiver):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "3600"})
    receiver.answer(500)
    await subscribe(hub, receiver.url)
    path = f"/portal/deliveries/{await delivery_of(hub, await emit(hub))}"
    browser = await sign_in(hub)
    await shown_when(browser, path, "it will be retried")
    page = await browser.get(path)
    assert f'data-live="{browser.at(path)}/attempts"' in page.text
    assert "none is due" not in browser.words(page)
    part = await browser.get(f"{path}/attempts")
    assert "Attempt 1" in part.text
    assert "<html" not in part.text


async def test_every_page_says_that_a_retry_waits_as_its_target_asks(engine, lend_hub, sign_in, receiver):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "60"})
    receiver.answer(503, headers={"retry-after": "3600"})
    subscription = await subscribe(hub, receiver.url)
    event = await emit(hub)
    browser = await sign_in(hub)
    await shown_when(browser, f"/portal/events/{event}", "as the target's Retry-After asks")
    for path in (f"subscriptions/{subscription}", f"deliveries/{await delivery_of(hub, event)}"):
        page = await browser.get(f"/portal/{path}")
        assert "as the target's Retry-After asks" in browser.words(page)


async def test_the_page_of_an_event_has_the_first_line_of_the_last_answer(
    engine, lend_hub, sign_in, receiver
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "3600"})
    receiver.answer(500, body=b"<b>busy</b>\nnot shown")
    await subscribe(hub, receiver.url)
    event = await emit(hub)
    browser = await sign_in(hub, ["events:read"])
    words = await shown_when(browser, f"/portal/events/{event}", "The target answered: <b>busy</b>")
    assert "not shown" not in words


@pytest.mark.slow
async def test_of_very_many_attempts_a_page_at_a_time_is_shown(api, sign_in, receiver):
    subscription = await subscribe(api, receiver.url)
    event = await emit(api)
    async with api.hub.engines.write() as connection:
        no = (await connection.exec_driver_sql("SELECT no FROM subscriptions")).scalar_one()
        await connection.exec_driver_sql(
            "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
            f"VALUES ({event}, {no}, 'delivered', {ATTEMPTS + 3}, 0, 0)"
        )
        for number in range(1, ATTEMPTS + 4):
            await connection.exec_driver_sql(
                "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome, status_code) "
                f"VALUES ({event}, {no}, {number}, 0, 1, 'delivered', 200)"
            )
    browser = await sign_in(api)
    path = f"/portal/deliveries/{await delivery_of(api, event)}"
    assert subscription in (await browser.get(path)).text
    first = browser.words(await browser.get(path))
    assert f"Attempt {ATTEMPTS + 3}" in first
    assert "Attempt 3" not in first
    second = await browser.get(path, before="4")
    assert all(f"Attempt {number}" in browser.words(second) for number in (3, 2, 1))
    assert "Attempt 4" not in browser.words(second)
    assert f'href="{browser.at(path)}">Newest' in second.text
    for strange in ("x", "-1", "9" * 30, "٣"):
        assert f"Attempt {ATTEMPTS + 3}" in browser.words(await browser.get(path, before=strange))


@pytest.mark.parametrize(
    ("outcome", "status_code", "error", "words"),
    [
        ("delivered", 200, None, None),
        ("retry", 302, None, "redirects"),
        ("retry", 500, None, None),
        ("gone", 410, None, "disables its subscription"),
        ("retry", None, "address_refused", "does not send to"),
        (
            "retry",
            None,
            "tls_failed: expired: The certificate has expired; renew it.",
            "The certificate has expired;",
        ),
        ("retry", None, "channel_error: KeyError", "failed (KeyError)"),
        ("retry", None, "channel_error", "without saying why"),
        ("retry", None, "something_new", "something_new."),
        ("retry", None, None, None),
    ],
)
def test_a_failure_is_said_in_words(outcome, status_code, error, words):
    sentence = attempt_sentence({"outcome": outcome, "status_code": status_code, "error": error})
    assert sentence is None if words is None else words in (sentence or "")


async def test_a_key_with_webhooks_read_sees_every_page_and_is_offered_nothing_that_it_may_not_do(
    running, sign_in, receiver
):
    subscription = await subscribe(running, receiver.url)
    event = await emit(running)
    delivery = await delivery_of(running, event)
    await running.client.post(f"{HOOKS}/{subscription}/replay", json={})
    browser = await sign_in(running, ["events:read", "webhooks:read"])
    own = f"/portal/subscriptions/{subscription}"
    everybodys = {"/portal/sign-out", "/portal/theme"}
    for path in (
        "/portal",
        "/portal/subscriptions",
        own,
        f"{own}/settings",
        f"{own}/replays",
        f"/portal/deliveries/{delivery}",
        f"/portal/events/{event}",
    ):
        page = await browser.get(path)
        assert set(re.findall(r'method="post" action="([^"]+)"', page.text)) <= everybodys, path
        for address in set(re.findall(r'href="(/portal/companies/[^"#]+)"', page.text)):
            assert (await browser.http.get(unescape(address))).status_code == 200, f"{path}: {address}"
    assert f"{browser.root}/deliveries/{delivery}" in page.text
    for path in (f"{own}/edit", f"{own}/pause", f"{own}/replays/new", "/portal/subscriptions/new"):
        assert "webhooks:write" in browser.words(await browser.get(path, expect=403))
    await browser.post(f"/portal/deliveries/{delivery}/retry", {"back": ""}, expect=403)


async def test_a_delivery_is_sent_again_from_its_own_page_and_from_its_events(running, sign_in, receiver):
    receiver.always(Redirect("https://elsewhere.example.com/"))
    await subscribe(running, receiver.url)
    event = await emit(running)
    browser = await sign_in(running)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    words = await shown_when(browser, path, "every attempt failed (3 in all)")
    assert "The target redirects, which is not followed" in words

    receiver.answer(200)
    answer = await browser.post(f"{path}/retry")
    assert answer.headers["location"] == browser.at(path)
    assert "It is sent now" in browser.words(await browser.follow(answer))
    await shown_when(browser, path, "delivered with attempt 4")

    answer = await browser.post(f"{path}/retry", {"back": "event"})
    assert answer.headers["location"] == f"{browser.root}/events/{event}"
    await shown_when(browser, f"/portal/events/{event}", "delivered with attempt 5")
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_sending_again_to_a_paused_subscription_says_that_it_waits(running, sign_in, receiver):
    subscription = await subscribe(running, receiver.url)
    event = await emit(running)
    browser = await sign_in(running)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    await shown_when(browser, path, "delivered with attempt 1")
    await running.client.patch(f"{HOOKS}/{subscription}", json={"status": "paused"})
    answer = await browser.post(f"{path}/retry")
    assert "It waits, because the subscription is paused" in browser.words(await browser.follow(answer))


async def test_nothing_is_sent_again_to_a_subscription_that_was_deleted(running, sign_in, receiver):
    subscription = await subscribe(running, receiver.url)
    event = await emit(running)
    browser = await sign_in(running)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    await shown_when(browser, path, "delivered with attempt 1")
    await running.client.delete(f"{HOOKS}/{subscription}")
    page = await browser.get(path)
    assert "The subscription has been deleted" in browser.words(page)
    assert "Send again" not in page.text
    await browser.post(f"{path}/retry", expect=404)
    assert "delivered" in browser.words(await browser.get(path))


async def test_an_event_is_sent_to_one_subscription_that_came_later(running, sign_in, receiver):
    event = await emit(running)
    later = await subscribe(running, receiver.url + "/later")
    browser = await sign_in(running)
    question = await browser.get(f"/portal/events/{event}/send", subscription=later)
    assert f"Event {event} (lead.created) is sent to this subscription" in browser.words(question)
    assert receiver.count == 0
    answer = await browser.post(f"/portal/events/{event}/send", {"subscription": later})
    assert "It is sent now" in browser.words(await browser.follow(answer))
    await receiver.wait_for(1)
    assert receiver.requests[0].headers["webhook-id"] == str(event)
    await shown_when(browser, f"/portal/events/{event}", "delivered with attempt 1")


async def test_before_an_event_is_sent_it_is_said_what_goes_with_it_or_that_nothing_would(running, sign_in):
    batch = [{"type": "lead.created", "payload": {**LEAD, "client_id": number}} for number in (1, 2, 3)]
    events = (await running.client.post("/api/v1/events/batch", json={"events": batch})).json()["events"]
    all_of_them = await subscribe(running, "http://127.0.0.1:9/all")
    none = await subscribe(running, "http://127.0.0.1:9/none", filter={"payload.client_id": {"gt": 100}})
    await running.client.patch(f"{HOOKS}/{all_of_them}", json={"status": "paused"})
    browser = await sign_in(running)
    path = f"/portal/events/{events[0]['id']}/send"
    words = browser.words(await browser.get(path, subscription=all_of_them))
    assert "in the same millisecond as 2 more of its type" in words
    assert "It waits until the subscription, which is paused, is resumed." in words
    page = await browser.get(path, subscription=none)
    assert "filter does not let this event through" in browser.words(page)
    assert ">Send</button>" not in page.text


async def test_deliveries_are_for_those_who_may_see_subscriptions(running, sign_in, receiver):
    subscription = await subscribe(running, receiver.url)
    event = await emit(running)
    delivery = await delivery_of(running, event)
    browser = await sign_in(running, ["events:read"])
    for path in (f"deliveries/{delivery}", f"deliveries/{delivery}/attempts", f"events/{event}/send"):
        assert "webhooks:" in (await browser.get(f"/portal/{path}", expect=403)).text
    await browser.get("/portal/events")
    await browser.post(f"/portal/deliveries/{delivery}/retry", expect=403)
    await browser.post(f"/portal/events/{event}/send", {"subscription": subscription}, expect=403)


async def test_another_companys_delivery_event_and_subscription_are_not_there(running, sign_in, receiver):
    subscription = await subscribe(running, receiver.url)
    event = await emit(running)
    delivery = await delivery_of(running, event)
    browser = await sign_in(running, company_id=running.neighbour_id)
    own = await emit(running, client=await running.client_of(running.neighbour_id))
    await browser.get(f"/portal/deliveries/{delivery}", expect=404)
    await browser.get(f"/portal/deliveries/{delivery}/attempts", expect=404)
    await browser.get(f"/portal/events/{event}/send", subscription=subscription, expect=404)
    await browser.get(f"/portal/events/{own}/send", subscription=subscription, expect=404)
    await browser.get("/portal/events")
    await browser.post(f"/portal/deliveries/{delivery}/retry", expect=404)
    await browser.post(f"/portal/events/{own}/send", {"subscription": subscription}, expect=404)
    await browser.post(f"/portal/events/{event}/send", {"subscription": subscription}, expect=404)
    assert receiver.count == 1


@pytest.mark.parametrize("delivery_id", ["x", "dlv_1_1", "dlv_0_0", "dlv_1", "dlv_" + "9" * 40 + "_1", "%00"])
async def test_what_is_no_delivery_is_not_there(api, sign_in, delivery_id):
    browser = await sign_in(api)
    await browser.get(f"/portal/deliveries/{delivery_id}", expect=404)
    await browser.get("/portal/events")
    await browser.post(f"/portal/deliveries/{delivery_id}/retry", expect=404)


async def test_nothing_is_sent_without_the_forms_token(running, sign_in, receiver):
    await subscribe(running, receiver.url)
    event = await emit(running)
    delivery = await delivery_of(running, event)
    await receiver.wait_for(1)
    browser = await sign_in(running)
    browser.csrf = "guessed"
    await browser.post(f"/portal/deliveries/{delivery}/retry", expect=403)
    await browser.post(f"/portal/events/{event}/send", {"subscription": "sub_1"}, expect=403)
    assert receiver.count == 1


async def test_what_a_target_answers_is_shown_as_text(running, sign_in, receiver):
    receiver.answer(200, body=HOSTILE.encode())
    await subscribe(running, receiver.url, description=HOSTILE)
    event = await emit(running)
    browser = await sign_in(running)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    await shown_when(browser, path, "delivered with attempt 1")
    for page in (await browser.get(path), await browser.get(f"{path}/attempts")):
        assert "&lt;script&gt;window.xss=1" in page.text
        assert "<script>window" not in page.text
        assert "<img src=x" not in page.text


async def test_what_is_held_names_what_holds_it_and_skipping_that_lets_it_go_on(
    engine, lend_hub, sign_in, receiver
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "3600"})
    receiver.script([Answer(500)])
    subscription = await subscribe(hub, receiver.url, ordering={"key": "/payload/client_id"})
    holding = await delivery_of(hub, await emit(hub))
    held = await delivery_of(hub, await emit(hub))
    browser = await sign_in(hub)
    words = await shown_when(browser, f"/portal/deliveries/{held}", "is held by")
    assert holding in words
    page = await browser.get(f"/portal/subscriptions/{subscription}")
    assert f'href="{browser.root}/deliveries/{holding}">The earlier one' in page.text
    settings = browser.words(await browser.get(f"/portal/subscriptions/{subscription}/settings"))
    assert "by /payload/client_id" in settings

    await browser.post(f"/portal/deliveries/{holding}/skip")
    words = browser.words(await browser.get(f"/portal/deliveries/{holding}"))
    assert "It is skipped" in words
    await shown_when(browser, f"/portal/deliveries/{held}", "was delivered")
    await browser.post(f"/portal/deliveries/{holding}/skip")
    assert "It is skipped" in browser.words(await browser.get(f"/portal/deliveries/{holding}"))
    await browser.post(f"/portal/deliveries/{held}/skip")
    assert "It had ended already" in browser.words(await browser.get(f"/portal/deliveries/{held}"))


@pytest.mark.parametrize(
    ("text", "ordering"),
    [("", None), ("subscription", "subscription"), (" /payload/client_id ", {"key": "/payload/client_id"})],
)
async def test_the_order_of_a_subscription_is_a_field_of_its_form(api, sign_in, receiver, text, ordering):
    subscription = await subscribe(api, receiver.url, ordering="subscription")
    browser = await sign_in(api)
    fields = {"target_url": receiver.url, "types": "all", "filter_mode": "rows", "ordering": text}
    await browser.post(f"/portal/subscriptions/{subscription}/edit", fields)
    shown = (await api.client.get(f"{HOOKS}/{subscription}")).json()
    assert shown["ordering"] == ordering


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, ({"timeout_seconds": None, "retry": None}, "Channel")),
        (
            {"timeout_seconds": "2.5", "retry": "5, 30"},
            ({"timeout_seconds": 2.5, "retry": {"schedule_seconds": [5, 30]}}, "after 5, 30 s"),
        ),
        (
            {"timeout_seconds": " 3 ", "retry": "for 86400"},
            ({"timeout_seconds": 3, "retry": {"for_seconds": 86400}}, "for 86400 s, by this hub's schedule"),
        ),
        (
            {"rate": "50/second", "max_in_flight": "8"},
            ({"rate": "50/second", "max_in_flight": 8, "retry": None}, "at most 8"),
        ),
        ({"retry": "none"}, ({"timeout_seconds": None, "retry": {"schedule_seconds": []}}, "Retries none")),
    ],
)
async def test_how_a_target_is_treated_stands_in_fields_of_its_form(api, sign_in, receiver, texts, expected):
    options, words = expected
    subscription = await subscribe(api, receiver.url, timeout_seconds=9, retry={"for_seconds": 60})
    browser = await sign_in(api)
    assert 'value="for 60"' in (await browser.get(f"/portal/subscriptions/{subscription}/edit")).text
    fields = {"target_url": receiver.url, "types": "all", "filter_mode": "rows", **texts}
    await browser.post(f"/portal/subscriptions/{subscription}/edit", fields)
    shown = (await api.client.get(f"{HOOKS}/{subscription}")).json()
    assert {name: shown[name] for name in options} == options
    page = await browser.get(f"/portal/subscriptions/{subscription}/settings")
    assert words in browser.words(page)
    again = {
        name: form_value(await browser.get(f"/portal/subscriptions/{subscription}/edit"), name)
        for name in options
    }
    assert again == {name: texts.get(name, "").strip() for name in options}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"retry": "5, soon"}, "“soon” is not a number"),
        ({"retry": "for ever"}, "“ever” is not a number"),
        ({"rate": "fast"}, "It must be a rate such as"),
        ({"max_in_flight": "2.5"}, "It must be a whole number from 1 to 10000."),
        ({"timeout_seconds": "61"}, "It must be a number of seconds from 0.1 to 60."),
    ],
)
async def test_a_field_that_is_wrong_says_what_to_enter(api, sign_in, receiver, texts, words):
    subscription = await subscribe(api, receiver.url)
    browser = await sign_in(api)
    fields = {"target_url": receiver.url, "types": "all", "filter_mode": "rows", **texts}
    page = await browser.post(f"/portal/subscriptions/{subscription}/edit", fields, expect=422)
    assert words in browser.words(page)


def form_value(page, name):
    return re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page.text)[1]
