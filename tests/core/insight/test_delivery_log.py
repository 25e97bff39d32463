"""What the delivery log counts for people."""

import pytest

from trunkline.errors import NotFound
from trunkline.store import tables


async def test_what_is_open_is_counted_for_one_subscription(running):
    hub = running.hub
    request = {"target_url": "https://example.com/", "event_types": ["*"]}
    made = [await hub.subscriptions.create(running.company_id, request, channel="webhooks") for _ in range(2)]
    numbers = [(await hub.subscriptions.find(running.company_id, one["id"], channel=None)).no for one in made]
    statuses = ["pending", "held", "delivered", "exhausted", "pending", "gone"]
    async with hub.database.write() as connection:
        await connection.execute(
            tables.deliveries.insert(),
            [
                {
                    "position": position,
                    "subscription_no": numbers[0],
                    "status": status,
                    "attempts": 0,
                    "claim": 0,
                    "updated_ms": 0,
                }
                for position, status in enumerate(statuses, start=1)
            ],
        )
    assert await hub.deliveries.count_open(running.company_id, made[0]["id"]) == 3
    assert await hub.deliveries.count_open(running.company_id, made[1]["id"]) == 0
    for company_id, subscription_id in (
        (running.neighbour_id, made[0]["id"]),
        (running.company_id, "sub_nonsense"),
    ):
        with pytest.raises(NotFound):
            await hub.deliveries.count_open(company_id, subscription_id)
