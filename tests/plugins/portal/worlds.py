"""Events and subscriptions with which the tests of several pages begin."""

import asyncio
from pathlib import Path

from tests.answers import json_of

HOOKS = "/api/v1/webhooks/subscriptions"
LEAD = {"client_id": 7, "first_name": "Jane", "last_name": "Doe", "email": "jane@example.com", "phone": None}
LEAD |= {"status": "Lead - New", "status_id": 10, "created_date": "2026-01-28T10:30:00Z"}
HOSTILE = (
    "\"><img src=x onerror=window.xss=1></pre></textarea><script>window.xss=1</script>{{ 7777 * 7777 }}'"
)

FORMS = [
    ("/portal/catalogue/lead.created", {"payload": "{}"}, ("events:write",)),
    ("/portal/quarantine/release", {"type": "lead.created"}, ("admin", "events:read", "events:write")),
    ("/portal/quarantine/qtn_1", {"payload": "{}"}, ("admin", "events:read", "events:write")),
    ("/portal/quarantine/qtn_1/release", {}, ("admin", "events:read", "events:write")),
    ("/portal/quarantine/qtn_1/delete", {}, ("admin", "events:read", "events:write")),
    ("/portal/subscriptions/new", {"target_url": "https://example.com"}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/edit", {}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/pause", {}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/resume", {}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/delete", {}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/rotate", {"hours": "1"}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/reveal", {}, ("webhooks:write",)),
    ("/portal/targets/replay", {"since_ms": "0"}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/test", {}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/replays/new", {}, ("webhooks:write",)),
    ("/portal/subscriptions/sub_1/replays/rpl_1/cancel", {}, ("webhooks:write",)),
    ("/portal/deliveries/dlv_1_1/retry", {}, ("webhooks:write",)),
    ("/portal/events/1/send", {"subscription": "sub_1"}, ("webhooks:write",)),
    ("/portal/keys", {"name": "x"}, ("admin",)),
    ("/portal/keys/key_1/revoke", {}, ("admin",)),
    ("/portal/keys/key_1/rotate", {}, ("admin",)),
    ("/portal/deliveries/dlv_1_1/skip", {}, ("webhooks:write",)),
    ("/portal/x/oauth/apps", {"connection": "con_1"}, ()),
    ("/portal/consumers/seek", {"name": "billing", "to": "now"}, ("events:read",)),
]
"""Every form of a company: its address, its fields, and the scopes each of which it needs."""


def lay_fax(folder: Path, source: str) -> Path:
    """Lay an installed distribution with the plugin ``fax`` into *folder*; return what the import path needs."""
    info = folder / "site" / "acme_fax-1.0.dist-info"
    info.mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: acme-fax\nVersion: 1.0\nRequires-Dist: trunkline>=0\n"
    (info / "METADATA").write_text(metadata)
    module = f"acme_fax_{folder.name.replace('-', '_')}"
    (info / "entry_points.txt").write_text(f"[trunkline]\nfax = {module}\n")
    (info.parent / f"{module}.py").write_text(source)
    return info.parent


def assert_only_text(page) -> None:
    """Check that nothing of ``HOSTILE`` on the page is more than text."""
    assert "<img src=x" not in page.text
    assert "<script>window" not in page.text


async def emit(hub, *, client=None, type: str = "lead.created", metadata=None, **payload) -> int:
    event = {"type": type, "payload": {**LEAD, **payload}} | ({"metadata": metadata} if metadata else {})
    return json_of(await (client or hub.client).post("/api/v1/events", json=event), 201)["id"]


async def subscribe(hub, target_url: str, **changed) -> str:
    return (await hub.subscribe(target_url, **changed))["id"]


async def delivered(hub, browser, target_url: str, *, event=None, **changed) -> tuple[str, int]:
    """Subscribe to a target that accepts an event, and wait until the event's page says so; return both ids."""
    subscription = await subscribe(hub, target_url, **changed)
    event_id = await emit(hub, **(event or {}))
    await shown_when(browser, f"/portal/events/{event_id}", "delivered with attempt 1")
    return subscription, event_id


async def shown_when(browser, path: str, words: str) -> str:
    """Load a page repeatedly until it contains *words*."""
    async with asyncio.timeout(60):
        while words not in (text := browser.words(await browser.get(path))):
            await asyncio.sleep(0.1)
    return text
