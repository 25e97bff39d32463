"""Alerts over a real SMTP server and a real HTTP receiver: raised, resolved, and sent once to each."""

import asyncio
import contextlib
import json
import os
import random
from dataclasses import dataclass

import pytest
from tests.answers import json_of
from tests.plugins.conftest import ServedHub
from tests.waiting import until

from trunkline_kit.receiver import Answer, Connection, Receiver

OWNER, SECOND, OPERATOR = "owner@acme.example", "second@acme.example", "ops@hub.example"
FAILS_AT_ONCE = {
    "delivery.failing_spans_seconds": "0",
    "delivery.retry_schedule_seconds": ",".join(["0.05"] * 200),
    "server.public_url": "https://hub.example",
}


@pytest.fixture
async def services():
    """Start an HTTP receiver that stands for chat rooms and PagerDuty."""
    async with Receiver() as started:
        yield started


async def company_that_fails(hub, receiver, *recipients: str) -> None:
    """Give company 92 alert recipients, and a subscription whose target fails."""
    acme = {"name": "Acme", "alert_recipients": recipients}
    json_of(await hub.operator.patch("/api/v1/companies/92", json=acme))
    receiver.answer(503)
    await hub.subscribe(f"{receiver.url}/h")


async def mail_subscription(hub) -> dict:
    [one] = await until(lambda: hub.hub.subscriptions.list(0, channel="alerts_mail"))
    return one


async def subscribe(hub, channel: str, **target: str) -> dict:
    request = {"channel": channel, "target": target, "event_types": ["operational.*"]}
    return await hub.create("/api/v1/subscriptions", request)


async def test_an_alert_is_raised_and_resolved_once_by_every_way(
    make_hub, database_url, mail_server, receiver, services
):
    settings = {**FAILS_AT_ONCE, **mail_server.settings, "alerts.operators": OPERATOR}
    hub = await make_hub(database_url, settings)
    await mail_subscription(hub)
    await company_that_fails(hub, receiver, OWNER, SECOND)
    for form in ("slack", "teams"):
        room = {"room": form, "url": f"{services.url}/{form}", "form": form, "from_severity": "warning"}
        await subscribe(hub, "alerts_chat", **room)
    pager = await subscribe(
        hub, "alerts_pagerduty", service="x", routing_key="R0", url=f"{services.url}/pager"
    )
    for _ in range(20):
        await hub.emit("lead.created")
    await mail_server.wait_for(3)
    await services.wait_for(3)
    receiver.answer(200)
    await mail_server.wait_for(6)
    await services.wait_for(6)
    await asyncio.sleep(0.3)
    assert (len(mail_server.messages), services.count) == (6, 6)
    assert len({message["Message-ID"] for message in mail_server.messages}) == 6

    target = f"{receiver.url}/h"
    first, second = mail_server.to(OWNER)
    assert first["Subject"] == f"Deliveries to {target} fail (Acme, company 92)"
    assert second["Subject"] == f"Deliveries to {target} succeed again (Acme, company 92)"
    text = first.get_content()
    for words in ("have failed since 20", "Last answer: status 503.", "wait: 20.", "What to do: Fix"):
        assert words in text
    assert "https://hub.example/portal/companies/92/subscriptions/sub_" in text
    assert len(mail_server.to(OPERATOR)) == len(mail_server.to(SECOND)) == 2

    bodies = {path: [] for path in ("/slack", "/teams", "/pager")}
    for request in services.requests:
        bodies[request.path].append(json.loads(request.body))
    assert bodies["/slack"][0]["text"].startswith(f"*Deliveries to {target} fail")
    assert "succeed again" in bodies["/teams"][1]["attachments"][0]["content"]["body"][0]["text"]
    assert len({(r.path, r.headers["webhook-id"]) for r in services.requests}) == 6
    raised, resolved = bodies["/pager"]
    assert (raised["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert (raised["payload"]["severity"], raised["routing_key"]) == ("error", "R0")
    assert raised["dedup_key"] == resolved["dedup_key"]
    assert pager["target"]["routing_key"] == "••••"


@pytest.mark.slow
async def test_a_target_that_fails_for_an_hour_costs_its_company_two_messages(
    make_hub, sqlite_database_url, mail_server, receiver
):
    """Run an hour in 3.6 seconds, 1,000 times as fast: 360 events are retried, and some are given up."""
    fast = {
        "delivery.failing_spans_seconds": "0.005, 120",
        "delivery.retry_schedule_seconds": "0.005, 0.3, 0.6, 0.9, 0.9",
    }
    hub = await make_hub(sqlite_database_url, {**FAILS_AT_ONCE, **fast, **mail_server.settings})
    await mail_subscription(hub)
    await company_that_fails(hub, receiver, OWNER)
    for _ in range(36):
        await asyncio.gather(*(hub.emit("lead.created") for _ in range(10)))
        await asyncio.sleep(0.1)
    receiver.answer(200)
    await hub.emit("lead.created")
    await mail_server.wait_for(2)
    await asyncio.sleep(0.5)
    subjects = [message["Subject"].replace(f"{receiver.url}/h", "it") for message in mail_server.messages]
    begin = "Deliveries to it"
    assert subjects == [f"{begin} fail (Acme, company 92)", f"{begin} succeed again (Acme, company 92)"]
    assert receiver.count > 361


async def test_a_retry_for_one_recipient_mails_no_other_again(make_hub, database_url, mail_server, receiver):
    mail_server.refusals = {SECOND: ["451 later", "451 later"], OPERATOR: ["550 unknown"]}
    settings = {**FAILS_AT_ONCE, **mail_server.settings, "alerts.operators": OPERATOR}
    hub = await make_hub(database_url, settings)
    one = await mail_subscription(hub)
    await company_that_fails(hub, receiver, OWNER, SECOND)
    await hub.emit("lead.created")
    await mail_server.wait_for(2)

    async def told_of_failing() -> list[dict]:
        page = await hub.hub.deliveries.of_subscription(0, one["id"], channel=None, status="delivered")
        return [each for each in page["deliveries"] if each["event_type"] == "subscription.failing"]

    told = await until(told_of_failing)
    assert [len(mail_server.to(address)) for address in (OWNER, SECOND, OPERATOR)] == [1, 1, 0]
    assert told[0]["attempts"] == 3
    view = await hub.hub.deliveries.get(0, told[0]["id"])
    assert "550 unknown" in view["attempts"][0]["response_body"]


async def test_operators_are_told_from_the_severity_that_they_set(make_hub, sqlite_database_url, mail_server):
    told = {"alerts.operators": OPERATOR, "alerts.operators_from": "info"}
    hub = await make_hub(sqlite_database_url, mail_server.settings | told)
    await mail_subscription(hub)
    for company in (92, None):
        await hub.hub.keys.create(company, name="test", scopes=["events:read" if company else "operator"])
    await mail_server.wait_for(2)
    subjects = {message["Subject"] for message in mail_server.to(OPERATOR)}
    assert subjects >= {f"API key 'test' was created ({whose})" for whose in ("company 92", "the hub")}


async def test_without_a_mail_server_nothing_is_subscribed(make_hub, sqlite_database_url):
    hub = await make_hub(sqlite_database_url)
    await asyncio.sleep(0.2)
    assert await hub.hub.subscriptions.list(0, channel="alerts_mail") == []


async def test_the_subscription_is_made_once_and_its_test_goes_to_operators(
    make_hub, database_url, mail_server, receiver
):
    settings = {**mail_server.settings, "alerts.operators": OPERATOR}
    hubs = [await make_hub(database_url, settings) for _ in range(2)]
    await company_that_fails(hubs[0], receiver, OWNER)
    for hub in hubs:
        await mail_subscription(hub)
    tested = await hubs[0].hub.subscriptions.test(0, (await mail_subscription(hubs[0]))["id"], channel=None)
    assert tested["outcome"] == "delivered"
    assert [message["To"] for message in mail_server.messages] == [OPERATOR]  # not the example's company


async def test_the_url_of_a_room_is_a_secret_and_guarded_as_targets_are(
    make_hub, sqlite_database_url, services
):
    hub = await make_hub(sqlite_database_url, {"delivery.allow_private_networks": "false"})
    request = {"channel": "alerts_chat", "event_types": ["*"], "target": {"room": "r", "url": "T0/B0/s3cret"}}
    refused = await hub.client.post("/api/v1/subscriptions", json=request)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "/target/url")
    made = await subscribe(hub, "alerts_chat", room="r", url=f"{services.url}/s3cret")
    tested = await hub.client.post(f"/api/v1/subscriptions/{made['id']}/test")
    assert tested.json()["error"] == "address_refused"
    assert "s3cret" not in refused.text + str(made) + tested.text
    assert services.count == 0


@dataclass
class Killer:
    """Kills a hub at a step of a server that the hub talks to: at the *left*-th *step* from now on."""

    hub: ServedHub
    step: str = ""
    left: int = 0

    def pass_by(self, step: str, _: int = 0) -> None:
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                self.hub.process.kill()

    async def kill(self, step: str, number: int, *, patience_seconds: float) -> None:
        """Wait for the step for at most *patience_seconds*, and start the hub again after its death."""
        self.step, self.left = step, number
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while self.hub.process.poll() is None:
                    await asyncio.sleep(0.01)
        self.step = ""
        self.hub.process.kill()
        await asyncio.to_thread(self.hub.process.wait)
        await asyncio.to_thread(self.hub.start)


def deaths_of(seed: int) -> list[tuple[str, int, float]]:
    """Choose the steps at which a hub dies.

    Seed 0 kills it when a mail was accepted but not noted, and when all mails were noted but no delivery was settled.
    """
    if seed == 0:
        return [("data", 2, 90), ("quit", 1, 90)]
    chance = random.Random(seed)
    steps = ["rcpt", "data", "quit", "post"]
    return [(chance.choice(steps), chance.randint(1, 3), chance.uniform(0.1, 4)) for _ in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("ALERTS_SEEDS", "1"))))
async def test_a_hub_that_is_killed_loses_no_alert_and_sends_none_twice_but_by_its_key(
    serve_hub, mail_server, receiver, services, seed
):
    settings = {**FAILS_AT_ONCE, **mail_server.settings, "alerts.operators": OPERATOR}
    del settings["server.public_url"]  # a hub that may push to this machine has no public URL
    environment = {f"TRUNKLINE_{name.replace('.', '__').upper()}": value for name, value in settings.items()}
    hub = await asyncio.to_thread(serve_hub, **environment)
    killer = Killer(hub)
    mail_server.after = killer.pass_by

    async def take(connection: Connection) -> None:
        killer.pass_by("post")
        connection.write(Answer(202).render())

    services.always(take)
    chosen = {"alert_recipients": [OWNER, SECOND]}
    await asyncio.to_thread(hub.call, "PATCH", "/api/v1/alerts", json=chosen)
    receiver.answer(503)
    request = {"target_url": f"{receiver.url}/h", "event_types": ["lead.created"]}
    await asyncio.to_thread(hub.call, "POST", "/api/v1/webhooks/subscriptions", json=request)
    pager = {"service": "x", "routing_key": "R0", "url": f"{services.url}/pager"}
    request = {"channel": "alerts_pagerduty", "target": pager, "event_types": ["operational.*"]}
    await asyncio.to_thread(hub.call, "POST", "/api/v1/subscriptions", json=request)
    sample = await asyncio.to_thread(hub.call, "GET", "/api/v1/events/sample?type=lead.created")
    event = {"type": "lead.created", "payload": sample[0]["payload"]}
    await asyncio.to_thread(hub.call, "POST", "/api/v1/events", json=event)
    first, second = deaths_of(seed)
    await killer.kill(first[0], first[1], patience_seconds=first[2])
    if seed:  # the target is back when the hub dies again
        await asyncio.sleep(random.Random(-seed).uniform(0, 2))
        receiver.answer(200)
    await killer.kill(second[0], second[1], patience_seconds=second[2])
    receiver.answer(200)
    async with asyncio.timeout(90):
        while len({message["Message-ID"] for message in mail_server.messages}) < 6:
            await asyncio.sleep(0.05)
        while "resolve" not in [json.loads(request.body)["event_action"] for request in services.requests]:
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    kinds = {(message["To"], "again" in message["Subject"]) for message in mail_server.messages}
    assert len(kinds) == len({message["Message-ID"] for message in mail_server.messages}) == 6
    assert len(mail_server.messages) <= 6 + 2, "at most the mail that was taken as the hub died comes again"
    posts = [(request.headers["webhook-id"], json.loads(request.body)) for request in services.requests]
    assert len(posts) <= 2 + 2
    assert len({key for key, _ in posts}) <= 2
    assert {body["dedup_key"] for _, body in posts} == {posts[0][1]["dedup_key"]}
    assert posts[-1][1]["event_action"] == "resolve", "no incident is left open"
    if seed == 0:
        assert len(mail_server.messages) == 7
        assert len(mail_server.to(SECOND)) == 3
