"""The counts of the delivery log."""

import pytest

from trunkline.errors import NotFound
from trunkline.insight import delivery_log
from trunkline.store import tables


async def test_what_is_open_is_counted_for_one_subscription(running):
    hub = running.hub
    request = {"target_url": "https://example.com/", "event_types": ["*"]}
    made = [await hub.subscriptions.create(running.company_id, request, channel="webhooks") for _ in range(2)]
    numbers = [(await hub.subscriptions.find(running.company_id, one["id"], channel=None)).no for one in made]
    statuses = ["pending", "held", "delivered", "exhausted", "pending", "gone"]
    async with hub.engines.write() as connection:
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


async def test_deliveries_in_one_status_are_looked_for_in_pieces_and_none_is_missed(running, monkeypatch):
    monkeypatch.setattr(delivery_log, "LOOKED_AT", 2)
    monkeypatch.setattr(delivery_log, "MAX_PIECES", 2)
    positions = [(await running.emit("lead.created")).event_id for _ in range(11)]
    request = {"target_url": "https://example.com/", "event_types": ["*"]}
    made = (await running.hub.subscriptions.create(running.company_id, request, channel="webhooks"))["id"]
    found = await running.hub.subscriptions.find(running.company_id, made, channel=None)
    gone = [positions[at] for at in (0, 1, 6, 10)]
    async with running.hub.engines.write() as connection:
        for position in positions:
            status = "gone" if position in gone else "delivered"
            await connection.exec_driver_sql(
                "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
                f"VALUES ({position}, {found.no}, '{status}', 1, 1, 0)"
            )
    for limit in (1, 2, 3, 50):
        seen, cursor = [], None
        for _ in range(20):
            page = await running.hub.deliveries.of_subscription(
                running.company_id, made, channel=None, status="gone", cursor=cursor, limit=limit
            )
            seen += [entry["event_id"] for entry in page["deliveries"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == gone[::-1]
