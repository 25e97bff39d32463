"""``trunkline replay``, against a running hub."""

import asyncio
import json
import re

import pytest
from tests.core.cli.conftest import LOOSE


@pytest.mark.slow
async def test_a_replay_is_counted_started_and_watched_to_its_end(migrated_cli, receiver):
    local = migrated_cli.changed(**LOOSE)

    async def run(*arguments):
        return await asyncio.to_thread(local.run, *arguments)

    with local.serving():
        create = (
            "subscriptions",
            "create",
            "--company",
            "92",
            "--url",
            receiver.url,
            "--types",
            "*",
            "--json",
        )
        subscription = json.loads((await run(*create)).stdout)["id"]
        for _ in range(2):
            await run("events", "emit", "client.created", "--company", "92")
        await receiver.wait_for(2)
        counted = await run("replay", subscription, "--dry-run", "--json")
        assert json.loads(counted.stdout) == {"matched": 2}
        done = await run("replay", subscription)
        assert re.fullmatch(r"rpl_\w+ completed: 2 made due, 2 delivered\.\n", done.stdout), done
        assert done.stderr.startswith("To be sent: 2.\n")  # and the progress, every five seconds
        assert receiver.count == 4


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 1, "There is no subscription 'sub_x' here."),
        (("--from", "2026-13-01"), 2, "'2026-13-01' is not an ISO 8601 time"),
    ],
)
def test_what_cannot_be_meant_is_named(migrated_cli, arguments, code, sentence):
    assert sentence in migrated_cli.refused("replay", "sub_x", *arguments, code=code)
