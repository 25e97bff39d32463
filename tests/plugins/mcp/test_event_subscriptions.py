"""MCP Events by webhook: the challenge, the pushes, renewing and lapsing, and refusals."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime

import pytest
from tests.answers import json_of
from tests.plugins.mcp.callbacks import OTHER_SECRET, SECRET, Callback
from tests.plugins.mcp.conversation import ERAS, Conversation
from tests.statements import execute
from tests.waiting import until

from trunkline.model import cursors
from trunkline.store import subscriptions as store
from trunkline_kit.receiver.replies import Answer, Hang, Redirect

TYPE = "payment.failed"
OTHER = "lead.created"
SUBSCRIBE, UNSUBSCRIBE, POLL = "events/subscribe", "events/unsubscribe", "events/poll"


@pytest.fixture
async def running(lend_hub):
    return await lend_hub("sqlite")


@pytest.fixture
def agent(running) -> Conversation:
    return Conversation(running.client)


@pytest.fixture
def callback(receiver) -> Callback:
    return Callback(receiver)


def params(callback: Callback, **more):
    return {"name": TYPE, "delivery": callback.delivery} | more


async def subscribed(agent: Conversation, callback: Callback, **more):
    return await agent.ask(SUBSCRIBE, params(callback, **more))


async def emitted(running, count: int = 1, **payload) -> list[int]:
    return [(await running.emit(TYPE, payload or None)).event_id for _ in range(count)]


async def views(running):
    answer = await running.client.get("/api/v1/subscriptions", params={"channel": "mcp"})
    return answer.json()["subscriptions"]


async def explanation_of(running, event_id: int):
    """Give the explanation of an event for the only subscription."""
    (entry,) = json_of(await running.client.get(f"/api/v1/events/{event_id}/explain"))["subscriptions"]
    return entry


async def until_rejected(running, event_id: int):
    async def rejected():
        entry = await explanation_of(running, event_id)
        return entry if entry["state"] == "rejected" else None

    return await until(rejected)


async def caller_with(running, *scopes: str) -> tuple[str, Conversation]:
    """Make a key of the company; give its id, and the agent that has it."""
    asked = {"company_id": running.company_id, "name": "a", "scopes": scopes}
    key = json_of(await running.operator.post("/api/v1/keys", json=asked), 201)
    return key["id"], Conversation(running.anonymous, headers={"authorization": f"Bearer {key['key']}"})


async def test_a_subscription_says_who_made_it(running, receiver):
    """Let two callers subscribe in turn, as one task may serve both."""
    ids = {}
    for name in ("jane", "joe"):
        http = await running.client_of(running.company_id)
        await subscribed(Conversation(http), Callback(receiver, path=f"/{name}"))
        ids[name] = (await running.client.get("/api/v1/keys")).json()["keys"][-1]["id"]
    makers = {view["target_url"].rpartition("/")[2]: view["created_by"] for view in await views(running)}
    assert makers == {name: {"kind": "key", "id": key_id} for name, key_id in ids.items()}


async def lapse(running) -> None:
    """Let the lifetime of the company's subscriptions expire, and wait until they have ended."""
    async with running.hub.engines.write() as connection:
        for row in await store.of_company(connection, running.company_id):
            await store.update(connection, row.no, {"expires_ms": 1})
    await running.emit(OTHER)  # the dispatcher sees a change at its next read

    async def has_lapsed() -> bool:
        return [view["disabled_reason"] for view in await views(running)] == ["lapsed"]

    await until(has_lapsed)


@pytest.mark.parametrize("version", ERAS)
async def test_a_subscription_is_challenged_and_gets_its_events_signed(running, callback, version):
    agent = Conversation(running.client, version)
    await emitted(running)
    answer = await subscribed(agent, callback)
    refresh = datetime.fromisoformat(answer["refreshBefore"]) - datetime.now(UTC)
    assert 3500 < refresh.total_seconds() <= 3600
    assert answer["truncated"] is False
    (challenge,) = callback.controls
    assert (challenge["type"], len(challenge["challenge"])) == ("verification", 32)
    (made,) = await emitted(running)
    await running.emit(OTHER)
    assert await callback.until(1) == [made]
    event = (await running.client.get(f"/api/v1/events/{made}")).json()
    assert callback.events == [
        {
            "eventId": str(made),
            "name": TYPE,
            "timestamp": event["createdUtc"],
            "data": event["payload"],
            "cursor": cursors.encode(made),
        }
    ]
    assert callback.heads[-1]["webhook-id"] == str(made)
    assert {head["x-mcp-subscription-id"] for head in callback.heads} == {answer["id"]}
    assert (await explanation_of(running, made))["channel"] == "mcp"


async def test_its_id_is_the_key_s_digest_and_the_same_again_renews_it(running, agent, callback):
    (key,) = (await running.client.get("/api/v1/keys")).json()["keys"]
    first = await subscribed(agent, callback, arguments={"client_id": [1, 2], "invoice_id": 3})
    canonical = [running.company_id, key["id"], callback.url, TYPE, {"client_id": [1, 2], "invoice_id": 3}]
    digest = hashlib.sha256(json.dumps(canonical, separators=(",", ":")).encode()).hexdigest()
    assert first["id"] == f"sub_{digest[:32]}"
    same = {"invoice_id": 3, "client_id": [1, 2]}
    again = await subscribed(agent, callback, arguments=same, ttlMs=7_200_000)
    assert (again["id"], len(callback.controls), len(await views(running))) == (first["id"], 1, 1)
    assert again["refreshBefore"] > first["refreshBefore"]
    assert again["deliveryStatus"] == {"active": True, "lastDeliveryAt": None, "lastError": None}
    other = await subscribed(agent, callback, arguments={"client_id": 1})
    assert other["id"] != first["id"]
    assert len(callback.controls) == 1, "the URL has answered already"


@pytest.mark.parametrize(
    ("ttl_ms", "granted"), [(1, 300), (-5, 300), (10**15, 86_400), (600_000.5, 600), (3_600_000, 3600)]
)
async def test_a_time_to_live_is_granted_within_bounds(agent, callback, ttl_ms, granted):
    answer = await subscribed(agent, callback, ttlMs=ttl_ms)
    left = datetime.fromisoformat(answer["refreshBefore"]) - datetime.now(UTC)
    assert granted - 10 < left.total_seconds() <= granted + 1


async def test_without_an_end_it_lasts_and_needs_no_second_challenge(running, agent, callback):
    assert (await subscribed(agent, callback, ttlMs=None))["refreshBefore"] is None
    (view,) = await views(running)
    assert (view["expires_utc"], view["holder"][:4]) == (None, "key_")
    await subscribed(agent, callback, ttlMs=None)
    assert len(callback.controls) == 1


async def test_arguments_choose_the_same_events_as_a_poll(running, agent, callback):
    chosen = {"client_id": [1, 3], "failure_reason": "Card declined"}
    await subscribed(agent, callback, arguments=chosen)
    begun = (await agent.ask(POLL, {"name": TYPE}))["cursor"]
    example = (await running.client.get(f"/api/v1/event-types/{TYPE}")).json()["example"]
    for client_id in (1, 2, 3):
        for reason in ("Card declined", "Expired"):
            await running.emit(TYPE, example | {"client_id": client_id, "failure_reason": reason})
    polled = await agent.ask(POLL, {"name": TYPE, "arguments": chosen, "cursor": begun})
    assert len(polled["events"]) == 2
    await callback.until(2)
    without_cursor = [{k: v for k, v in event.items() if k != "cursor"} for event in callback.events]
    assert sorted(without_cursor, key=lambda event: int(event["eventId"])) == polled["events"]


async def test_what_is_open_holds_the_cursor_back_until_it_is_settled(running, agent, callback):
    await subscribed(agent, callback)
    callback.reply = Answer(503, headers={"retry-after": "600"})
    (stuck,) = await emitted(running)
    await callback.until(1)
    callback.reply = Answer(204)
    later = await emitted(running, 3)
    await callback.until(4)
    assert {event["cursor"] for event in callback.events if int(event["eventId"]) in later} == {
        cursors.encode(stuck - 1)
    }
    status = await subscribed(agent, callback)
    assert status["cursor"] == cursors.encode(stuck - 1)
    (view,) = await views(running)

    async def waiting() -> list[dict]:
        deliveries = (await running.client.get(f"/api/v1/subscriptions/{view['id']}/deliveries")).json()
        return [each for each in deliveries["deliveries"] if each["status"] == "pending"]

    (pending,) = await until(waiting)  # until its first attempt is stored
    assert (await running.client.post(f"/api/v1/deliveries/{pending['id']}/retry")).status_code == 202
    await until(lambda: [event["eventId"] for event in callback.events].count(str(stuck)) == 2)

    async def is_settled() -> bool:
        return cursors.decode((await subscribed(agent, callback))["cursor"]) >= later[-1]

    await until(is_settled)
    (last,) = await emitted(running)
    await callback.until(5)
    assert callback.events[-1]["cursor"] == cursors.encode(last)


@pytest.mark.parametrize("status", [410, 413])
async def test_some_statuses_end_one_event_and_not_the_subscription(running, agent, callback, status):
    await subscribed(agent, callback)
    callback.reply = Answer(status)
    refused = await emitted(running)
    await callback.until(1)
    callback.reply = Answer(204)
    taken = await emitted(running)
    assert await callback.until(2) == refused + taken
    (view,) = await views(running)
    assert view["status"] == "active"
    await until_rejected(running, refused[0])


async def test_a_failure_is_told_when_it_is_renewed_in_one_of_few_words(running, agent, callback):
    await subscribed(agent, callback)
    callback.reply = Answer(500)
    await emitted(running)
    await callback.until(1)

    async def told():
        status = (await subscribed(agent, callback))["deliveryStatus"]
        return status if "failedSince" in status else None

    status = await until(told)
    assert (status["active"], status["lastError"]) == (True, "http_5xx")


async def test_a_new_secret_signs_beside_the_one_before(running, agent, callback):
    await subscribed(agent, callback)
    callback.secrets.append(OTHER_SECRET)
    await subscribed(agent, callback)
    await emitted(running)
    await callback.until(1)  # the callback verifies each secret
    assert len(callback.heads[-1]["webhook-signature"].split()) == 2
    for number in range(6):
        secret = "whsec_" + f"secret-{number}".ljust(8, "x").encode().hex() * 2
        await agent.ask(SUBSCRIBE, params(callback) | {"delivery": callback.delivery | {"secret": secret}})
    callback.secrets.clear()
    await emitted(running)
    await callback.until(2)
    assert len(callback.heads[-1]["webhook-signature"].split()) == 5


async def test_one_that_lapses_stops_and_begins_anew_at_the_client_s_cursor(running, agent, callback):
    await subscribed(agent, callback)
    got = await emitted(running, 2)
    await callback.until(2)
    kept = callback.events[-1]["cursor"]
    await lapse(running)
    missed = await emitted(running, 3)
    (view,) = await views(running)
    path = f"/api/v1/subscriptions/{view['id']}"
    refused = json_of(await running.client.patch(path, json={"status": "active"}), 409)
    assert "subscribes again" in refused["detail"]
    assert callback.ids == got
    answer = await subscribed(agent, callback, cursor=kept)
    assert answer["truncated"] is False
    assert "deliveryStatus" not in answer
    assert set(await callback.until(5)) == {*got, *missed}
    assert len(callback.controls) == 1, "its URL has answered within a day"
    assert len(await views(running)) == 1


async def test_nothing_goes_out_that_could_have_the_client_pass_over_what_the_lapse_gave_up(
    running, agent, callback
):
    await subscribed(agent, callback)
    got = await emitted(running)
    await callback.until(1)
    kept = callback.events[-1]["cursor"]
    await execute(
        running.hub.engines,
        "UPDATE subscriptions SET expires_ms = 1 WHERE company_id = :company",
        company=running.company_id,
    )
    missed = await emitted(running, 2)

    async def are_tried() -> bool:
        of = [await running.hub.deliveries.of_event(running.company_id, event_id) for event_id in missed]
        return all(any(each["attempts"] for each in deliveries) for deliveries in of)

    await until(are_tried)
    assert callback.ids == got
    await subscribed(agent, callback, cursor=kept)
    assert set(await callback.until(3)) == {*got, *missed}


async def test_one_that_has_ended_before_the_answer_gives_back_the_cursor_that_it_came_with(
    running, agent, callback, monkeypatch
):
    kept = (await subscribed(agent, callback))["cursor"]
    await lapse(running)
    monkeypatch.setattr("trunkline_mcp.event_subscriptions.SHORTEST_SECONDS", 0)
    answer = await subscribed(agent, callback, cursor=kept, ttlMs=0)
    assert answer["cursor"] == kept


async def test_a_live_one_ignores_the_cursor_of_a_renewal(running, agent, callback):
    first = await subscribed(agent, callback)
    await emitted(running, 2)
    await callback.until(2)
    await subscribed(agent, callback, cursor=first["cursor"])
    (last,) = await emitted(running)
    await until(lambda: last in callback.ids)
    assert len(callback.events) == 3


async def test_a_new_one_catches_up_from_a_cursor_but_not_what_is_too_old(running, agent, callback):
    begun = (await agent.ask(POLL, {"name": TYPE}))["cursor"]
    made = await emitted(running, 3)
    answer = await subscribed(agent, callback, cursor=begun, maxAgeMs=3_600_000)
    assert (answer["truncated"], answer["cursor"]) == (False, begun)
    assert await callback.until(3) == made
    other = Callback(callback.receiver, "/hooks/2")
    await asyncio.sleep(0.01)
    answer = await subscribed(agent, other, cursor=begun, maxAgeMs=0)
    assert answer["truncated"] is True
    (last,) = await emitted(running)
    assert await other.until(1) == [last]


async def test_unsubscribing_ends_it_and_again_does_no_harm(running, agent, callback):
    await subscribed(agent, callback, arguments={"client_id": 1})
    whole = {"name": TYPE, "arguments": {"client_id": 1}, "delivery": {"url": callback.url}}
    assert (await agent.ask(UNSUBSCRIBE, whole | {"arguments": {}}))["resultType"] == "complete"
    assert len(await views(running)) == 1
    await agent.ask(UNSUBSCRIBE, whole)
    assert await views(running) == []
    await agent.ask(UNSUBSCRIBE, whole)


async def test_one_whose_key_is_revoked_is_told_so_and_ends(running, callback):
    key_id, agent = await caller_with(running, "events:read", "webhooks:write")
    await subscribed(agent, callback)
    assert (await running.operator.delete(f"/api/v1/keys/{key_id}")).status_code == 204
    await emitted(running)
    await until(lambda: [each["type"] for each in callback.controls] == ["verification", "terminated"])
    assert callback.controls[-1]["error"]["code"] == -32012

    async def has_ended() -> bool:
        return [view["status"] for view in await views(running)] == ["disabled"]

    await until(has_ended)
    assert callback.events == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Answer(200, body=b'{"challenge": "guessed"}'), "challenge_failed"),
        (Answer(200, body=b"OK"), "challenge_failed"),
        (None, "challenge_failed"),
        (Redirect("/elsewhere"), "challenge_failed"),
        (Answer(403), "http_4xx"),
        (Answer(502), "http_5xx"),
    ],
)
async def test_a_challenge_that_is_not_answered_makes_nothing(running, agent, callback, reply, reason):
    async def echo(connection):
        await Answer(200, body=callback.receiver.requests[-1].body)(connection)

    callback.challenged = reply or echo
    error = await agent.error(SUBSCRIBE, params(callback))
    assert (error["code"], error["data"]) == (-32015, {"reason": reason})
    assert await views(running) == []


async def test_a_callback_with_which_no_tls_can_be_made_is_refused_for_that(agent, callback):
    delivery = {**callback.delivery, "url": callback.url.replace("http:", "https:")}
    error = await agent.error(SUBSCRIBE, params(callback, delivery=delivery))
    assert error["data"] == {"reason": "tls_error"}


async def test_a_challenge_that_is_never_answered_ends_in_time(running, agent, callback, monkeypatch):
    monkeypatch.setattr("trunkline_mcp.challenges.LIMIT_SECONDS", 0.1)
    for reply in (Hang(), Answer(200, delay_seconds=0.3)):
        callback.challenged = reply
        assert (await agent.error(SUBSCRIBE, params(callback)))["data"] == {"reason": "timeout"}
    assert await views(running) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"delivery": {"url": "http://169.254.169.254/latest", "secret": SECRET}}, "/delivery/url"),
        ({"delivery": {"url": "http://127.0.0.1/", "secret": "whsec_c2hvcnQ="}}, "/delivery/secret"),
        ({"delivery": {"url": "http://127.0.0.1/"}}, "/delivery/secret"),
        ({"arguments": {"client_id": "1"}}, "/client_id"),
        ({"arguments": {"shoe": 1}}, "/shoe"),
        ({"cursor": "nonsense"}, "/cursor"),
        ({"cursor": 7}, "/cursor"),
        ({"delivery": {"secret": SECRET}}, "/delivery/url"),
        ({"delivery": {"url": "https://a.example/" + "x" * 2000, "secret": SECRET}}, "/delivery/url"),
        ({"delivery": "https://a.example/"}, "/delivery"),
        ({"maxAgeMs": -1}, "/maxAgeMs"),
        ({"name": None}, "/name"),
    ],
)
async def test_what_cannot_be_is_refused_by_name_before_anything_is_sent(
    running, agent, callback, change, path
):
    error = await agent.error(SUBSCRIBE, params(callback) | change)
    assert error["code"] == -32602
    assert [fault["path"] for fault in error["data"]["errors"]] == [path]
    assert callback.controls == []
    assert await views(running) == []


async def test_other_modes_types_and_scopes_are_refused(running, agent, callback):
    push = {"delivery": callback.delivery | {"mode": "push"}}
    error = await agent.error(SUBSCRIBE, params(callback) | push)
    assert (error["code"], error["data"]) == (-32014, {"feature": "deliveryMode", "value": "push"})
    error = await agent.error(SUBSCRIBE, params(callback) | {"name": "no.such"})
    assert (error["code"], error["data"]) == (-32011, {"kind": "event"})
    _, reader = await caller_with(running, "events:read")
    for method in (SUBSCRIBE, UNSUBSCRIBE):
        error = await reader.error(method, params(callback))
        assert (error["code"], error["data"]) == (-32012, {"scope": "webhooks:write"})
    listed = (await reader.ask("events/list"))["events"]
    assert listed
    assert {mode for each in listed for mode in each["delivery"]} == {"poll", "push"}


async def test_a_body_over_the_protocol_s_limit_is_never_sent(running, agent, callback, monkeypatch):
    monkeypatch.setattr("trunkline_mcp.channel.MAX_BODY_BYTES", 200)
    await subscribed(agent, callback)
    (made,) = await emitted(running)
    found = await until_rejected(running, made)
    attempts = (await running.client.get(f"/api/v1/deliveries/{found['delivery_id']}")).json()["attempts"]
    assert [each["error"] for each in attempts] == ["payload_too_large"]
    assert callback.events == []


async def test_a_paused_one_stays_paused_and_catches_up_when_it_is_resumed(running, agent, callback):
    await subscribed(agent, callback)
    (view,) = await views(running)
    path = f"/api/v1/subscriptions/{view['id']}"
    assert (await running.client.patch(path, json={"status": "paused"})).status_code == 200
    answer = await subscribed(agent, callback)
    assert answer["deliveryStatus"]["active"] is False
    made = await emitted(running, 2)
    await asyncio.sleep(0.2)
    assert cursors.decode((await subscribed(agent, callback))["cursor"]) < made[0]
    assert callback.events == []
    assert (await running.client.patch(path, json={"status": "active"})).status_code == 200
    assert await callback.until(2) == made


class TestLimits:
    @pytest.fixture
    async def running(self, lend_hub):
        settings = {
            "limits.enabled": "true",
            "mcp.subscriptions_per_caller": "3",
            "mcp.challenges_per_minute": "5",
            "mcp.error_numbers": "sep-3415",
            "mcp.unknown_subscription": "refuse",
            "mcp.webhook_id": "delivery",
        }
        return await lend_hub("sqlite", settings)

    async def test_a_caller_has_so_many_and_no_more(self, running, agent, callback):
        answers = await asyncio.gather(
            *(agent.send(SUBSCRIBE, params(callback, arguments={"client_id": number})) for number in range(6))
        )
        errors = [answer.json()["error"] for answer in answers if "error" in answer.json()]
        assert len(await views(running)) == 3
        assert {(error["code"], error["data"]["limit"]) for error in errors} <= {
            (-32025, "subscriptions"),
            (-32025, "challenges"),
        }
        before = len(callback.controls)
        error = await agent.error(SUBSCRIBE, params(callback, arguments={"client_id": 99}))
        assert (error["code"], error["data"]["limit"]) == (-32025, "subscriptions")
        assert len(callback.controls) == before

    async def test_challenges_are_few_and_a_host_that_fails_them_gets_no_more(self, running, agent, callback):
        callback.challenged = Answer(500)
        for _ in range(5):
            assert (await agent.error(SUBSCRIBE, params(callback)))["code"] == -32027
        error = await agent.error(SUBSCRIBE, params(callback))
        assert (error["code"], error["data"]["limit"]) == (-32025, "challenges")
        assert error["data"]["retryAfterMs"] >= 1000
        assert len(callback.controls) == 5

    async def test_settings_choose_what_the_sources_disagree_about(self, running, agent, callback):
        error = await agent.error(UNSUBSCRIBE, {"name": TYPE, "delivery": {"url": callback.url}})
        assert (error["code"], error["data"]) == (-32023, {"kind": "subscription"})
        await subscribed(agent, callback)
        (made,) = await emitted(running)
        await callback.until(1)
        assert callback.heads[-1]["webhook-id"].startswith(f"dlv_{made}_")
