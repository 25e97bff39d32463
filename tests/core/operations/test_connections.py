"""Slow actions use separate connections, so that no other call waits for them."""

import asyncio

import pytest

LEAD = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.own_hub(settings={"database.pool_size": "3"})
async def test_actions_that_wait_for_a_locked_record_keep_nobody_from_accepting_and_delivering(
    running, receiver
):
    lead = await running.create("/api/v1/integrations/leads", LEAD)
    await running.subscribe(f"{receiver.url}/hook")
    change = {"first_name": "Bea"}
    async with running.hub.engines.write() as connection:
        await connection.exec_driver_sql("LOCK TABLE crm_clients IN ACCESS EXCLUSIVE MODE")
        address = f"/api/v1/integrations/leads/{lead['client_id']}"
        slow = [asyncio.create_task(running.client.patch(address, json=change)) for _ in range(12)]
        await asyncio.sleep(0.5)
        async with asyncio.timeout(60):
            await running.send_test_event()
            await receiver.wait_for(1)
            assert (await running.client.get("/api/v1/me")).status_code == 200
        assert not any(task.done() for task in slow)
    answers = await asyncio.gather(*slow)
    assert {answer.status_code for answer in answers} == {200}
