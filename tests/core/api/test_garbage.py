"""Requests leave no reference cycles: the garbage collector would hold all requests for tens of milliseconds to free them."""

import gc

import pytest

REQUESTS = 60
OTHERS = 50
"""The most objects in cycles that other parts of the process may leave meanwhile."""


@pytest.mark.parametrize("path", ["/api/v1/events?limit=1", "/api/v1/me", "/api/v1/webhooks/subscriptions"])
async def test_reading_leaves_no_cycles(api, path):
    await assert_no_cycles(lambda: api.client.get(path))


async def test_accepting_an_event_leaves_no_cycles(api):
    event = {"type": "client.created", "payload": api.events("client.created")}
    await assert_no_cycles(lambda: api.client.post("/api/v1/events", json=event))


async def assert_no_cycles(call) -> None:
    for _ in range(5):
        assert (await call()).is_success
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            await call()
        found = gc.collect()
    finally:
        gc.enable()
    assert found < OTHERS, f"{REQUESTS} requests left {found} objects in cycles"
