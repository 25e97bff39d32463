"""What a key may do by its scopes: tests made from the table of routes."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from trunkline.api.security import Requires

READ, WRITE = "webhooks:read", "webhooks:write"
_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Guarded:
    """One method at one path. *guard* is its key check, None where it has none."""

    method: str
    path: str
    guard: Requires | None

    @property
    def address(self) -> str:
        return _PARAMETER.sub("1", self.path)


def guards_of(dependant: Any) -> Iterator[Requires]:
    if isinstance(dependant.call, Requires):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from guards_of(inner)


def routes_of(app: FastAPI) -> list[Guarded]:
    """List every route that answers, those of plugins and those that no document lists too."""
    return [
        Guarded(method, context.path, next(guards_of(context.dependant), None) if context.dependant else None)
        for context in iter_route_contexts(app.routes)
        for method in sorted((context.methods or set()) - {"HEAD"})
    ]


async def test_webhooks_read_reads_all_that_webhooks_write_changes_and_changes_nothing(
    sqlite_database_url, make_hub
):
    hub = await make_hub(sqlite_database_url, dispatch=False)
    reader = await hub.client_of(92, [READ])
    routes = [route for route in routes_of(hub.app) if route.guard and route.guard.scope in {READ, WRITE}]
    assert len([route for route in routes if route.method == "GET"]) >= 10
    wrong = []
    for route in routes:
        answer = await reader.request(route.method, route.address, json={})
        if route.method == "GET":
            is_right = answer.status_code in {200, 404} and route.guard.scope == READ
        else:
            is_right = answer.status_code == 403 and WRITE in answer.json()["detail"]
        if not is_right:
            wrong.append(f"{route.method} {route.path}: {answer.status_code}")
    assert wrong == []


async def test_webhooks_read_and_webhooks_write_read_the_same(sqlite_database_url, make_hub, receiver):
    hub = await make_hub(sqlite_database_url)
    reader, writer = await hub.client_of(92, [READ]), await hub.client_of(92, [WRITE])
    made = await writer.post(
        "/api/v1/webhooks/subscriptions", json={"target_url": receiver.url, "event_types": ["*"]}
    )
    subscription = f"/api/v1/webhooks/subscriptions/{made.json()['id']}"
    await hub.emit("lead.created")
    async with asyncio.timeout(20):
        while not (log := (await reader.get(f"{subscription}/deliveries")).json()["deliveries"]):
            await asyncio.sleep(0.02)
        while (await reader.get(f"/api/v1/deliveries/{log[0]['id']}")).json()["status"] == "pending":
            await asyncio.sleep(0.02)
    dry_run = await reader.post(f"{subscription}/replay", json={"dry_run": True})
    assert dry_run.status_code == 403
    replay = (await writer.post(f"{subscription}/replay", json={})).json()
    paths = (
        "/api/v1/subscriptions",
        "/api/v1/webhooks/subscriptions",
        "/api/v1/zapier/hooks",
        "/api/v1/n8n/hooks",
        "/api/v1/make/hooks",
        subscription,
        f"/api/v1/subscriptions/{made.json()['id']}",
        f"/api/v1/deliveries/{log[0]['id']}",
    )
    for path in paths:
        read, written = await reader.get(path), await writer.get(path)
        assert (read.status_code, read.json()) == (200, written.json()), path
    assert (await reader.get(f"/api/v1/replays/{replay['id']}")).status_code == 200
    assert "secret" not in (await reader.get(subscription)).json()
