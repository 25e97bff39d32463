"""PostgreSQL stops under load and comes back: everything continues without a restart."""

import asyncio
import time
from collections import Counter

import httpx2
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_everything_flows_again_after_the_database_was_away(deploy, own_server, receiver, until):
    deployment = deploy(own_server.get_uri())
    await deployment.set_up(1, 2, 3, 4, target_url=f"{receiver.url}/h")
    receiver.answer(200, delay_seconds=0.05)
    processes = await asyncio.gather(deployment.serve(), deployment.serve())
    answers: Counter[int] = Counter()
    accepted: set[int] = set()
    stop = asyncio.Event()

    async def write(number: int) -> None:
        async with deployment.client(processes[number % 2], 1 + number % 4) as client:
            while not stop.is_set():
                try:
                    answer = await client.post("/events", json=deployment.event(1 + number))
                except httpx2.TimeoutException:
                    answers[0] += 1
                    continue
                answers[answer.status_code] += 1
                if answer.status_code == 201:
                    accepted.add(answer.json()["id"])
                else:
                    assert answer.status_code == 503, answer.text
                    assert "retry-after" in answer.headers
                await asyncio.sleep(0.01)

    writers = [asyncio.create_task(write(number)) for number in range(12)]
    for _ in range(2):
        before, arrived, unavailable = len(accepted), receiver.count, answers[503]
        await until(lambda b=before: len(accepted) > b + 100, what="acceptance")
        await until(lambda a=arrived: receiver.count > a + 100, what="pushing")
        await asyncio.to_thread(own_server.stop)
        await until(lambda u=unavailable: answers[503] > u + 10, what="an answer that says so")
        health = await _get(processes[0], "/healthz"), await _get(processes[0], "/readyz")
        assert health == (200, 503)
        await asyncio.to_thread(own_server.start)
        back = time.monotonic()
        before, arrived = len(accepted), receiver.count
        await until(
            lambda b=before, a=arrived: len(accepted) > b and receiver.count > a,
            what="acceptance and pushing after the outage",
        )
        print(f"flows again {time.monotonic() - back:.1f} s after the server is back")
    before, arrived = len(accepted), receiver.count
    await until(lambda: len(accepted) > before + 100, what="acceptance as before")
    await until(lambda: receiver.count > arrived + 100, what="pushing as before")
    stop.set()
    await asyncio.gather(*writers)
    print(f"answers: {dict(answers)}")
    await deployment.check_ledger(accepted)
    assert set(await deployment.statuses()) == {"delivered"}
    assert accepted <= {int(request.headers["webhook-id"]) for request in receiver.requests}
    again = receiver.count - len({request.headers["webhook-id"] for request in receiver.requests})
    print(f"{again} of {receiver.count} were sent again")
    assert await _get(processes[0], "/readyz") == 200
    assert [process.stop() for process in processes] == [0, 0]


async def _get(process, path: str) -> int:
    async with httpx2.AsyncClient(base_url=process.url, timeout=15) as client:
        return (await client.get(path)).status_code
