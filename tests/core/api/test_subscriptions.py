"""The delivery log, retrying by hand, and ``explain``."""

import asyncio

import jsonschema
import pytest
from tests.answers import json_of, paths
from tests.certificates import HOST, issue, server_context

from trunkline.errors import NotFound
from trunkline_kit.receiver import Answer, CloseWithoutAnswer, Receiver

HOOKS = "/api/v1/webhooks/subscriptions"
LEAD = {"client_id": 7, "first_name": "Jane", "last_name": "Doe", "email": "jane@example.com", "phone": None}
LEAD |= {"status": "Lead - New", "status_id": 10, "created_date": "2026-01-28T10:30:00Z"}


async def emit(hub, number: int = 7) -> int:
    event = {"type": "lead.created", "payload": {**LEAD, "client_id": number}}
    return json_of(await hub.client.post("/api/v1/events", json=event), 201)["id"]


async def log(hub, subscription: dict, **query) -> dict:
    return json_of(await hub.client.get(f"{HOOKS}/{subscription['id']}/deliveries", params=query))


async def until(hub, subscription: dict, **counts: int) -> list[dict]:
    """Return the log as soon as it has that many deliveries of each status."""
    async with asyncio.timeout(60):
        while True:
            found = (await log(hub, subscription, limit=200))["deliveries"]
            if all(sum(d["status"] == status for d in found) == count for status, count in counts.items()):
                return found
            await asyncio.sleep(0.02)


async def explain(hub, event: int) -> dict[str, dict]:
    answer = json_of(await hub.client.get(f"/api/v1/events/{event}/explain"))
    assert answer["event_id"] == event
    return {entry["subscription_id"]: entry for entry in answer["subscriptions"]}


async def test_a_delivery_is_logged_with_its_attempts(running, receiver):
    made = await running.subscribe(receiver.url)
    receiver.script([Answer(503, body=b"busy"), Answer(200, body=b"ok")])
    event = await emit(running)
    (delivery,) = await until(running, made, delivered=1)

    assert delivery.pop("updated_utc").endswith("Z")
    assert delivery == {
        "id": receiver.requests[0].headers["trunkline-delivery-id"],
        "event_id": event,
        "event_type": "lead.created",
        "status": "delivered",
        "attempts": 2,
        "last_status_code": 200,
        "next_attempt_utc": None,
    }
    shown = (await running.client.get(f"/api/v1/deliveries/{delivery['id']}")).json()
    assert shown.pop("updated_utc").endswith("Z")
    for attempt in shown["attempts"]:
        assert attempt.pop("started_utc").endswith("Z")
        assert attempt.pop("duration_ms") >= 0
    first = {"number": 1, "outcome": "retry", "status_code": 503, "response_body": "busy", "error": None}
    last = {"number": 2, "outcome": "delivered", "status_code": 200, "response_body": "ok", "error": None}
    assert shown == delivery | {"subscription_id": made["id"], "attempts": [first, last]}


async def test_the_log_is_paged_newest_first_and_filtered_by_status(running, receiver):
    made = await running.subscribe(receiver.url)
    receiver.script([Answer(500)] * 9)
    events = [await emit(running) for _ in range(3)]
    await until(running, made, exhausted=3)
    events += [await emit(running) for _ in range(4)]
    await until(running, made, delivered=4, exhausted=3)

    async def walk(**query) -> list[list[int]]:
        pages, cursor = [], {}
        while True:
            page = await log(running, made, limit=3, **query, **cursor)
            pages.append([delivery["event_id"] for delivery in page["deliveries"]])
            if page["next_cursor"] is None:
                return pages
            cursor = {"cursor": page["next_cursor"]}

    newest = events[::-1]
    assert await walk() == [newest[:3], newest[3:6], newest[6:]]
    assert await walk(status="delivered") == [newest[:3], newest[3:4]]
    assert await walk(status="exhausted") == [newest[4:]]
    assert await walk(status="gone") == [[]]
    core = await running.client.get(f"/api/v1/subscriptions/{made['id']}/deliveries")
    assert core.json() == await log(running, made)


async def test_what_a_log_query_gets_wrong_is_named(api):
    made = await api.subscribe("https://example.com/")
    for query in ("status=failed", "limit=0", "limit=201", "cursor=zz", "state=gone"):
        for url in (HOOKS, "/api/v1/subscriptions"):
            answer = await api.client.get(f"{url}/{made['id']}/deliveries?{query}")
            assert (answer.status_code, paths(answer)) == (400, [query.partition("=")[0]])


async def test_a_delivery_that_is_not_there_is_404(running):
    without_rows = ["dlv_1_1", "dlv_0_1", "dlv_9223372036854775807_999999999999999999"]
    without_meaning = ["dlv_x", "1", "dlv_1_1_1", "dlv_99999999999999999999_1", "dlv_%D9%A1_1", "%00"]
    for given in (*without_rows, *without_meaning):
        for method, path in (("GET", ""), ("POST", "/retry"), ("POST", "/skip")):
            answer = await running.client.request(method, f"/api/v1/deliveries/{given}{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_refused_address_is_a_failed_attempt_that_says_so(database_url, make_hub, receiver):
    open_hub = await make_hub(database_url)
    made = await open_hub.subscribe(receiver.url)
    await open_hub.hub.__aexit__(None, None, None)
    strict = await make_hub(database_url, {"delivery.allow_private_networks": "false"})
    await emit(strict)
    (delivery,) = await until(strict, made, exhausted=1)
    shown = (await strict.client.get(f"/api/v1/deliveries/{delivery['id']}")).json()
    answers = {(attempt["error"], attempt["status_code"]) for attempt in shown["attempts"]}
    assert answers == {("address_refused", None)}
    assert receiver.count == 0


async def test_a_fault_of_tls_is_named_wherever_an_attempt_is_shown(running, tmp_path, caplog):
    caplog.set_level("INFO")
    async with Receiver(ssl_context=server_context(tmp_path, issue(HOST))) as target:
        made = await running.subscribe(target.url)
        event = await emit(running)
        (delivery,) = await until(running, made, exhausted=1)
        tried = (await running.client.post(f"{HOOKS}/{made['id']}/test")).json()
    shown = (await running.client.get(f"/api/v1/deliveries/{delivery['id']}")).json()
    explained = (await explain(running, event))[made["id"]]
    logged = {record.error for record in caplog.records if record.msg == "an attempt failed"}
    (error,) = {tried["error"], explained["last_error"], *logged, *(a["error"] for a in shown["attempts"])}
    assert error.startswith("tls_failed: unknown_issuer: This hub does not trust the issuer")


async def test_an_attempt_that_sent_its_request_twice_says_so(running, receiver, caplog):
    caplog.set_level("INFO")
    made = await running.subscribe(receiver.url)
    receiver.script([Answer(), CloseWithoutAnswer(), Answer()])
    for number in (1, 2):
        event = await emit(running, number)
        deliveries = await until(running, made, delivered=number)
    assert [request.connection for request in receiver.requests] == [1, 1, 2]
    attempts = [
        (await running.client.get(f"/api/v1/deliveries/{each['id']}")).json()["attempts"]
        for each in deliveries
    ]
    assert [["sent_twice" in attempt for attempt in each] for each in attempts] == [[True], [False]]
    assert (await explain(running, event))[made["id"]]["last_sent_twice"]
    (line,) = [record for record in caplog.records if record.msg.startswith("sent requests twice")]
    assert (line.company_id, line.delivery_ids) == (running.company_id, [deliveries[0]["id"]])


@pytest.mark.parametrize(("status", "attempts"), [("exhausted", 3), ("delivered", 1)])
async def test_a_finished_delivery_is_sent_again_at_once(running, receiver, status, attempts):
    made = await running.subscribe(receiver.url)
    receiver.script([Answer(500 if status == "exhausted" else 200)] * attempts)
    await emit(running)
    (delivery,) = await until(running, made, **{status: 1})
    retried = json_of(await running.client.post(f"/api/v1/deliveries/{delivery['id']}/retry"), 202)
    assert (retried["id"], retried["status"]) == (delivery["id"], "pending")
    first, *_, last = await receiver.wait_for(attempts + 1)
    (again,) = await until(running, made, delivered=1)
    assert (again["id"], again["attempts"]) == (delivery["id"], attempts + 1)
    assert (last.body, last.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])
    assert last.headers["trunkline-attempt"] == str(attempts + 1)


@pytest.mark.parametrize(
    ("asked", "by", "words"),
    [
        (None, "schedule", "attempts so far: 1)."),
        ("30", "schedule", "attempts so far: 1)."),
        ("100", "retry_after", "(attempts so far: 1), no sooner than the target's Retry-After asks."),
        ("999999", "retry_after", "no sooner than the target's Retry-After asks."),
    ],
)
async def test_a_retry_says_whether_it_waits_as_planned_or_as_its_target_asks(  # noqa: PLR0917
    lend_hub, engine, receiver, asked, by, words
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "60,60", "delivery.retry_jitter": "0.5"})
    made = await hub.subscribe(receiver.url)
    receiver.answer(503, headers={"retry-after": asked} if asked else {})
    event = await emit(hub)
    (delivery,) = await until(hub, made, pending=1)
    entry = (await explain(hub, event))[made["id"]]
    (listed,) = (await hub.client.get(f"/api/v1/subscriptions/{made['id']}/deliveries")).json()["deliveries"]
    shown = (await hub.client.get(f"/api/v1/deliveries/{delivery['id']}")).json()
    assert [each["next_attempt_by"] for each in (delivery, entry, listed, shown)] == [by] * 4
    assert words in entry["reason"]
    assert (entry["state"], entry["attempts"]) == ("pending", 1)
    assert delivery["updated_utc"] < delivery["next_attempt_utc"] == entry["next_attempt_utc"]

    await hub.client.post(f"/api/v1/deliveries/{delivery['id']}/retry")
    receiver.answer(204)
    (delivery,) = await until(hub, made, delivered=1)
    assert "next_attempt_by" not in delivery


async def test_what_is_held_in_an_order_says_by_what_and_goes_on_when_that_is_skipped(
    lend_hub, engine, receiver
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "3600"})
    made = await hub.subscribe(receiver.url, ordering={"key": "/payload/client_id"})
    assert made["ordering"] == {"key": "/payload/client_id"}
    receiver.script([Answer(500)])
    await emit(hub)
    event = await emit(hub)
    held, holding = await until(hub, made, pending=1, held=1)
    assert (held["held_by"], "held_by" in holding) == (holding["id"], False)
    listed = (await log(hub, made, status="held"))["deliveries"]
    assert [(d["id"], d["held_by"]) for d in listed] == [(held["id"], holding["id"])]
    entry = (await explain(hub, event))[made["id"]]
    assert (entry["state"], entry["held_by"]) == ("held", holding["id"])

    skipped = await hub.client.post(f"/api/v1/deliveries/{holding['id']}/skip")
    assert (skipped.status_code, skipped.json()["status"]) == (202, "skipped")
    await until(hub, made, skipped=1, delivered=1)
    again = await hub.client.post(f"/api/v1/deliveries/{held['id']}/skip")
    assert (again.status_code, again.json()["status"]) == (202, "delivered")


@pytest.mark.parametrize("given", ["yesterday", "2026-01-28", "2026-01-28T10:30:00", True])
async def test_a_time_that_is_none_is_refused_with_an_example(api, given):
    made = await api.subscribe("https://example.com/hook")
    answer = await api.client.post(f"{HOOKS}/{made['id']}/replay", json={"from": given})
    (fault,) = answer.json()["errors"]
    assert fault["path"] == "/from"
    assert "an ISO 8601 time with its offset, such as 2026-01-28T10:30:00Z" in fault["message"]


async def test_an_ordering_is_changed_by_patch_and_refused_where_no_event_can_have_its_key(api):
    made = await api.subscribe("https://example.com/h", event_types=["lead.created"])
    assert made["ordering"] is None
    path = f"/api/v1/subscriptions/{made['id']}"
    for ordering in ("subscription", {"key": "/payload/client_id"}, None):
        answer = await api.client.patch(path, json={"ordering": ordering})
        assert (answer.status_code, answer.json()["ordering"]) == (200, ordering)
    refused = await api.client.patch(path, json={"ordering": {"key": "/payload/invoice_id"}})
    assert (refused.status_code, [e["path"] for e in refused.json()["errors"]]) == (422, ["/ordering/key"])
    hook = {"target_url": "https://example.com/z", "event_type": "lead.created", "ordering": "subscription"}
    made = (await api.client.post("/api/v1/zapier/hooks", json=hook)).json()
    shown = (await api.client.get(f"/api/v1/subscriptions/{made['id']}")).json()
    assert shown["ordering"] == "subscription"


async def test_a_limit_and_retries_of_ones_own_are_given_and_changed_on_every_channel_that_pushes(api):
    retry = {"schedule_seconds": [5, 30]}
    own = {"timeout_seconds": 5, "retry": retry, "rate": "50/second", "max_in_flight": 8}
    made = await api.subscribe("https://example.com/h", **own)
    assert made == made | own
    path = f"/api/v1/subscriptions/{made['id']}"
    for change in ({"retry": {"for_seconds": 3600}}, dict.fromkeys(own)):
        changed = (await api.client.patch(path, json=change)).json()
        assert changed == changed | own | change
    for name, wrong in (("timeout_seconds", 61), ("retry", {}), ("rate", "1/hour"), ("max_in_flight", 0)):
        refused = await api.client.patch(path, json={name: wrong})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, f"/{name}")
    for channel in ("zapier", "n8n", "make"):
        hook = {"target_url": f"https://example.com/{channel}", "event_type": "lead.created", **own}
        made = (await api.client.post(f"/api/v1/{channel}/hooks", json=hook)).json()
        shown = (await api.client.get(f"/api/v1/subscriptions/{made['id']}")).json()
        assert shown == shown | own


async def test_an_events_deliveries_are_listed_after_their_subscription_was_deleted_too(running, receiver):
    kept, deleted = await running.subscribe(receiver.url), await running.subscribe(receiver.url)
    event = await emit(running)
    await until(running, kept, delivered=1)
    await until(running, deleted, delivered=1)
    await running.client.delete(f"{HOOKS}/{deleted['id']}")

    found = await running.hub.deliveries.of_event(running.company_id, event)
    assert [(one["subscription_id"], one["event_id"], one["status"]) for one in found] == [
        (kept["id"], event, "delivered"),
        (deleted["id"], event, "delivered"),
    ]
    for company_id, event_id in ((running.neighbour_id, event), (running.company_id, event + 1)):
        with pytest.raises(NotFound):
            await running.hub.deliveries.of_event(company_id, event_id)


async def test_what_is_pending_when_a_subscription_is_deleted_ends_as_gone(lend_hub, engine, receiver):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "3600"})
    made = await hub.subscribe(receiver.url)
    receiver.script([Answer(500), Answer(500), Answer(200)])
    for _ in range(3):
        await emit(hub)
    deliveries = await until(hub, made, pending=2, delivered=1)
    assert (await hub.client.delete(f"{HOOKS}/{made['id']}")).status_code == 204

    shown = [(await hub.client.get(f"/api/v1/deliveries/{d['id']}")).json() for d in deliveries]
    assert sorted(delivery["status"] for delivery in shown) == ["delivered", "gone", "gone"]
    assert [delivery["next_attempt_utc"] for delivery in shown] == [None] * 3
    await emit(hub)
    await asyncio.sleep(0.2)
    assert receiver.count == 3


async def test_a_subscription_whose_target_is_gone_is_disabled_with_reason_and_time(running, receiver):
    made = await running.subscribe(receiver.url)
    receiver.answer(410)
    event = await emit(running)
    await until(running, made, gone=1)
    shown = (await running.client.get(f"{HOOKS}/{made['id']}")).json()
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
    assert shown["disabled_utc"].endswith("Z")
    entry = (await explain(running, event))[made["id"]]
    assert (entry["matched"], entry["state"]) == (True, "gone")
    assert "gone" in entry["reason"]

    receiver.answer(200)
    again = (await running.client.patch(f"{HOOKS}/{made['id']}", json={"status": "active"})).json()
    moving = ("health", "updated_utc", "success_rate_24h", "p95_ms_24h")
    resumed = {"status": "active", "disabled_reason": None, "disabled_utc": None}
    assert again == shown | resumed | {name: again[name] for name in moving}
    await emit(running)
    await until(running, made, delivered=1)


async def test_many_targets_that_are_gone_at_once_while_their_subscriptions_change(running, receiver):
    receiver.answer(410)
    made = [await running.subscribe(f"{receiver.url}/{n}") for n in range(10)]

    async def change(subscription: dict) -> set[int]:
        url = f"{HOOKS}/{subscription['id']}"
        return {(await running.client.patch(url, json={"description": str(n)})).status_code for n in range(8)}

    async def delete(subscription: dict) -> set[int]:
        return {(await running.client.delete(f"{HOOKS}/{subscription['id']}")).status_code}

    await emit(running)
    statuses = await asyncio.gather(*(change(s) for s in made[:8]), *(delete(s) for s in made[8:]))
    assert set().union(*statuses) == {200, 204}
    for subscription in made[:8]:
        await until(running, subscription, gone=1)
    left = (await running.client.get(HOOKS)).json()["subscriptions"]
    assert {subscription["disabled_reason"] for subscription in left} == {"gone"}
    assert (await running.anonymous.get("/readyz")).json()["dispatcher"] == "ok"


async def test_explain_has_an_entry_and_a_reason_for_every_subscription(running, receiver):
    delivered = await running.subscribe(receiver.url)
    failing = await running.subscribe(receiver.url + "/fails")
    receiver.answer(500, path="/fails")
    other_type = await running.subscribe(receiver.url, event_types=["payment.failed", "client.created"])
    unmet = await running.subscribe(receiver.url, filter={"payload.client_id": {"gt": 100}})
    paused = await running.subscribe(receiver.url)
    await running.client.patch(f"{HOOKS}/{paused['id']}", json={"status": "paused"})
    event = await emit(running)
    late = await running.subscribe(receiver.url)
    await until(running, delivered, delivered=1)
    await until(running, failing, exhausted=1)

    found = await explain(running, event)
    assert list(found) == [s["id"] for s in (delivered, failing, other_type, unmet, paused, late)]
    untried = {"channel": "webhooks", "matched": False, "state": None, "attempts": 0}
    untried |= {"next_attempt_utc": None, "delivery_id": None}
    for subscription, word in (
        (other_type, "payment.failed, client.created"),
        (unmet, "payload.client_id"),
        (paused, "paused"),
        (late, "before"),
    ):
        entry = found[subscription["id"]]
        assert word in entry["reason"]
        shared = {name: entry[name] for name in ("subscription_id", "reason", "created_by")}
        assert entry == untried | shared
    for subscription, state, attempts in ((delivered, "delivered", 1), (failing, "exhausted", 3)):
        entry = found[subscription["id"]]
        assert set(entry) == {*untried, *shared, "last_status_code", "last_response", "last_error"}
        assert (entry["matched"], entry["state"], entry["attempts"]) == (True, state, attempts)
        delivery = json_of(await running.client.get(f"/api/v1/deliveries/{entry['delivery_id']}"))
        assert (delivery["event_id"], entry["channel"]) == (event, "webhooks")


async def test_explain_tells_the_last_answer_without_the_secrets_that_the_target_was_sent(
    lend_hub, engine, receiver
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "0.05, 3600"})
    made = await hub.subscribe(receiver.url, headers={"Authorization": "Bearer s3cret-of-theirs"})
    refused = await hub.subscribe("http://127.0.0.1:9/closed")
    echo = f"no: Bearer s3cret-of-theirs {made['secret']}\nsecond line"
    receiver.script([Answer(500, body=b"first"), Answer(503, body=echo.encode())])
    event = await emit(hub)
    await receiver.wait_for(2)
    async with asyncio.timeout(60):
        while (await explain(hub, event))[made["id"]]["attempts"] < 2:
            await asyncio.sleep(0.02)
        while (await explain(hub, event))[refused["id"]]["attempts"] < 1:
            await asyncio.sleep(0.02)
    found = await explain(hub, event)
    for subscription, last in (
        (made, {"last_status_code": 503, "last_response": "no: •••• ••••", "last_error": None}),
        (refused, {"last_status_code": None, "last_response": None, "last_error": "connection_refused"}),
    ):
        entry = found[subscription["id"]]
        assert entry == entry | last
        components = (await hub.anonymous.get("/openapi.json")).json()["components"]
        schema = {"$ref": "#/components/schemas/SubscriptionExplanation", "components": components}
        jsonschema.validate(entry, schema)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (410, "gone", "its target answered that it is gone"),
        (500, "failing", "every attempt had failed for too long"),
    ],
)
async def test_explain_says_why_a_subscription_is_disabled_and_since_when(  # noqa: PLR0917
    lend_hub, engine, receiver, status, reason, words
):
    chosen = {"delivery.breaker_failures": "2", "delivery.breaker_span_seconds": "0"}
    hub = await lend_hub(engine, {**chosen, "delivery.retry_schedule_seconds": "0.05, 3600"})
    made = await hub.subscribe(receiver.url)
    receiver.answer(status, body=b"closed for good")
    event = await emit(hub)
    async with asyncio.timeout(60):
        while (await hub.client.get(f"{HOOKS}/{made['id']}")).json()["status"] == "active":
            await asyncio.sleep(0.02)
    shown = (await hub.client.get(f"{HOOKS}/{made['id']}")).json()
    later = await emit(hub, 8)
    first, last = [(await explain(hub, number))[made["id"]] for number in (event, later)]
    disabled = {"disabled_reason": reason, "disabled_utc": shown["disabled_utc"]}
    assert first == first | disabled | {"last_status_code": status, "last_response": "closed for good"}
    assert last == last | disabled
    assert f"disabled ({reason}: {words})" in last["reason"]
    assert "last_response" not in last


async def test_explain_says_that_a_matched_event_waits_while_its_subscription_is_paused(
    lend_hub, engine, receiver
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "3600"})
    made = await hub.subscribe(receiver.url)
    receiver.script([Answer(500)])
    event = await emit(hub)
    await until(hub, made, pending=1)
    await hub.client.patch(f"{HOOKS}/{made['id']}", json={"status": "paused"})
    entry = (await explain(hub, event))[made["id"]]
    assert (entry["matched"], entry["state"], entry["next_attempt_utc"]) == (True, "pending", None)
    assert "paused" in entry["reason"]
    await hub.client.patch(f"{HOOKS}/{made['id']}", json={"status": "active"})
    await until(hub, made, delivered=1)


async def test_an_event_that_is_about_to_be_delivered_is_explained_as_pending(api):
    assert await explain(api, await emit(api)) == {}
    made = await api.subscribe("https://example.com/")
    entry = (await explain(api, await emit(api)))[made["id"]]
    assert entry == entry | {"matched": True, "state": "pending", "attempts": 0, "delivery_id": None}


async def test_an_event_that_is_not_there_is_not_explained(api):
    for given in ("0", "1", "abc", "9223372036854775808", "%D9%A1", "1%00"):
        answer = await api.client.get(f"/api/v1/events/{given}/explain")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
