"""REST hooks over HTTP, on each of the three channels."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.answers import json_of
from tests.payloads import PAID

CHANNELS = ("make", "n8n", "zapier")
TARGET = "https://hooks.example.com/catch/1"


def paid(amount: float = 99) -> dict[str, Any]:
    return {"type": "payment.succeeded", "payload": PAID | {"payment_amount": amount}}


async def test_all_three_deliver_by_one_function(api):
    """Check this so that one channel can stand for all in ``tests/testing/test_builtins_channel.py``."""
    channels = api.hub.channels()
    same = [replace(channels[name], name="", title="", description="") for name in CHANNELS]
    assert same[0] == same[1] == same[2]
    assert same[0].deliver is not None


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_platform_subscribes_once_however_often_it_asks(api, channel):
    body = {"target_url": TARGET, "event_types": ["client.created", "lead.created"]}
    hook = json_of(await api.client.post(f"/api/v1/{channel}/hooks", json=body), 201)
    assert hook["channel"] == channel
    assert hook["status"] == "active"
    assert hook["secret"].startswith("whsec_")
    again = json_of(
        await api.client.post(
            f"/api/v1/{channel}/hooks", json=body | {"event_types": ["lead.created", "client.created"]}
        )
    )
    assert again == hook


@pytest.mark.parametrize("name", ["target_url", "hookUrl", "url"])
async def test_the_target_has_three_names(api, name):
    answer = json_of(
        await api.client.post("/api/v1/zapier/hooks", json={name: TARGET, "event_type": "client.created"}),
        201,
    )
    assert answer["target_url"] == TARGET
    assert answer["event_types"] == ["client.created"]


@pytest.mark.parametrize(
    ("body", "path", "sentence"),
    [
        ({"event_type": "client.created"}, "/target_url", "is required (or hookUrl or url)"),
        ({"target_url": "", "event_type": "lead.created"}, "/target_url", "is required (or hookUrl or url)"),
        ({"target_url": TARGET}, "/event_type", "is required (or event_types)"),
        (
            {"target_url": TARGET, "url": TARGET, "event_type": "client.created"},
            "/url",
            "says the same as target_url; send one of the two",
        ),
        (
            {"url": TARGET, "event_type": "a.b", "event_types": ["a.b"]},
            "/event_types",
            "says the same as event_type; send one of the two",
        ),
    ],
    ids=["no target", "empty target", "no type", "two targets", "types twice"],
)
async def test_what_is_missing_or_double_is_named(api, body, path, sentence):
    answer = json_of(await api.client.post("/api/v1/make/hooks", json=body), 422)
    assert {"path": path, "message": sentence} in answer["errors"]


async def test_another_filter_is_another_hook(api):
    body = {"target_url": TARGET, "event_type": "payment.succeeded"}
    plain = await api.client.post("/api/v1/n8n/hooks", json=body)
    large = json_of(
        await api.client.post(
            "/api/v1/n8n/hooks", json=body | {"filter": {"payload.payment_amount": {"gte": 100}}}
        ),
        201,
    )
    assert large["id"] != plain.json()["id"]
    listed = (await api.client.get("/api/v1/n8n/hooks", params={"target_url": TARGET})).json()
    assert [hook["id"] for hook in listed["hooks"]] == [plain.json()["id"], large["id"]]
    assert listed["count"] == 2


async def test_a_hook_is_its_channel_s_and_its_company_s(api):
    hook = (
        await api.client.post("/api/v1/zapier/hooks", json={"url": TARGET, "event_type": "lead.created"})
    ).json()
    assert (await api.client.get("/api/v1/make/hooks")).json() == {
        "hooks": [],
        "count": 0,
        "next_cursor": None,
    }
    assert (await api.client.get(f"/api/v1/webhooks/subscriptions/{hook['id']}")).status_code == 404
    assert (await api.client.delete(f"/api/v1/make/hooks/{hook['id']}")).status_code == 204
    other = await api.client_of(api.neighbour_id)
    assert (await other.delete(f"/api/v1/zapier/hooks/{hook['id']}")).status_code == 204
    assert (await api.client.get("/api/v1/zapier/hooks")).json()["count"] == 1
    shown = (await api.client.get(f"/api/v1/subscriptions/{hook['id']}")).json()
    assert shown["channel"] == "zapier"
    assert "secret" not in shown


async def test_unsubscribing_twice_is_no_error(api):
    hook = (
        await api.client.post("/api/v1/zapier/hooks", json={"url": TARGET, "event_type": "lead.created"})
    ).json()
    for _ in range(2):
        assert (await api.client.delete(f"/api/v1/zapier/hooks/{hook['id']}")).status_code == 204
    assert (await api.client.delete("/api/v1/zapier/hooks/anything")).status_code == 204
    assert (await api.client.get("/api/v1/zapier/hooks")).json()["count"] == 0


async def test_many_who_subscribe_at_once_get_one_hook(running):
    body = {"target_url": TARGET, "event_type": "lead.created"}
    answers = await asyncio.gather(
        *(running.client.post("/api/v1/zapier/hooks", json=body) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_hook_counts_among_the_subscriptions_that_a_company_may_have(sqlite_database_url, make_hub):
    hub = await make_hub(sqlite_database_url, {"delivery.max_subscriptions": "1"}, dispatch=False)
    body = {"target_url": TARGET, "event_type": "lead.created"}
    assert (await hub.client.post("/api/v1/zapier/hooks", json=body)).status_code == 201
    assert (await hub.client.post("/api/v1/zapier/hooks", json=body)).status_code == 200
    more = await hub.client.post("/api/v1/zapier/hooks", json=body | {"event_type": "client.created"})
    assert more.status_code == 409


async def test_a_push_has_the_bytes_of_the_stream_and_410_ends_the_hook(running, receiver):
    body = {"target_url": receiver.url, "event_type": "payment.succeeded"}
    first = (await running.client.post("/api/v1/zapier/hooks", json=body)).json()
    await running.client.post("/api/v1/events", json=paid())
    (pushed,) = await receiver.wait_for(1)
    polled = (await running.client.get("/api/v1/events")).content
    assert pushed.body in polled

    receiver.answer(410)
    await running.client.post("/api/v1/events", json=paid(100))
    await receiver.wait_for(2)
    for _ in range(2_000):
        if not (await running.client.get("/api/v1/zapier/hooks")).json()["count"]:
            break
        await asyncio.sleep(0.02)
    shown = (await running.client.get(f"/api/v1/subscriptions/{first['id']}")).json()
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
    assert json_of(await running.client.post("/api/v1/zapier/hooks", json=body), 201)["id"] != first["id"]


async def test_a_hook_that_was_disabled_for_failing_goes_on_when_the_platform_asks_again(
    sqlite_database_url, make_hub, receiver
):
    breaker = {"delivery.breaker_failures": "1", "delivery.breaker_span_seconds": "0"}
    hub = await make_hub(sqlite_database_url, breaker | {"delivery.retry_schedule_seconds": "600"})
    body = {"target_url": receiver.url, "event_type": "payment.succeeded"}
    first = (await hub.client.post("/api/v1/n8n/hooks", json=body)).json()
    receiver.answer(500)
    await hub.client.post("/api/v1/events", json=paid(1))
    await receiver.wait_for(1)
    for _ in range(2_000):
        (hook,) = (await hub.client.get("/api/v1/n8n/hooks")).json()["hooks"]
        if hook["status"] == "disabled":
            break
        await asyncio.sleep(0.02)
    assert hook["status"] == "disabled"
    await hub.client.post("/api/v1/events", json=paid(2))
    receiver.answer(200)
    again = json_of(await hub.client.post("/api/v1/n8n/hooks", json=body))
    assert (again["id"], again["status"]) == (first["id"], "active")
    bodies = [request.body for request in await receiver.wait_for(3)]
    assert any(b'"payment_amount":2' in one for one in bodies)


async def test_the_hooks_of_a_disabled_plugin_are_not_there(sqlite_database_url, make_hub):
    hub = await make_hub(sqlite_database_url, {"plugins.disabled": "make"}, dispatch=False)
    assert (await hub.client.get("/api/v1/make/hooks")).status_code == 404


async def test_what_a_form_had_left_empty_is_no_condition(api):
    body = {"target_url": "https://hooks.example.com/blank", "event_type": "payment.failed"}
    empty = {
        "payload.failure_reason": "",
        "payload.amount_attempted": {"gte": 10, "lte": ""},
        "payload.client_id": {"in": []},
    }
    made = (await api.client.post("/api/v1/make/hooks", json=body | {"filter": empty})).json()
    assert made["filter"] == {"payload.amount_attempted": {"gte": 10}}
    for nothing in ({}, {"payload.failure_reason": ""}, {"payload.amount_attempted": {}}):
        made = (await api.client.post("/api/v1/make/hooks", json=body | {"filter": nothing})).json()
        assert made["filter"] is None
