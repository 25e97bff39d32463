"""Operational events made by a test, in a transaction like the hub's."""

import asyncio

SUBSCRIPTION = {"id": "sub_1", "channel": "webhooks", "target_url": "https://crm.example/hooks"}
FACTS = {
    "subscription.failing": {
        "failures": 3,
        "failing_since_utc": "2026-01-28T10:30:00Z",
        "threshold": 1,
        "last_status_code": 503,
        "last_error": None,
    },
    "subscription.disabled": {
        "reason": "failing",
        "failures": 90,
        "failing_since_utc": "2026-01-28T10:30:00Z",
        "last_status_code": 503,
        "last_error": None,
    },
    "subscription.recovered": {"failing_since_utc": "2026-01-28T10:30:00Z"},
    "delivery.exhausted": {
        "minute_utc": "2026-01-28T10:30:00Z",
        "count": 3,
        "first_event_id": 1,
        "last_event_id": 3,
    },
}


async def tell(hub, name: str, *, subscription_id: str = "sub_1") -> None:
    """Emit ``subscription.<name>``, or an exhausted delivery, for the hub's company."""
    event_type = name if "." in name else f"subscription.{name}"
    facts = {"subscription": {**SUBSCRIPTION, "id": subscription_id}, **FACTS[event_type]}
    context = hub.hub.registry.context("alerts")
    async with context.database.write() as connection:
        await context.journal.tell(connection, event_type, company_id=hub.company_id, facts=facts)


async def results(hub, subscription_id: str, count: int) -> list[str]:
    """Wait until *count* deliveries of a subscription have ended; return the last answer of each, oldest event first."""
    async with asyncio.timeout(60):
        while True:
            page = await hub.hub.deliveries.of_subscription(
                hub.company_id, subscription_id, channel=None, limit=100
            )
            ended = [each for each in page["deliveries"] if each["status"] != "pending"]
            if len(ended) >= count:
                break
            await asyncio.sleep(0.02)
    views = [await hub.hub.deliveries.get(hub.company_id, each["id"]) for each in ended]
    views.sort(key=lambda view: view["event_id"])
    return [view["attempts"][-1]["response_body"] or "" for view in views]
