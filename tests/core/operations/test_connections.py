"""Slow actions use separate connections, so that no other call waits for them."""

import asyncio

import pytest

LEAD = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.own_hub(settings={"database.pool_size": "3"})
async def test_actions_that_wait_for_a_locked_record_keep_nobody_from_accepting_and_delivering(
    running, receiver
):
    made = await running.client.post("/api/v1/integrations/leads", json=LEAD)
    assert made.status_code == 201, made.text
    lead = made.json()
    hook = {"target_url": f"{receiver.url}/hook", "event_types": ["*"]}
    assert (await running.client.post("/api/v1/webhooks/subscriptions", json=hook)).status_code == 201
    change = {"first_name": "Bea"}
    async with running.hub.engines.write() as connection:
        await connection.exec_driver_sql("LOCK TABLE crm_clients IN ACCESS EXCLUSIVE MODE")
        address = f"/api/v1/integrations/leads/{lead['client_id']}"
        slow = [asyncio.create_task(running.client.patch(address, json=change)) for _ in range(12)]
        await asyncio.sleep(0.5)
        async with asyncio.timeout(60):
            event = await running.client.post("/api/v1/events/test", json={"type": "lead.created"})
            assert event.status_code == 201
            await receiver.wait_for(1)
            assert (await running.client.get("/api/v1/me")).status_code == 200
        assert not any(task.done() for task in slow)
    answers = await asyncio.gather(*slow)
    assert {answer.status_code for answer in answers} == {200}
