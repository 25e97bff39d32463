"""Events and subscriptions with which the tests of several pages begin."""

import asyncio

from tests.answers import json_of

HOOKS = "/api/v1/webhooks/subscriptions"
LEAD = {"client_id": 7, "first_name": "Jane", "last_name": "Doe", "email": "jane@example.com", "phone": None}
LEAD |= {"status": "Lead - New", "status_id": 10, "created_date": "2026-01-28T10:30:00Z"}
HOSTILE = "\"><img src=x onerror=window.xss=1></pre><script>window.xss=1</script>{{ 7777 * 7777 }}'"


async def emit(hub, *, client=None, type: str = "lead.created", metadata=None, **payload) -> int:
    event = {"type": type, "payload": {**LEAD, **payload}} | ({"metadata": metadata} if metadata else {})
    return json_of(await (client or hub.client).post("/api/v1/events", json=event), 201)["id"]


async def subscribe(hub, target_url: str, **changed) -> str:
    return (await hub.subscribe(target_url, **changed))["id"]


async def shown_when(browser, path: str, words: str) -> str:
    """Load a page repeatedly until it contains *words*."""
    async with asyncio.timeout(60):
        while words not in (text := browser.words(await browser.get(path))):
            await asyncio.sleep(0.1)
    return text
