"""``trunkline replay``, against a running hub."""

import asyncio
import json
import re

import httpx2
import pytest

LOCAL = {
    "TRUNKLINE_DELIVERY__ALLOW_HTTP": "true",
    "TRUNKLINE_DELIVERY__ALLOW_PRIVATE_NETWORKS": "true",
}


async def _url(process):
    async with asyncio.timeout(60):
        while (address := re.search(r"http://\S+", process.output.read_text())) is None:
            await asyncio.sleep(0.05)
    return address[0]


@pytest.mark.slow
async def test_a_replay_is_counted_started_and_watched_to_its_end(migrated_cli, receiver):
    local = migrated_cli.changed(**LOCAL)

    async def run(*arguments):
        return await asyncio.to_thread(local.run, *arguments)

    with local.started("serve", "--port", "0") as process:
        url = await _url(process)
        key = (
            await run("keys", "create", "--company", "92", "--name", "t", "--scope", "webhooks:write")
        ).stdout
        async with httpx2.AsyncClient(base_url=url, headers={"X-Api-Key": key.strip()}) as client:
            body = {"target_url": receiver.url, "event_types": ["*"]}
            subscription = (await client.post("/api/v1/webhooks/subscriptions", json=body)).json()
        for _ in range(2):
            await run("events", "emit", "client.created", "--company", "92")
        await receiver.wait_for(2)
        counted = await run("replay", subscription["id"], "--dry-run", "--json")
        assert json.loads(counted.stdout) == {"matched": 2}
        done = await run("replay", subscription["id"])
        assert re.fullmatch(r"rpl_\w+ completed: 2 made due, 2 delivered\.\n", done.stdout), done
        assert done.stderr.startswith("To be sent: 2.\n")  # and the progress, every five seconds
        assert receiver.count == 4


def test_a_subscription_that_is_not_there_is_named(migrated_cli):
    assert "There is no subscription 'sub_x' here." in migrated_cli.refused("replay", "sub_x", code=1)


def test_a_time_that_is_none_is_named(migrated_cli):
    refused = migrated_cli.refused("replay", "sub_x", "--from", "2026-13-01")
    assert "'2026-13-01' is not an ISO 8601 time" in refused
