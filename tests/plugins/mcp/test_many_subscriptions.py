"""3,000 calls to subscribe, to ``trunkline serve`` with its default limits: few succeed, and other callers are not delayed."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest
from tests.plugins.mcp.callbacks import Callback
from tests.plugins.mcp.conversation import Conversation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CALLS, AT_ONCE, KEYS = 3_000, 40, 10
LIMIT_SECONDS = 500
"""Two otherwise idle cores need a tenth of that."""
TYPE = "payment.failed"
PER_KEY, PER_MINUTE, CALLS_PER_MINUTE = 20, 10, 60
"""Subscriptions, and challenges and calls in a minute, that a key may have by default."""


def memory_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def poll(hub, key: str, times: list[float]) -> None:
    """Poll as an ordinary customer does, and note the duration of each poll."""
    async with httpx2.AsyncClient(base_url=hub.url, headers={"X-Api-Key": key}, timeout=60) as http:
        while True:
            began = time.monotonic()
            assert (await http.get("/api/v1/events", params={"limit": 1})).status_code == 200
            times.append(time.monotonic() - began)
            await asyncio.sleep(1.2)


async def test_thousands_of_calls_make_what_the_limits_let_and_hold_up_nobody(serve_hub, receiver):
    hub = serve_hub(TRUNKLINE_LIMITS__ENABLED="true")
    victims_key = hub.make_key("events:read", company_id=93)
    keys = [hub.make_key("events:read", "webhooks:write") for _ in range(KEYS)]
    callbacks = [Callback(receiver, f"/hooks/{number}") for number in range(KEYS)]
    outcomes: Counter[str] = Counter()
    numbers = iter(range(CALLS))

    async def subscribe(http: httpx2.AsyncClient) -> None:
        for number in numbers:
            key, callback = keys[number % KEYS], callbacks[number % KEYS]
            agent = Conversation(http, headers={"authorization": f"Bearer {key}"})
            asked = {
                "name": TYPE,
                "arguments": {"client_id": number // KEYS},
                "delivery": callback.delivery,
            }
            answer = await agent.send("events/subscribe", asked)
            body = answer.json() if answer.status_code == 200 else {}
            outcomes[
                str(answer.status_code)
                if not body
                else "made"
                if "result" in body
                else body["error"]["data"]["limit"]
            ] += 1

    assert hub.process is not None
    before, times = memory_mib(hub.process.pid), list[float]()
    began = time.monotonic()
    polling = asyncio.create_task(poll(hub, victims_key, times))
    limits = httpx2.Limits(max_connections=AT_ONCE)
    async with httpx2.AsyncClient(base_url=hub.url, timeout=60, limits=limits) as http:
        async with asyncio.timeout(LIMIT_SECONDS):
            await asyncio.gather(*(subscribe(http) for _ in range(AT_ONCE)))
    polling.cancel()
    seconds = time.monotonic() - began
    minutes = 2 + seconds // 60
    print(
        dict(outcomes),
        f"{memory_mib(hub.process.pid) - before:.0f} MiB",
        f"{max(times):.2f} s of {seconds:.0f}",
    )
    assert outcomes.total() == CALLS
    assert set(outcomes) <= {"made", "subscriptions", "challenges", "429"}
    assert 0 < outcomes["made"] <= KEYS * PER_KEY
    made = hub.call("GET", "/api/v1/subscriptions?channel=mcp")["subscriptions"]
    assert len(made) == outcomes["made"] <= 100, "as many as a company may have"
    assert outcomes.total() - outcomes["429"] <= KEYS * CALLS_PER_MINUTE * minutes
    challenges = sum(len(callback.controls) for callback in callbacks)
    assert challenges <= KEYS * PER_MINUTE * minutes
    assert memory_mib(hub.process.pid) - before < 60
    usual = AT_ONCE * seconds / CALLS
    assert max(times) < 1 + 2 * usual, "an ordinary caller waits hardly longer than each of the many"
