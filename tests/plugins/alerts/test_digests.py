"""The daily digest: failures and open matters, once a day, even if a process is killed."""

import asyncio
from email.message import EmailMessage

from tests.plugins.alerts.telling import FACTS, tell
from tests.statements import count, execute
from tests.waiting import until

from trunkline_alerts import _Shared

OWNER, OPERATOR = "owner@acme.example", "ops@hub.example"


async def look(hub) -> None:
    """Send the due digests, as each process does once a minute."""
    await hub.hub.registry.context("alerts").shared(_Shared).digests.send_due()


async def are_told(hub, count: int) -> bool:
    page = await hub.hub.streaming.page(92, types=list(FACTS), limit=200)
    return len(page.bodies) >= count


def digests_at(mail_server) -> list[EmailMessage]:
    return [message for message in mail_server.messages if "digest" in message["Subject"]]


async def test_a_digest_says_what_is_open_and_is_sent_once_a_day_by_several_processes(
    make_hub, database_url, mail_server
):
    settings = {**mail_server.settings, "alerts.operators": OPERATOR, "alerts.digest": "true"}
    hubs = [await make_hub(database_url, settings) for _ in range(2)]
    hub = hubs[0]
    made = await hub.subscribe("https://127.0.0.1:9/h", event_types=["lead.created"])
    await hub.hub.subscriptions.update(92, made["id"], {"status": "paused"}, channel="webhooks")
    await execute(hub.hub.engines, "UPDATE subscriptions SET status = 'disabled' WHERE company_id = 92")
    for name in ("disabled", "delivery.exhausted", "delivery.exhausted"):
        await tell(hub, name, subscription_id=made["id"])
    await tell(hub, "failing", subscription_id="sub_gone")
    await until(lambda: are_told(hub, 4))
    await hub.client.patch("/api/v1/alerts", json={"alert_recipients": [OWNER], "digest": True})
    await until(lambda: _chosen(hub, 2))
    await look(hub)
    assert digests_at(mail_server) == [], "its day is not over"
    await execute(hub.hub.engines, "UPDATE alerts_digests SET day = day - 1")
    await asyncio.gather(*(look(each) for each in (*hubs, *hubs)))
    digests = digests_at(mail_server)
    assert sorted(message["To"] for message in digests) == [OPERATOR, OWNER]
    [to_owner] = [message for message in digests if message["To"] == OWNER]
    assert to_owner["Subject"] == "Daily digest: 1 open, 2 told (company 92)"
    opened, _, told = to_owner.get_content().partition("Told in the last 24 hours")
    assert "are disabled (company 92)" in opened
    assert told.count("\n- ") == 2
    assert "failed for good" in told
    [to_operator] = [message for message in digests if message["To"] == OPERATOR]
    assert to_operator["Subject"] == "Daily digest: 1 open, 2 told (all companies and the hub)"
    await hub.client.patch("/api/v1/alerts", json={"digest": False})
    assert await _chosen(hub, 1)


async def _chosen(hub, companies: int) -> bool:
    return await count(hub.hub.engines, "alerts_digests") == companies


async def test_a_digest_that_the_server_refuses_for_now_is_tried_again(
    make_hub, sqlite_database_url, mail_server
):
    mail_server.refusals = {OWNER: ["451 later"]}
    hub = await make_hub(sqlite_database_url, mail_server.settings)
    await hub.client.patch("/api/v1/alerts", json={"alert_recipients": [OWNER], "digest": True})
    await execute(hub.hub.engines, "UPDATE alerts_digests SET day = day - 1")
    await look(hub)
    await look(hub)
    assert mail_server.messages == [], "the claim holds"
    await execute(hub.hub.engines, "UPDATE alerts_digests SET claimed_ms = claimed_ms - 600001")
    for _ in range(2):
        await look(hub)
    [digest] = mail_server.messages
    assert digest["Subject"] == "Daily digest: 0 open, 0 told (company 92)"
