"""The allowed targets of a subscription, and the data sent there: host names, headers of another origin, overlapping secrets."""

import pytest
from tests.answers import json_of
from tests.name_servers import name_server

from trunkline.model.subscriptions import MAX_SECRETS
from trunkline.store import subscriptions as subscription_store

HOOKS = "/api/v1/webhooks/subscriptions"
ADDRESSES = {
    "public.test": ["93.184.215.14"],
    "private.test": ["93.184.215.14", "10.0.0.7"],
    "unknown.test": [],
}
PRIVATE = {
    "path": "/target_url",
    "message": "leads to 'private.test', which resolves to an address that is not globally reachable",
}


def body_of(target_url: str = "https://example.com/hook", **members):
    return {"target_url": target_url, "event_types": ["*"], **members}


async def create(client, *given, **members) -> dict:
    return json_of(await client.post(HOOKS, json=body_of(*given, **members)), 201)


@pytest.fixture
async def server():
    async with name_server(ADDRESSES) as running:
        yield running


@pytest.fixture
async def strict(server, database_url, make_hub):
    settings = {
        "delivery.allow_private_networks": "false",
        "delivery.name_servers": server.address,
        "plugins.enabled": "webhooks, zapier, n8n, make",
    }
    return await make_hub(database_url, settings, dispatch=False)


async def test_a_name_that_resolves_to_a_private_address_is_refused_as_a_literal_one(strict):
    answer = await strict.client.post(HOOKS, json=body_of("https://private.test/"))
    assert (answer.status_code, answer.json()["errors"]) == (422, [PRIVATE])
    assert answer.json()["type"].endswith(":target-refused")
    assert (await strict.client.get(HOOKS)).json()["count"] == 0


async def test_a_name_that_does_not_resolve_is_taken_with_a_warning_that_only_that_answer_has(strict):
    made = await create(strict.client, "https://unknown.test/")
    (warning,) = made["warnings"]
    assert "'unknown.test' could not be resolved" in warning
    shown = (await strict.client.get(f"{HOOKS}/{made['id']}")).json()
    assert "warnings" not in shown
    assert "warnings" not in await create(strict.client, "https://public.test/")


async def test_a_changed_target_is_resolved_and_one_that_stays_is_not(strict, server):
    made = await create(strict.client, "https://public.test/")
    url = f"{HOOKS}/{made['id']}"
    refused = await strict.client.patch(url, json={"target_url": "https://private.test/"})
    assert (refused.status_code, refused.json()["errors"]) == (422, [PRIVATE])
    changed = (await strict.client.patch(url, json={"target_url": "https://unknown.test/"})).json()
    assert (changed["target_url"], len(changed["warnings"])) == ("https://unknown.test/", 1)

    asked = len(server.asked)
    for changes in ({"target_url": "https://unknown.test/"}, {"description": "CRM"}):
        assert "warnings" not in (await strict.client.patch(url, json=changes)).json()
    missing = await strict.client.patch(
        f"{HOOKS}/sub_{'0' * 20}", json={"target_url": "https://public.test/"}
    )
    assert missing.status_code == 404
    assert len(server.asked) == asked


async def test_what_is_wrong_otherwise_is_found_before_anything_is_resolved(strict, server):
    answer = await strict.client.post(HOOKS, json=body_of("https://private.test/", filter={"payload.no": 1}))
    assert [error["path"] for error in answer.json()["errors"]] == ["/filter/payload.no"]
    assert server.asked == []


@pytest.mark.parametrize("channel", ["zapier", "n8n", "make"])
async def test_a_platforms_hook_is_judged_alike(strict, channel):
    hooks = f"/api/v1/{channel}/hooks"
    refused = await strict.client.post(
        hooks, json={"target_url": "https://private.test/", "event_type": "lead.created"}
    )
    assert (refused.status_code, refused.json()["errors"]) == (422, [PRIVATE])
    body = {"target_url": "https://unknown.test/", "event_type": "lead.created"}
    for status in (201, 200):
        answer = await strict.client.post(hooks, json=body)
        assert (answer.status_code, len(answer.json()["warnings"])) == (status, 1)
    body["target_url"] = "https://public.test/"
    assert "warnings" not in (await strict.client.post(hooks, json=body)).json()


AUTHORIZATION = {"Authorization": "Bearer very-secret"}


@pytest.mark.parametrize(
    "target", ["https://evil.example.org/hook", "http://example.com/hook", "https://example.com:8443/hook"]
)
async def test_headers_do_not_follow_to_another_scheme_host_or_port(running, target):
    made = await create(running.client, headers=AUTHORIZATION)
    url = f"{HOOKS}/{made['id']}"
    answer = json_of(
        await running.client.patch(url, json={"target_url": target, "description": "moved"}), 422
    )
    (error,) = answer["errors"]
    assert error["path"] == "/headers"
    assert "given again" in error["message"]
    kept = (await running.client.get(url)).json()
    assert (kept["target_url"], kept["description"]) == (made["target_url"], None)
    stored = await running.hub.subscriptions.find(running.company_id, made["id"], channel="webhooks")
    assert stored.headers == AUTHORIZATION

    moved = await running.client.patch(url, json={"target_url": target, "headers": {"X-Team": "7"}})
    assert (moved.status_code, list(moved.json()["headers"])) == (200, ["X-Team"])


@pytest.mark.parametrize("dropped", [{}, None])
async def test_headers_that_are_dropped_leave_the_way_free(running, dropped):
    made = await create(running.client, headers=AUTHORIZATION)
    changes = {"target_url": "https://other.example.org/", "headers": dropped}
    moved = await running.client.patch(f"{HOOKS}/{made['id']}", json=changes)
    assert (moved.status_code, moved.json()["headers"]) == (200, {})
    stored = await running.hub.subscriptions.find(running.company_id, made["id"], channel="webhooks")
    assert stored.headers == {}


@pytest.mark.parametrize("target", ["https://example.com/other?x=1", "HTTPS://EXAMPLE.com:443/hook"])
async def test_headers_stay_within_their_origin(running, target):
    made = await create(running.client, headers=AUTHORIZATION)
    moved = await running.client.patch(f"{HOOKS}/{made['id']}", json={"target_url": target})
    assert (moved.status_code, list(moved.json()["headers"])) == (200, ["Authorization"])


async def test_a_test_call_and_what_is_caught_up_carry_the_headers_of_the_new_target_alone(running, receiver):
    made = await create(running.client, headers=AUTHORIZATION)
    url = f"{HOOKS}/{made['id']}"
    await running.client.patch(url, json={"status": "paused"})
    await running.send_test_event()
    taken = {"target_url": receiver.url}
    for changes in (taken, taken | {"status": "active"}):
        assert (await running.client.patch(url, json=changes)).status_code == 422
    moved = taken | {"headers": {"X-Team": "7"}, "status": "active"}
    assert (await running.client.patch(url, json=moved)).status_code == 200
    await running.client.post(f"{url}/test")
    requests = await receiver.wait_for(2)
    assert all(request.headers["x-team"] == "7" for request in requests)
    assert all("authorization" not in request.headers for request in requests)


async def test_a_header_beyond_ascii_that_was_stored_before_goes_on_and_none_is_added(running, receiver):
    made = await create(running.client, receiver.url, headers={"X-Team": "7"})
    url = f"{HOOKS}/{made['id']}"
    refused = await running.client.patch(url, json={"headers": {"X-Team": "Zoë"}})
    assert [error["path"] for error in refused.json()["errors"]] == ["/headers/X-Team"]

    stored = await running.hub.subscriptions.find(running.company_id, made["id"], channel="webhooks")
    sealed = running.hub.subscription_records.seal(made["id"], stored.secrets, {"X-Team": "Zoë"})
    async with running.hub.engines.write() as connection:
        await subscription_store.update(connection, stored.no, {"sealed": sealed})
    assert (await running.client.patch(url, json={"description": "CRM"})).status_code == 200
    assert (await running.client.post(f"{url}/test")).json()["outcome"] == "delivered"


@pytest.mark.parametrize("signature", ["standard", "stripe", "ed25519"])
async def test_so_many_secrets_sign_at_once_and_no_more(running, receiver, signature):
    made = await create(running.client, receiver.url, signature=signature)
    rotate = f"{HOOKS}/{made['id']}/rotate-secret"
    for _ in range(MAX_SECRETS - 1):
        assert (await running.client.post(rotate, json={"overlap_seconds": 3600})).status_code == 200
    refused = await running.client.post(rotate, json={"overlap_seconds": 3600})
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert "5 secrets" in refused.json()["detail"]

    await running.client.post(f"{HOOKS}/{made['id']}/test")
    (request,) = await receiver.wait_for(1)
    if signature == "stripe":
        assert request.headers["trunkline-signature"].count(",v1=") == MAX_SECRETS
    else:
        assert len(request.headers["webhook-signature"].split(" ")) == MAX_SECRETS

    assert (await running.client.post(rotate, json={"overlap_seconds": 0})).status_code == 200
    assert (await running.client.post(rotate, json={"overlap_seconds": 3600})).status_code == 200
