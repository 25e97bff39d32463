"""The counts of the delivery log."""

import pytest

from trunkline.errors import NotFound
from trunkline.insight import delivery_log
from trunkline.store import tables


async def store_deliveries(running, subscription_id: str, statuses: dict[int, str]) -> None:
    found = await running.hub.subscriptions.find(running.company_id, subscription_id, channel=None)
    zero = {"subscription_no": found.no, "attempts": 0, "claim": 0, "updated_ms": 0}
    rows = [zero | {"position": position, "status": status} for position, status in statuses.items()]
    async with running.hub.engines.write() as connection:
        await connection.execute(tables.deliveries.insert(), rows)


async def test_what_is_open_is_counted_for_one_subscription(running):
    hub = running.hub
    made = [await running.subscribe("https://example.com/") for _ in range(2)]
    statuses = ["pending", "held", "delivered", "exhausted", "pending", "gone"]
    await store_deliveries(running, made[0]["id"], dict(enumerate(statuses, start=1)))
    assert await hub.deliveries.count_open(running.company_id, made[0]["id"]) == 3
    assert await hub.deliveries.count_open(running.company_id, made[1]["id"]) == 0
    unknown = ((running.neighbour_id, made[0]["id"]), (running.company_id, "sub_nonsense"))
    for company_id, subscription_id in unknown:
        with pytest.raises(NotFound):
            await hub.deliveries.count_open(company_id, subscription_id)


async def test_deliveries_in_one_status_are_looked_for_in_pieces_and_none_is_missed(running, monkeypatch):
    monkeypatch.setattr(delivery_log, "LOOKED_AT", 2)
    monkeypatch.setattr(delivery_log, "MAX_PIECES", 2)
    positions = [(await running.emit("lead.created")).event_id for _ in range(11)]
    made = (await running.subscribe("https://example.com/"))["id"]
    gone = [positions[at] for at in (0, 1, 6, 10)]
    await store_deliveries(running, made, dict.fromkeys(positions, "delivered") | dict.fromkeys(gone, "gone"))
    of_subscription = running.hub.deliveries.of_subscription
    for limit in (1, 2, 3, 50):
        seen, query = [], {"limit": limit, "cursor": None}
        while True:
            page = await of_subscription(running.company_id, made, channel=None, status="gone", **query)
            seen += [entry["event_id"] for entry in page["deliveries"]]
            query["cursor"] = page["next_cursor"]
            if page["next_cursor"] is None:
                break
        assert seen == gone[::-1]
