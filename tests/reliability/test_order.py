"""Many concurrent writers, and pollers that follow their cursors: each event exactly once, in order, without a gap."""

import asyncio

import pytest
from tests.answers import json_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

WRITERS = 40
EACH = 25
POLLERS = 5


@pytest.mark.parametrize(
    ("engine", "count"), [("postgresql", 2), ("sqlite", 1)], ids=["two-processes", "embedded"]
)
async def test_forty_writers_are_read_in_one_order_by_every_poller(deploy, database_url, count):
    deployment = deploy(database_url)
    await deployment.set_up(92, 93)
    processes = await asyncio.gather(*(deployment.serve() for _ in range(count)))
    total = WRITERS * EACH
    written: dict[int, list[int]] = {92: [], 93: []}

    async def write(number: int) -> None:
        company = 92 if number % 4 else 93
        async with deployment.client(processes[number % len(processes)], company) as client:
            for index in range(EACH):
                event = deployment.event(1 + number * EACH + index)
                if index % 5 == 4:
                    answer = await client.post("/events/batch", json={"events": [event, event]})
                    ids = [event["id"] for event in answer.json()["events"]]
                else:
                    answer = await client.post("/events", json=event)
                    ids = [answer.json()["id"]]
                assert answer.status_code == 201
                written[company] += ids

    async def poll(number: int) -> list[int]:
        """Follow the cursor, from process to process, until everything has been written and read."""
        seen: list[int] = []
        query: dict[str, object] = {"limit": 7 + 13 * number, "wait": 1 if number % 2 else 0}
        clients = [deployment.client(process, 92) for process in processes]
        turn = 0
        while True:
            over = writing.done()
            page = json_of(await clients[turn % len(clients)].get("/events", params=query))
            seen += [event["id"] for event in page["events"]]
            query["cursor"] = page["next_cursor"]
            turn += 1
            if over and not page["events"]:
                break
        for client in clients:
            await client.aclose()
        return seen

    writing = asyncio.ensure_future(asyncio.gather(*(write(number) for number in range(WRITERS))))
    polled = await asyncio.gather(*(poll(number) for number in range(POLLERS)))
    await writing
    expected = sorted(written[92])
    assert len(written[92]) + len(written[93]) == total + total // 5
    for seen in polled:
        assert seen == expected
    everything = sorted(written[92] + written[93])
    assert everything == list(range(everything[0], everything[0] + len(everything))), "the log has no gap"
