"""One delivery with its attempts, and sending again."""

import re
from html import unescape

import pytest
from tests.plugins.portal.filled_in import fields_of
from tests.plugins.portal.worlds import (
    HOOKS,
    HOSTILE,
    LEAD,
    assert_only_text,
    delivered,
    emit,
    shown_when,
    subscribe,
)
from tests.waiting import until

from trunkline_kit.receiver import Answer, CloseWithoutAnswer, Redirect, Reset
from trunkline_portal.outcomes import attempt_sentence
from trunkline_portal.pages.deliveries import ATTEMPTS

AN_HOUR_LATER = {"schedule_seconds": [3600]}


async def delivery_of(hub, event: int) -> str:
    deliveries = await until(lambda: hub.hub.deliveries.of_event(hub.company_id, event))
    return deliveries[0]["id"]


async def test_each_attempt_is_shown_with_what_the_target_answered(running, browser, receiver):
    receiver.script(
        [Answer(503, {"connection": "close"}, b'{"busy":true}'), Reset(), Answer(200, body=b"taken")]
    )
    await subscribe(running, receiver.url, description="Books")
    event = await emit(running)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    await shown_when(browser, path, "delivered with attempt 3")
    words = await shown_when(browser, path, "Attempt 3")
    assert words.index("Attempt 3") < words.index("Attempt 2") < words.index("Attempt 1")
    answers = ("taken", '"busy" : true', "The connection could not be made, or broke")
    for said in (
        *answers,
        "The target is not available",
        receiver.url,
        f"Event {event}",
        "Books",
        "Webhooks",
    ):
        assert said in words
    assert "connection_failed The" not in words
    page = await browser.get(path)
    assert f'href="{browser.root}/events/{event}"' in page.text
    assert "data-live=" not in page.text

    receiver.script([CloseWithoutAnswer(), Answer()])
    path = f"/portal/deliveries/{await delivery_of(running, await emit(running))}"
    assert "The request was sent twice" in await shown_when(browser, path, "delivered with attempt 1")


async def test_each_attempt_shows_its_request_with_secrets_masked_and_how_long_it_waited(
    running, browser, receiver
):
    receiver.script([Answer(500), Answer(200)])
    made = await running.subscribe(receiver.url, headers={"x-token": "hidden-from-pages"})
    event = await emit(running, first_name="Zaphod")
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
    running, browser, receiver
):
    answered = {"x-request-id": "r-7", "set-cookie": "sid=b1", "x-echo": "was hidden-from-pages"}
    receiver.script([Answer(500, answered | {"x-long": "l" * 3000}), Answer(200, {"x-request-id": "r-8"})])
    await subscribe(running, receiver.url, headers={"x-own": "hidden-from-pages"})
    delivery = await delivery_of(running, await emit(running))
    words = await shown_when(browser, f"/portal/deliveries/{delivery}", "delivered with attempt 2")
    failed, delivered = (await running.hub.deliveries.get(running.company_id, delivery))["attempts"]
    assert "response_headers" not in (await running.client.get(f"/api/v1/deliveries/{delivery}")).text
    kept = failed["response_headers"]
    assert len(kept.get("x-long", "")) <= 1024
    assert kept.items() >= {"x-request-id": "r-7", "set-cookie": "••••", "x-echo": "was ••••"}.items()
    assert "response_headers" not in delivered
    assert "x-request-id: r-7" in words
    assert not {"x-request-id: r-8", "sid=b1"} & set(re.findall(r"x-request-id: \S+|sid=\w+", words))


async def test_what_is_under_way_is_live_and_says_when_it_is_tried_again(running, browser, receiver):
    receiver.answer(500)
    await subscribe(running, receiver.url, retry=AN_HOUR_LATER)
    path = f"/portal/deliveries/{await delivery_of(running, await emit(running))}"
    await shown_when(browser, path, "it will be retried")
    page = await browser.get(path)
    assert f'data-live="{browser.at(path)}/attempts"' in page.text
    assert "none is due" not in browser.words(page)
    part = await browser.get(f"{path}/attempts")
    assert "Attempt 1" in part.text
    assert "<html" not in part.text


async def test_every_page_says_that_a_retry_waits_as_its_target_asks(running, browser, receiver):
    receiver.answer(503, headers={"retry-after": "3600"})
    subscription = await subscribe(running, receiver.url, retry={"schedule_seconds": [60]})
    event = await emit(running)
    delivery = await delivery_of(running, event)
    for path in (f"events/{event}", f"subscriptions/{subscription}", f"deliveries/{delivery}"):
        await shown_when(browser, f"/portal/{path}", "as the target's Retry-After asks")


async def test_the_page_of_an_event_has_the_first_line_of_the_last_answer(running, reader, receiver):
    receiver.answer(500, body=b"<b>busy</b>\nnot shown")
    await subscribe(running, receiver.url, retry=AN_HOUR_LATER)
    event = await emit(running)
    words = await shown_when(reader, f"/portal/events/{event}", "The target answered: <b>busy</b>")
    assert "not shown" not in words


@pytest.mark.slow
async def test_of_very_many_attempts_a_page_at_a_time_is_shown(api, browser, receiver):
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
        ("retry", None, "tls_failed: expired: The certificate has expired.", "The certificate has expired"),
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
    shown = ("/portal", "/portal/subscriptions", f"/portal/deliveries/{delivery}", f"/portal/events/{event}")
    for path in (own, f"{own}/settings", f"{own}/replays", *shown):
        page = await browser.get(path)
        assert set(re.findall(r'method="post" action="([^"]+)"', page.text)) <= everybodys, path
        for address in set(re.findall(r'href="(/portal/companies/[^"#]+)"', page.text)):
            assert (await browser.http.get(unescape(address))).status_code == 200, f"{path}: {address}"
    assert f"{browser.root}/deliveries/{delivery}" in page.text
    for path in (f"{own}/edit", f"{own}/pause", f"{own}/replays/new", "/portal/subscriptions/new"):
        assert "webhooks:write" in browser.words(await browser.get(path, expect=403))
    await browser.post(f"/portal/deliveries/{delivery}/retry", {"back": ""}, expect=403)


async def test_a_delivery_is_sent_again_from_its_own_page_and_from_its_events(running, browser, receiver):
    receiver.always(Redirect("https://elsewhere.example.com/"))
    await subscribe(running, receiver.url)
    event = await emit(running)
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


async def test_sending_again_to_a_paused_subscription_says_that_it_waits(running, browser, receiver):
    subscription, event = await delivered(running, browser, receiver.url)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    await running.client.patch(f"{HOOKS}/{subscription}", json={"status": "paused"})
    answer = await browser.post(f"{path}/retry")
    assert "It waits, because the subscription is paused" in browser.words(await browser.follow(answer))


async def test_nothing_is_sent_again_to_a_subscription_that_was_deleted(running, browser, receiver):
    subscription, event = await delivered(running, browser, receiver.url)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    await running.client.delete(f"{HOOKS}/{subscription}")
    page = await browser.get(path)
    assert "The subscription has been deleted" in browser.words(page)
    assert "Send again" not in page.text
    await browser.post(f"{path}/retry", expect=404)
    assert "delivered" in browser.words(await browser.get(path))


async def test_an_event_is_sent_to_one_subscription_that_came_later(running, browser, receiver):
    event = await emit(running)
    later = await subscribe(running, receiver.url + "/later")
    question = await browser.get(f"/portal/events/{event}/send", subscription=later)
    assert f"Event {event} (lead.created) is sent to this subscription" in browser.words(question)
    assert receiver.count == 0
    answer = await browser.post(f"/portal/events/{event}/send", {"subscription": later})
    assert "It is sent now" in browser.words(await browser.follow(answer))
    [request] = await receiver.wait_for(1)
    assert request.headers["webhook-id"] == str(event)
    await shown_when(browser, f"/portal/events/{event}", "delivered with attempt 1")


async def test_before_an_event_is_sent_it_is_said_what_goes_with_it_or_that_nothing_would(running, browser):
    batch = [{"type": "lead.created", "payload": {**LEAD, "client_id": number}} for number in (1, 2, 3)]
    events = (await running.client.post("/api/v1/events/batch", json={"events": batch})).json()["events"]
    all_of_them = await subscribe(running, "http://127.0.0.1:9/all")
    none = await subscribe(running, "http://127.0.0.1:9/none", filter={"payload.client_id": {"gt": 100}})
    await running.client.patch(f"{HOOKS}/{all_of_them}", json={"status": "paused"})
    path = f"/portal/events/{events[0]['id']}/send"
    words = browser.words(await browser.get(path, subscription=all_of_them))
    assert "in the same millisecond as 2 more of its type" in words
    assert "It waits until the subscription, which is paused, is resumed." in words
    page = await browser.get(path, subscription=none)
    assert "filter does not let this event through" in browser.words(page)
    assert ">Send</button>" not in page.text


async def test_what_a_target_answers_is_shown_as_text(running, browser, receiver):
    receiver.answer(200, body=HOSTILE.encode())
    _, event = await delivered(running, browser, receiver.url, description=HOSTILE)
    path = f"/portal/deliveries/{await delivery_of(running, event)}"
    for page in (await browser.get(path), await browser.get(f"{path}/attempts")):
        assert "&lt;script&gt;window.xss=1" in page.text
        assert_only_text(page)


async def test_what_is_held_names_what_holds_it_and_skipping_that_lets_it_go_on(running, browser, receiver):
    receiver.script([Answer(500)])
    by_client = {"key": "/payload/client_id"}
    subscription = await subscribe(running, receiver.url, ordering=by_client, retry=AN_HOUR_LATER)
    holding = await delivery_of(running, await emit(running))
    held = await delivery_of(running, await emit(running))
    words = await shown_when(browser, f"/portal/deliveries/{held}", "is held by")
    assert holding in words
    page = await browser.get(f"/portal/subscriptions/{subscription}")
    assert f'href="{browser.root}/deliveries/{holding}">The earlier one' in page.text
    settings = browser.words(await browser.get(f"/portal/subscriptions/{subscription}/settings"))
    assert "by /payload/client_id" in settings

    async def skip(delivery: str) -> str:
        return browser.words(await browser.follow(await browser.post(f"/portal/deliveries/{delivery}/skip")))

    assert "It is skipped" in await skip(holding)
    await shown_when(browser, f"/portal/deliveries/{held}", "was delivered")
    assert "It is skipped" in await skip(holding)
    assert "It had ended already" in await skip(held)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, ({"timeout_seconds": None, "retry": None, "ordering": None}, "Channel")),
        ({"timeout_seconds": "2.5"}, ({"timeout_seconds": 2.5}, "2.5 s")),
        ({"retry": "5, 30"}, ({"retry": {"schedule_seconds": [5, 30]}}, "after 5, 30 s")),
        (
            {"retry": " for 86400 "},
            ({"retry": {"for_seconds": 86400}}, "for 86400 s, by this hub's schedule"),
        ),
        ({"retry": "none"}, ({"retry": {"schedule_seconds": []}}, "Retries none")),
        (
            {"rate": "50/second", "max_in_flight": "8"},
            ({"rate": "50/second", "max_in_flight": 8}, "at most 8"),
        ),
        ({"ordering": "subscription"}, ({"ordering": "subscription"}, "Order")),
        ({"ordering": " /payload/client_id "}, ({"ordering": {"key": "/payload/client_id"}}, "by /payload/")),
    ],
)
async def test_how_a_target_is_treated_stands_in_fields_of_its_form(api, browser, receiver, texts, expected):
    options, words = expected
    treated = {"timeout_seconds": 9, "retry": {"for_seconds": 60}, "ordering": "subscription"}
    subscription = await subscribe(api, receiver.url, **treated)
    edit = f"/portal/subscriptions/{subscription}/edit"
    before = fields_of((await browser.get(edit)).text, f"/{subscription}/edit")
    assert (before["retry"], before["ordering"]) == (["for 60"], ["subscription"])
    await browser.post(edit, {"target_url": receiver.url, "types": "all", "filter_mode": "rows", **texts})
    assert (await api.client.get(f"{HOOKS}/{subscription}")).json().items() >= options.items()
    page = await browser.get(f"/portal/subscriptions/{subscription}/settings")
    assert words in browser.words(page)
    after = fields_of((await browser.get(edit)).text, f"/{subscription}/edit")
    assert {name: after[name] for name in options} == {
        name: [texts.get(name, "").strip()] for name in options
    }


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"retry": "5, soon"}, "It must have a number in place of “soon”."),
        ({"retry": "for ever"}, "It must have a number in place of “ever”."),
        ({"timeout_seconds": "1_0"}, "It must have a number in place of “1_0”."),
        ({"retry": "5, \u0665"}, "It must have a number in place of “\u0665”."),
        ({"rate": "fast"}, "It must be a rate such as"),
        ({"max_in_flight": "2.5"}, "It must be a whole number from 1 to 10000."),
        ({"timeout_seconds": "61"}, "It must be a number of seconds from 0.1 to 60."),
    ],
)
async def test_a_field_that_is_wrong_says_what_to_enter(api, browser, receiver, texts, words):
    subscription = await subscribe(api, receiver.url)
    fields = {"target_url": receiver.url, "types": "all", "filter_mode": "rows", **texts}
    page = await browser.post(f"/portal/subscriptions/{subscription}/edit", fields, expect=422)
    assert words in browser.words(page)
