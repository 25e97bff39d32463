"""The frequency of alerts: from a severity on, quiet until resolved, and in an order that leaves no incident open."""

import asyncio
import json

import pytest
from sqlalchemy import text
from tests.answers import json_of
from tests.plugins.alerts.mail_server import MailServer
from tests.plugins.alerts.telling import results, tell

from trunkline_kit.receiver import Answer

EXHAUSTED = "delivery.exhausted"
TYPES = ["subscription.failing", "subscription.disabled", "subscription.recovered", EXHAUSTED]


async def subscribe(hub, receiver, **target) -> str:
    """Subscribe company 92 to PagerDuty, which identifies open incidents by a key."""
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
async def test_a_matter_is_told_once_until_it_ends(make_hub, sqlite_database_url, receiver, case):
    least, told, sent = case
    hub = await make_hub(sqlite_database_url)
    subscription_id = await subscribe(hub, receiver, from_severity=least)
    for count, name in enumerate(told, start=1):
        await tell(hub, name)
        answers = await results(hub, subscription_id, count)
    assert posts(receiver) == sent
    assert sum(answer.startswith("not sent: ") for answer in answers) == len(told) - len(sent)


async def test_what_lasts_is_told_again_after_the_hours_that_a_subscriber_chose(
    make_hub, database_url, receiver
):
    hub = await make_hub(database_url)
    subscription_id = await subscribe(hub, receiver, quiet_hours=2)
    sent = []
    for count, hours in enumerate((0, 0, 1, 1.1), start=1):
        async with hub.hub.engines.write() as connection:
            statement = text("UPDATE alerts_matters SET told_ms = told_ms - :ms")
            await connection.execute(statement, {"ms": int(hours * 3_600_000)})
        await tell(hub, EXHAUSTED)
        answers = await results(hub, subscription_id, count)
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


async def test_operators_are_mailed_once_of_what_is_told_every_minute(make_hub, database_url):
    async def matters(expected: list[tuple[int, bool]]) -> None:
        async with asyncio.timeout(60):
            while True:
                async with hub.hub.engines.read() as connection:
                    rows = await connection.execute(text("SELECT company_id, is_over FROM alerts_matters"))
                    if [(company, bool(is_over)) for company, is_over in rows] == expected:
                        return
                await asyncio.sleep(0.02)

    async with MailServer() as server:
        settings = {**server.settings, "alerts.operators": "ops@hub.example"}
        hub = await make_hub(database_url, settings)
        await tell(hub, "failing")
        await matters([(0, False)])
        for name in (EXHAUSTED, EXHAUSTED, "recovered"):
            await tell(hub, name)
        await matters([(0, True)])
        first, second = [message["Subject"] for message in server.messages]
    assert first.startswith("Deliveries to https://crm.example/hooks fail")
    assert "succeed again" in second
