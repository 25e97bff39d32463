"""The requests that a receiver gets, checked with independent verifiers, on a real socket."""

import asyncio
import base64
import hashlib
import hmac
import json

import pytest
import standardwebhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.answers import json_of

from trunkline.runtime.turns import Turns
from trunkline_kit.receiver import Answer, Hang, Redirect

HOOKS = "/api/v1/webhooks/subscriptions"


async def create(hub, receiver, **changes) -> dict:
    return await hub.subscribe(**{"target_url": f"{receiver.url}/h", **changes})


def verifies(secret: str, request) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(request.body, dict(request.headers))
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def verifies_ed25519(public_key: str, request) -> bool:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    content = (
        f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    )
    for signature in request.headers["webhook-signature"].split(" "):
        version, _, encoded = signature.partition(",")
        assert version == "v1a"
        try:
            key.verify(base64.b64decode(encoded), content)
        except Exception:
            continue
        return True
    return False


async def test_a_push_is_a_signed_post_of_the_envelope(running, receiver):
    made = await create(running, receiver, headers={"X-Token": "abc"})
    event = await running.send_test_event()
    (request,) = await receiver.wait_for(1)

    assert (request.method, request.path) == ("POST", "/h")
    assert json.loads(request.body) == event
    assert verifies(made["secret"], request)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == str(event["id"])
    assert request.headers["trunkline-event-type"] == "lead.created"
    assert request.headers["trunkline-delivery-id"].startswith("dlv_")
    assert request.headers["trunkline-attempt"] == "1"
    assert request.headers["x-token"] == "abc"


async def test_the_callers_trace_context_comes_with_every_attempt(running, receiver):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = {"type": "lead.created", "payload": running.hub.catalog.get("lead.created").example}
    lead = {"first_name": "J", "last_name": "D", "email": "j@d.example"}
    calls = (
        ("/api/v1/events/test", {"type": "lead.created"}),
        ("/api/v1/events", event),
        ("/api/v1/events/batch", {"events": [event]}),
        ("/api/v1/integrations/leads", lead),
    )
    await create(running, receiver)
    receiver.script([Answer(500)])
    for path, body in calls:
        answer = await running.client.post(path, json=body, headers={"traceparent": trace})
        assert answer.status_code == 201, answer.text
    await running.client.post("/api/v1/events", json=event, headers={"traceparent": f"{trace}-more"})
    await running.send_test_event()
    requests = await receiver.wait_for(len(calls) + 3)
    found = sorted(request.headers.get("traceparent", "") for request in requests)
    assert found == ["", "", *[trace] * (len(calls) + 1)]
    assert "2" in {request.headers["trunkline-attempt"] for request in requests}


async def test_a_retry_has_the_same_id_and_a_new_attempt_number(running, receiver):
    made = await create(running, receiver)
    receiver.script([Answer(500), Redirect("http://127.0.0.1:9/"), Answer(204)])
    await running.send_test_event()
    requests = await receiver.wait_for(3)
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.headers["trunkline-delivery-id"] for request in requests}) == 1
    assert [request.headers["trunkline-attempt"] for request in requests] == ["1", "2", "3"]
    assert all(verifies(made["secret"], request) for request in requests)


async def test_only_the_types_and_the_filter_of_a_subscription_decide_what_it_gets(running, receiver):
    await create(running, receiver, target_url=receiver.url + "/types", event_types=["client.created"])
    await create(
        running, receiver, target_url=receiver.url + "/filter", filter={"payload.amount": {"gte": 100}}
    )
    await create(
        running, receiver, target_url=receiver.url + "/test", filter={"metadata.source": {"ne": "test"}}
    )
    await running.send_test_event("client.created")
    for amount in (99, 100):
        payload = {
            "invoice_id": 1,
            "client_id": 2,
            "amount": amount,
            "due_date": "2026-02-01",
            "invoice_status": "Paid",
        }
        await running.client.post("/api/v1/events", json={"type": "invoice.created", "payload": payload})
    requests = await receiver.wait_for(4)
    await asyncio.sleep(0.1)
    got = sorted(
        (r.path, r.headers["trunkline-event-type"], json.loads(r.body)["payload"].get("amount"))
        for r in requests
    )
    assert got == [
        ("/filter", "invoice.created", 100),
        ("/test", "invoice.created", 99),
        ("/test", "invoice.created", 100),
        ("/types", "client.created", None),
    ]


async def test_github_and_stripe_sign_with_the_secret_as_it_is_shown(running, receiver):
    github = await create(running, receiver, target_url=receiver.url + "/github", signature="github")
    stripe = await create(running, receiver, target_url=receiver.url + "/stripe", signature="stripe")
    await running.send_test_event()
    await receiver.wait_for(2)
    by_path = {request.path: request for request in receiver.requests}

    request = by_path["/github"]
    expected = hmac.new(github["secret"].encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature-256"] == f"sha256={expected}"
    assert {"webhook-id", "webhook-timestamp"} <= set(request.headers)
    assert not {"webhook-signature", "trunkline-signature"} & set(request.headers)

    request = by_path["/stripe"]
    timestamp = request.headers["webhook-timestamp"]
    expected = hmac.new(
        stripe["secret"].encode(), f"{timestamp}.".encode() + request.body, hashlib.sha256
    ).hexdigest()
    assert request.headers["trunkline-signature"] == f"t={timestamp},v1={expected}"
    assert not {"webhook-signature", "x-hub-signature-256"} & set(request.headers)


async def test_ed25519_signs_so_that_the_shown_public_key_verifies(running, receiver):
    made = await create(running, receiver, signature="ed25519")
    await running.send_test_event()
    (request,) = await receiver.wait_for(1)
    assert verifies_ed25519(made["public_key"], request)


async def rotate(hub, made: dict, **body) -> dict:
    return json_of(await hub.client.post(f"{HOOKS}/{made['id']}/rotate-secret", json=body))


async def push_after(hub, receiver):
    await hub.send_test_event()
    return (await receiver.wait_for(receiver.count + 1))[-1]


async def test_both_secrets_sign_during_the_overlap(running, receiver):
    made = await create(running, receiver)
    rotated = await rotate(running, made)
    assert list(rotated) == ["secret"]
    assert rotated["secret"] != made["secret"]

    request = await push_after(running, receiver)
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert verifies(made["secret"], request)
    assert verifies(rotated["secret"], request)


async def test_after_the_overlap_only_the_new_secret_signs(running, receiver):
    made = await create(running, receiver)
    rotated = await rotate(running, made, overlap_seconds=3)
    assert verifies(made["secret"], await push_after(running, receiver))
    await asyncio.sleep(3.1)
    request = await push_after(running, receiver)
    assert not verifies(made["secret"], request)
    assert verifies(rotated["secret"], request)


async def test_a_rotation_without_a_body_overlaps_and_one_of_zero_seconds_does_not(running, receiver):
    made = await create(running, receiver)
    second = json_of(await running.client.post(f"{HOOKS}/{made['id']}/rotate-secret"))["secret"]
    assert verifies(made["secret"], await push_after(running, receiver))
    third = (await rotate(running, made, overlap_seconds=0))["secret"]
    request = await push_after(running, receiver)
    assert [verifies(secret, request) for secret in (made["secret"], second, third)] == [False, False, True]


async def test_in_the_overlap_github_signs_with_the_new_secret_and_stripe_with_both(running, receiver):
    github = await create(running, receiver, target_url=receiver.url + "/github", signature="github")
    stripe = await create(running, receiver, target_url=receiver.url + "/stripe", signature="stripe")
    secret = (await rotate(running, github))["secret"]
    await rotate(running, stripe)
    await running.send_test_event()
    await receiver.wait_for(2)
    by_path = {request.path: request for request in receiver.requests}
    expected = hmac.new(secret.encode(), by_path["/github"].body, hashlib.sha256).hexdigest()
    assert by_path["/github"].headers["x-hub-signature-256"] == f"sha256={expected}"
    assert by_path["/stripe"].headers["trunkline-signature"].count("v1=") == 2


async def test_rotating_an_ed25519_key_gives_a_new_public_key_and_both_verify(running, receiver):
    made = await create(running, receiver, signature="ed25519")
    rotated = await rotate(running, made)
    assert list(rotated) == ["public_key"]
    assert (await running.client.get(f"{HOOKS}/{made['id']}")).json()["public_key"] == rotated["public_key"]
    request = await push_after(running, receiver)
    assert verifies_ed25519(made["public_key"], request)
    assert verifies_ed25519(rotated["public_key"], request)


@pytest.mark.parametrize(
    "body",
    [
        {"overlap_seconds": -1},
        {"overlap_seconds": "60"},
        {"overlap_seconds": 1.5},
        {"overlap_seconds": 10**9},
        {"overlap": 1},
    ],
)
async def test_a_rotation_that_makes_no_sense_is_refused_and_changes_nothing(api, receiver, body):
    made = await create(api, receiver)
    answer = json_of(await api.client.post(f"{HOOKS}/{made['id']}/rotate-secret", json=body), 422)
    assert answer["errors"][0]["path"] == f"/{next(iter(body))}"
    (secret,) = (await api.hub.subscriptions.find(api.company_id, made["id"], channel="webhooks")).secrets
    assert secret.text == made["secret"]


async def test_a_test_call_sends_an_example_and_shows_the_attempt(running, receiver):
    made = await create(running, receiver, event_types=["payment.failed"], headers={"X-Token": "abc"})
    receiver.answer(202, body=b"thanks")
    answer = await running.client.post(f"{HOOKS}/{made['id']}/test")
    attempt = answer.json()
    (request,) = await receiver.wait_for(1)

    assert answer.status_code == 200
    assert isinstance(attempt.pop("duration_ms"), int)
    assert attempt == {"outcome": "delivered", "status_code": 202, "response_body": "thanks", "error": None}
    assert request.headers["webhook-id"].startswith("test_")
    assert request.headers["x-token"] == "abc"
    assert verifies(made["secret"], request)
    envelope = json.loads(request.body)
    assert (envelope["type"], envelope["companyId"], envelope["metadata"]) == (
        "payment.failed",
        running.company_id,
        {"source": "test"},
    )


async def test_a_company_has_few_test_calls_under_way_at_once(running, receiver, monkeypatch):
    trials = running.hub.subscriptions.test.__self__
    monkeypatch.setattr(trials, "turns", Turns(share=1, total=2))
    monkeypatch.setattr("trunkline.subscribing.trial.WAIT_SECONDS", 0.05)
    made = await create(running, receiver, timeout_seconds=3)
    receiver.always(Hang())
    first = asyncio.create_task(running.client.post(f"{HOOKS}/{made['id']}/test"))
    await receiver.wait_for(1)

    refused = json_of(await running.client.post(f"{HOOKS}/{made['id']}/test"), 429)
    assert "too many tests of subscriptions under way" in refused["detail"]
    assert (await first).json()["error"] == "timeout"
    receiver.always(Answer())
    assert (await running.client.post(f"{HOOKS}/{made['id']}/test")).json()["outcome"] == "delivered"


async def test_a_test_call_works_while_paused_and_is_neither_tried_again_nor_logged(running, receiver):
    made = await create(running, receiver)
    await running.client.patch(f"{HOOKS}/{made['id']}", json={"status": "paused"})
    receiver.answer(500, body=b"no")
    attempt = (await running.client.post(f"{HOOKS}/{made['id']}/test")).json()
    assert (attempt["outcome"], attempt["status_code"], attempt["response_body"]) == ("retry", 500, "no")
    await asyncio.sleep(0.3)
    assert receiver.count == 1
    assert (await running.client.get(f"{HOOKS}/{made['id']}/deliveries")).json()["deliveries"] == []
    assert (await running.client.get("/api/v1/events")).json()["events"] == []


async def test_a_test_call_that_is_answered_410_disables_nothing(running, receiver):
    made = await create(running, receiver)
    receiver.answer(410)
    assert (await running.client.post(f"{HOOKS}/{made['id']}/test")).json()["outcome"] == "gone"
    assert (await running.client.get(f"{HOOKS}/{made['id']}")).json()["status"] == "active"


async def test_a_test_call_without_an_answer_says_what_went_wrong(sqlite_database_url, make_hub, receiver):
    hub = await make_hub(sqlite_database_url, {"delivery.timeout_seconds": "0.2"}, dispatch=False)
    silent = await create(hub, receiver)
    receiver.always(Hang())
    attempt = (await hub.client.post(f"{HOOKS}/{silent['id']}/test")).json()
    assert (attempt["outcome"], attempt["status_code"], attempt["error"]) == ("retry", None, "timeout")

    nobody = await create(hub, receiver, target_url="http://127.0.0.1:9/")
    attempt = (await hub.client.post(f"{HOOKS}/{nobody['id']}/test")).json()
    assert (attempt["outcome"], attempt["status_code"]) == ("retry", None)
    assert attempt["error"]
