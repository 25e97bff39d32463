"""Versions of event types in a running hub: each subscription, poll and replay reads its pinned or chosen version."""

from types import ModuleType

import pytest
from tests.answers import json_of
from tests.waiting import until

from trunkline import Caster, EventType, hookimpl
from trunkline.insight import audit

NAME = "order.placed"
OLD = {"amount": 99.5, "city": "Oslo"}
NEW = {"total": 99.5, "city": "Oslo", "currency": "NOK"}


def kind(version, example):
    types = {name: "string" if isinstance(value, str) else "number" for name, value in example.items()}
    schema = {
        "type": "object",
        "properties": {name: {"type": type_} for name, type_ in types.items()},
        "required": list(example),
        "additionalProperties": False,
        "examples": [example],
    }
    return EventType(NAME, "Order Placed", "An order came in.", schema, version)


def up(payload):
    return {"total": payload["amount"], "city": payload["city"], "currency": "NOK"}


def down(payload):
    return {"amount": payload["total"], "city": payload["city"]}


def plugin(*kinds, casters=()):
    module = ModuleType("shop")

    @hookimpl
    def register_event_types():
        return list(kinds)

    @hookimpl
    def register_casters():
        return list(casters)

    module.register_event_types, module.register_casters = register_event_types, register_casters
    return module


CASTERS = [Caster(NAME, 1, 2, up), Caster(NAME, 2, 1, down)]


def after():
    return plugin(kind(1, OLD), kind(2, NEW), casters=CASTERS)


@pytest.fixture(params=["sqlite", "postgresql"])
def start(request, trunkline_hub):
    async def start(shop, **more):
        return await trunkline_hub(
            plugins=[shop, "webhooks", "polling", "zapier"], database=request.param, **more
        )

    return start


async def subscribe(hub, receiver, path="/hook", **more):
    body = {"target_url": receiver.url + path, "event_types": [NAME], **more}
    return json_of(await hub.client.post("/api/v1/webhooks/subscriptions", json=body), 201)


async def emit(hub, payload, **more):
    return json_of(
        await hub.client.post("/api/v1/events", json={"type": NAME, "payload": payload, **more}), 201
    )


async def poll(client, **query):
    answer = json_of(await client.get("/api/v1/events", params=query))
    return [event["payload"] for event in answer["events"]]


def arrived(receiver, path):
    return [request.body for request in receiver.requests if request.path == path]


async def test_what_was_made_before_a_version_goes_on_reading_its_own(start, trunkline_receiver):
    first = await start(plugin(kind(1, OLD)))
    old = await subscribe(first, trunkline_receiver, "/old")
    every = await subscribe(first, trunkline_receiver, "/every", event_types=["*"])
    key = first.client.headers["x-api-key"]
    await emit(first, OLD)
    await trunkline_receiver.wait_for(2)
    await first.stop()

    second = await start(after(), url=first.url)
    new = await subscribe(second, trunkline_receiver, "/new")
    assert new["versions"] == {NAME: 2}
    for made in (old, every):
        view = (await second.client.get(f"/api/v1/subscriptions/{made['id']}")).json()
        assert view["versions"][NAME] == 1
    await emit(second, NEW)
    await trunkline_receiver.wait_for(5)
    assert arrived(trunkline_receiver, "/old") == arrived(trunkline_receiver, "/every")

    assert await poll(second.client) == [up(OLD), NEW]
    second.client.headers["Trunkline-Versions"] = "1"
    assert await poll(second.client) == [OLD, down(NEW)]
    del second.client.headers["Trunkline-Versions"]
    second.client.headers["x-api-key"] = key
    assert await poll(second.client) == [OLD, down(NEW)]
    page = (await second.client.get("/api/v1/events")).content
    for body in arrived(trunkline_receiver, "/old"):
        assert body in page  # pushed and polled: the same bytes, in each version
    page = (await second.client.get("/api/v1/events", params={"versions": f"{NAME}:2"})).content
    assert arrived(trunkline_receiver, "/new")[0] in page


async def test_a_reader_chooses(start, trunkline_receiver):
    hub = await start(after())
    made = await subscribe(hub, trunkline_receiver, "/a", versions={NAME: 1})
    assert made["versions"] == {NAME: 1}
    event = await emit(hub, NEW)
    await trunkline_receiver.wait_for(1)
    assert b'"amount":99.5' in arrived(trunkline_receiver, "/a")[0]
    path = f"/api/v1/webhooks/subscriptions/{made['id']}"
    changed = await hub.client.patch(path, json={"versions": {NAME: 2}})
    assert changed.json()["versions"] == {NAME: 2}
    await emit(hub, NEW)
    await trunkline_receiver.wait_for(2)
    assert b'"total":99.5' in arrived(trunkline_receiver, "/a")[1]

    event = await hub.client.get(f"/api/v1/events/{event['id']}", params={"versions": f"{NAME}:1"})
    assert event.json()["payload"] == OLD
    sample = await hub.client.get("/api/v1/events/sample", params={"versions": f"{NAME}:1"})
    assert [event["payload"] for event in sample.json()] == [OLD, OLD]
    assert await poll(hub.client, versions=f"{NAME}:1") == [OLD, OLD]


async def test_a_producer_that_is_behind_names_its_version(start):
    hub = await start(after())
    await emit(hub, OLD, version=1)
    assert await poll(hub.client) == [up(OLD)]
    refused = json_of(await hub.client.post("/api/v1/events", json={"type": NAME, "payload": OLD}), 422)
    assert {error["path"] for error in refused["errors"]} >= {"/payload/total", "/payload/amount"}
    refused = await hub.client.post("/api/v1/events", json={"type": NAME, "payload": OLD, "version": 3})
    message = "is not a version of order.placed; the versions there are: 1, 2, not '3'"
    assert refused.json()["errors"] == [{"path": "/version", "message": message}]


async def test_a_filter_reads_what_its_subscription_gets(start, trunkline_receiver):
    hub = await start(after())
    await subscribe(
        hub, trunkline_receiver, "/old", versions={NAME: 1}, filter={"payload.amount": {"gte": 100}}
    )
    await subscribe(hub, trunkline_receiver, "/new", filter={"payload.total": {"gte": 100}})
    body = {"target_url": trunkline_receiver.url, "event_types": [NAME], "filter": {"payload.amount": 100}}
    refused = await hub.client.post("/api/v1/webhooks/subscriptions", json=body)
    assert refused.status_code == 422
    assert "is in none of the chosen event types" in refused.text
    small = await emit(hub, NEW)
    await emit(hub, NEW | {"total": 100})
    await trunkline_receiver.wait_for(2)
    assert len(arrived(trunkline_receiver, "/old")) == len(arrived(trunkline_receiver, "/new")) == 1
    explained = await hub.client.get(f"/api/v1/events/{small['id']}/explain")
    reasons = [row["reason"] for row in explained.json()["subscriptions"]]
    assert "payload.amount" in reasons[0]
    assert "payload.total" in reasons[1]
    await settled(hub, 2)
    report = await audit.run(hub.hub.engines, schema_versions=hub.hub.schema_versions)
    assert report.balances, report


async def settled(hub, count):
    async def is_settled():
        report = await audit.run(hub.hub.engines, schema_versions=hub.hub.schema_versions)
        return report.rows == count and report.by_status == {"delivered": count}

    await until(is_settled)


async def test_a_filter_must_fit_the_version_that_is_changed_to(start, trunkline_receiver):
    hub = await start(after())
    made = await subscribe(
        hub, trunkline_receiver, versions={NAME: 1}, filter={"payload.amount": {"gte": 100}}
    )
    path = f"/api/v1/webhooks/subscriptions/{made['id']}"
    assert (await hub.client.patch(path, json={"versions": {NAME: 2}})).status_code == 422
    both = {"versions": {NAME: 2}, "filter": {"payload.total": {"gte": 100}}}
    assert (await hub.client.patch(path, json=both)).json()["versions"] == {NAME: 2}


async def test_a_replay_chooses_and_leaves_the_subscription_as_it_is(start, trunkline_receiver):
    hub = await start(after())
    made = await subscribe(hub, trunkline_receiver, versions={NAME: 1})
    await emit(hub, NEW)
    await trunkline_receiver.wait_for(1)
    await settled(hub, 1)
    replay = f"/api/v1/subscriptions/{made['id']}/replay"
    assert (await hub.client.post(replay, json={"versions": {NAME: 2}})).status_code == 202
    await trunkline_receiver.wait_for(2)
    assert (await hub.client.post(replay, json={})).status_code == 202
    await trunkline_receiver.wait_for(3)
    assert [b'"total"' in body for body in arrived(trunkline_receiver, "/hook")] == [False, True, False]
    refused = await hub.client.post(replay, json={"versions": {NAME: 3}})
    assert refused.json()["errors"][0]["path"] == f"/versions/{NAME}"


async def test_a_hook_chooses_and_the_same_again_is_the_same_hook(start, trunkline_receiver):
    hub = await start(after())
    body = {"target_url": trunkline_receiver.url, "event_type": NAME, "versions": {NAME: 1}}
    first = await hub.client.post("/api/v1/zapier/hooks", json=body)
    again = await hub.client.post("/api/v1/zapier/hooks", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = await hub.client.post("/api/v1/zapier/hooks", json=body | {"versions": {NAME: 2}})
    assert (other.status_code, other.json()["id"] == first.json()["id"]) == (201, False)
    await emit(hub, NEW)
    await trunkline_receiver.wait_for(2)
    assert sorted(b'"total"' in request.body for request in trunkline_receiver.requests) == [False, True]


@pytest.mark.parametrize("header", ["1", "1, order.lost:3", "1,order.placed:1"])
async def test_an_app_made_for_an_older_version_subscribes_to_that(start, trunkline_receiver, header):
    hub = await start(after())
    hub.client.headers["Trunkline-Versions"] = header
    body = {"target_url": trunkline_receiver.url, "event_type": NAME}
    assert (await hub.client.post("/api/v1/zapier/hooks", json=body)).status_code == 201
    sample = await hub.client.get("/api/v1/events/sample", params={"type": NAME})
    assert [event["payload"] for event in sample.json()] == [OLD]
    await emit(hub, NEW)
    await trunkline_receiver.wait_for(1)
    assert b'"amount":99.5' in trunkline_receiver.requests[0].body
    hub.client.headers["Trunkline-Versions"] = "1, order.placed:2"
    assert await poll(hub.client) == [NEW]


@pytest.mark.parametrize("header", ["2", "order.placed:2", "1, order.placed:0", "1;order.placed:2", "1,"])
async def test_a_header_of_another_form_is_refused(trunkline_hub, header):
    hub = await trunkline_hub(plugins=[after(), "polling"], dispatch=False)
    answer = await hub.client.get("/api/v1/events", headers={"Trunkline-Versions": header})
    assert (answer.status_code, "must look like '1, TYPE:2'" in answer.text) == (400, True)


async def test_a_type_added_to_a_subscription_is_read_in_its_current_version(start, trunkline_receiver):
    other = EventType("order.paid", "Order Paid", "Paid.", {"type": "object", "examples": [{}]})
    hub = await start(plugin(kind(1, OLD), kind(2, NEW), other, casters=CASTERS))
    made = await subscribe(hub, trunkline_receiver, event_types=["order.paid"])
    path = f"/api/v1/webhooks/subscriptions/{made['id']}"
    changed = await hub.client.patch(path, json={"event_types": ["order.paid", NAME]})
    assert changed.json()["versions"] == {NAME: 2}


@pytest.mark.parametrize("versions", [{NAME: 3}, {NAME: "1"}, {"order.lost": 1}, [NAME]])
async def test_a_version_that_there_is_not_is_refused(trunkline_hub, trunkline_receiver, versions):
    hub = await trunkline_hub(plugins=[after(), "webhooks"], dispatch=False)
    body = {"target_url": trunkline_receiver.url, "event_types": [NAME], "versions": versions}
    answer = json_of(await hub.client.post("/api/v1/webhooks/subscriptions", json=body), 422)
    assert answer["errors"][0]["path"].startswith("/versions")


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        (f"{NAME}:3", "there is order.placed:1, order.placed:2"),
        (NAME, "there is order.placed:1, order.placed:2"),
        ("order.lost:1", "names the unknown event type 'order.lost'"),
    ],
)
async def test_a_poll_for_a_version_that_there_is_not_is_refused(trunkline_hub, versions, sentence):
    hub = await trunkline_hub(plugins=[after(), "polling"], dispatch=False)
    answer = await hub.client.get("/api/v1/events", params={"versions": versions})
    assert answer.status_code == 400
    assert sentence in answer.text


async def test_each_version_has_its_document(trunkline_hub):
    hub = await trunkline_hub(plugins=[after()], dispatch=False)
    current = (await hub.client.get(f"/api/v1/event-types/{NAME}")).json()
    shown = (current["version"], current["versions"], current["schema_url"])
    assert shown == (2, [1, 2], f"/schemas/events/{NAME}.json")
    old = (await hub.client.get(f"/api/v1/event-types/{NAME}@1")).json()
    assert (old["version"], old["schema_url"], old["example"]) == (1, f"/schemas/events/{NAME}@1.json", OLD)
    assert (await hub.client.get(old["schema_url"])).json() == old["schema"]
    assert (await hub.client.get(f"/schemas/events/{NAME}@3.json")).status_code == 404
    assert (await hub.client.get(f"/schemas/events/{NAME}@.json")).status_code == 404


async def test_an_event_that_cannot_be_cast_is_counted_and_given_as_it_was_stored(trunkline_hub):
    broken = [Caster(NAME, 1, 2, up), Caster(NAME, 2, 1, lambda _: {"amount": "much"})]
    hub = await trunkline_hub(
        plugins=[plugin(kind(1, OLD), kind(2, NEW), casters=broken), "polling"], dispatch=False
    )
    await emit(hub, NEW)
    assert await poll(hub.client, versions=f"{NAME}:1") == [NEW]
    metrics = (await hub.anonymous.get("/metrics")).text
    assert 'trunkline_events_not_cast_total{type="order.placed"} 1.0' in metrics
