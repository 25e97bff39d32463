"""Event types that the operator registers over the API: effective at once in every process, and never broken."""

import json
import shutil
from pathlib import Path

import orjson
import pytest
from tests.waiting import until

from trunkline.ingest import event_types
from trunkline.schemas.publishing import COMMENT

SHOP = Path(__file__).parents[3] / "docs" / "examples" / "shop" / "schemas"
FIELDS = {"refund_id": {"title": "Refund ID", "description": "Which it is.", "type": "integer"}}
EXAMPLE = {"refund_id": 7}


def schema(**changes) -> dict:
    said = {"title": "Refund Made", "description": "A refund was made.", "examples": [EXAMPLE]}
    shape = {"type": "object", "properties": FIELDS, "required": ["refund_id"]}
    return said | shape | {"additionalProperties": False} | changes


async def register(hub, name, **changes):
    return await hub.operator.post("/api/v1/event-types", json={"type": name, "schema": schema(**changes)})


@pytest.fixture
def name(running) -> str:
    return f"refund_{running.company_id}.made"


async def test_a_registered_type_is_served_judged_and_subscribed_to_at_once(running, name):
    made = await register(running, name)
    assert (made.status_code, made.json()) == (201, {"type": name, "revision": 1, "title": "Refund Made"})
    shown = (await running.client.get(f"/api/v1/event-types/{name}")).json()
    assert shown["schema"] | {"additionalProperties": False} == schema() | {"$comment": COMMENT}
    assert "additionalProperties" not in shown["schema"]
    assert name in (await running.client.get("/openapi.json")).json()["webhooks"]
    sent = {"type": name, "payload": EXAMPLE}
    assert (await running.client.post("/api/v1/events", json=sent)).status_code == 201
    refused = await running.client.post("/api/v1/events", json={"type": name, "payload": {}})
    assert refused.json()["errors"] == [{"path": "/payload/refund_id", "message": "is required"}]
    group = f"{name.partition('.')[0]}.*"
    page = (await running.client.get(f"/api/v1/events?types={group}")).json()
    assert [event["type"] for event in page["events"]] == [name]
    again = await register(running, name)
    assert (again.status_code, "is registered already" in again.json()["detail"]) == (409, True)


async def test_a_revision_is_held_to_what_older_clients_read(running, name):
    await register(running, name)

    async def revise(**changes):
        return await running.operator.patch(f"/api/v1/event-types/{name}", json={"schema": schema(**changes)})

    refused = await revise(properties={"id": FIELDS["refund_id"]}, required=["id"], examples=[{"id": 7}])
    assert refused.status_code == 422
    assert "would break an older client" in refused.text
    more = {**FIELDS, "note": {"title": "Note", "description": "Why.", "type": "string"}}
    taken = await revise(properties=more)
    assert (taken.status_code, taken.json()["revision"]) == (200, 2), taken.text
    assert (await revise(properties=more)).json()["revision"] == 2  # the same again changes nothing
    sent = {"type": name, "payload": {**EXAMPLE, "note": "broken"}}
    assert (await running.client.post("/api/v1/events", json=sent)).status_code == 201


async def test_the_digits_of_an_example_stay(running, name):
    text = orjson.dumps({"type": name, "schema": schema()}).replace(b'"refund_id":7', b'"refund_id":7.00')
    headers = {"content-type": "application/json"}
    made = await running.operator.post("/api/v1/event-types", content=text, headers=headers)
    assert made.status_code == 201, made.text
    assert '"refund_id":7.00' in (await running.client.get(f"/schemas/events/{name}.json")).text


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"name": "Refund"}, 422, "the name of an event type is {domain}.{action}"),
        ({"examples": [{}]}, 422, "its example 1 is not valid at '/refund_id'"),
        ({"title": ""}, 422, "the schema has no 'title'"),
        ({"x-version": 2}, 422, "which only types in files may have"),
        ({"name": "subscription.failing"}, 409, "reserved for the hub's operational event types"),
        ({"name": "operational.x"}, 409, "reserved for the hub's operational event types"),
        ({"name": "lead.created"}, 409, "is in the files of this deployment already"),
    ],
)
async def test_what_cannot_serve_is_refused(running, name, changes, status, sentence):
    refused = await register(running, **{"name": name} | changes)
    assert (refused.status_code, sentence in refused.text) == (status, True), refused.text


async def test_only_the_operator_registers_and_only_what_is_registered_is_revised(running, name):
    body = {"type": name, "schema": schema()}
    assert (await running.client.post("/api/v1/event-types", json=body)).status_code == 403
    for known, status in (("lead.created", 409), ("no.such", 404)):
        answer = await running.operator.patch(f"/api/v1/event-types/{known}", json={"schema": schema()})
        assert answer.status_code == status


async def test_every_process_knows_a_type_soon_and_after_a_restart(
    sqlite_database_url, make_hub, monkeypatch
):
    monkeypatch.setattr(event_types, "LOOK_SECONDS", 0.05)
    chosen = {"plugins.enabled": "webhooks"}
    first, second = [await make_hub(sqlite_database_url, chosen, dispatch=False) for _ in range(2)]
    await register(first, "refund.made")

    async def is_known_to_the_second() -> bool:
        event = {"type": "refund.made", "payload": EXAMPLE}
        return (await second.client.post("/api/v1/events", json=event)).status_code == 201

    await until(is_known_to_the_second)
    third = await make_hub(sqlite_database_url, chosen, dispatch=False)
    assert third.hub.catalog.get("refund.made").example == EXAMPLE


async def test_a_type_that_comes_into_files_later_is_theirs(sqlite_database_url, make_hub, tmp_path):
    chosen = {"plugins.enabled": "webhooks", "product.schemas": str(SHOP)}
    first = await make_hub(sqlite_database_url, chosen, dispatch=False)
    await register(first, "refund.made")
    await first.stop()
    folder = tmp_path / "schemas"
    shutil.copytree(SHOP, folder)
    (folder / "events" / "refund.made.json").write_text(json.dumps(schema(title="From a File")))
    second = await make_hub(sqlite_database_url, chosen | {"product.schemas": str(folder)}, dispatch=False)
    assert second.hub.catalog.get("refund.made").title == "From a File"
