"""The frequency of alerts: from a severity on, quiet until resolved, and in an order that leaves no incident open."""

import json

import pytest
from tests.answers import json_of
from tests.plugins.alerts.telling import results, tell
from tests.statements import count, execute
from tests.waiting import until

from trunkline_kit.receiver import Answer

EXHAUSTED = "delivery.exhausted"
TYPES = ["subscription.failing", "subscription.disabled", "subscription.recovered", EXHAUSTED]


async def subscribe(hub, receiver, **target) -> str:
    """Subscribe the company to PagerDuty, which identifies open incidents by a key."""
    target = {"service": "x", "routing_key": "R0", "url": f"{receiver.url}/pager", **target}
    request = {"channel": "alerts_pagerduty", "target": target, "event_types": TYPES}
    return json_of(await hub.client.post("/api/v1/subscriptions", json=request), 201)["id"]


def posts(receiver) -> list[str]:
    """List the received requests: the action and the severity of each."""
    bodies = [json.loads(request.body) for request in receiver.requests]
    return [
        f"{body['event_action']} {body.get('payload', {}).get('severity', '')}".strip() for body in bodies
    ]


@pytest.mark.parametrize(
    "case",
    [
        ("info", ["failing", "disabled", "recovered"], ["trigger error", "trigger critical", "resolve"]),
        ("critical", ["failing", "disabled", "recovered"], ["trigger critical", "resolve"]),
        ("warning", ["failing", EXHAUSTED, EXHAUSTED, "recovered"], ["trigger error", "resolve"]),
        ("warning", [EXHAUSTED, EXHAUSTED, "disabled"], ["trigger error", "trigger critical"]),
        ("warning", ["failing", "recovered", EXHAUSTED], ["trigger error", "resolve", "trigger error"]),
    ],
)
async def test_a_matter_is_told_once_until_it_ends(lend_hub, receiver, case):
    least, told, sent = case
    hub = await lend_hub("sqlite")
    subscription_id = await subscribe(hub, receiver, from_severity=least)
    for number, name in enumerate(told, start=1):
        await tell(hub, name)
        answers = await results(hub, subscription_id, number)
    assert posts(receiver) == sent
    assert sum(answer.startswith("not sent: ") for answer in answers) == len(told) - len(sent)


async def test_what_lasts_is_told_again_after_the_hours_that_a_subscriber_chose(running, receiver):
    hub = running
    subscription_id = await subscribe(hub, receiver, quiet_hours=2)
    sent = []
    for number, hours in enumerate((0, 0, 1, 1.1), start=1):
        earlier = f"UPDATE alerts_matters SET told_ms = told_ms - {int(hours * 3_600_000)}"
        await execute(hub.hub.engines, earlier)
        await tell(hub, EXHAUSTED)
        answers = await results(hub, subscription_id, number)
        sent.append(receiver.count)
    assert sent == [1, 1, 1, 2]
    assert answers[1] == "not sent: this matter was told within 2 hours"


async def test_an_alert_that_its_end_has_overtaken_opens_nothing(make_hub, database_url, receiver):
    receiver.script([Answer(503), Answer(200)])
    hub = await make_hub(database_url, {"delivery.retry_schedule_seconds": "1.5"})
    subscription_id = await subscribe(hub, receiver)
    await tell(hub, "failing")
    await receiver.wait_for(1)
    await tell(hub, "recovered")
    answers = await results(hub, subscription_id, 2)
    assert posts(receiver) == ["trigger error", "resolve"]
    assert answers[0].startswith("not sent: something later was told")


async def test_operators_are_mailed_once_of_what_is_told_every_minute(make_hub, database_url, mail_server):
    settings = {**mail_server.settings, "alerts.operators": "ops@hub.example"}
    hub = await make_hub(database_url, settings)
    await tell(hub, "failing")
    await until(lambda: count(hub.hub.engines, "alerts_matters WHERE company_id = 0 AND NOT is_over"))
    for name in (EXHAUSTED, EXHAUSTED, "recovered"):
        await tell(hub, name)
    await until(lambda: count(hub.hub.engines, "alerts_matters WHERE company_id = 0 AND is_over"))
    assert await count(hub.hub.engines, "alerts_matters") == 1
    first, second = [message["Subject"] for message in mail_server.messages]
    assert first.startswith("Deliveries to https://crm.example/hooks fail")
    assert "succeed again" in second
