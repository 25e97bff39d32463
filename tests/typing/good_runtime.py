"""Hooks that run later, and the services of a context, as an author writes them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from logging import Logger
from typing import Annotated, Any, assert_type

from fastapi import APIRouter, Depends

from trunkline import EmittedEvent, EventType, HttpClient, Migrations, PluginContext, Result, hookimpl
from trunkline.pages import PortalPage, PortalRequest
from trunkline.routes import (
    AcceptedEvent,
    Caller,
    ChangedSubscription,
    FinishedAttempt,
    Principal,
    Routes,
    requires,
)

router = APIRouter()


@router.get("/orders")
async def list_orders(caller: Annotated[Caller, Depends(requires("events:read"))]) -> list[int]:
    """List."""
    assert_type(caller.company_id, int)
    assert_type(caller.principal, Principal)
    return [caller.company_id]


def render(request: PortalRequest) -> str:
    """Write a page."""
    assert_type(request.company_id, int)
    return "<p>none</p>"


async def render_slowly(request: PortalRequest) -> str:
    """Write a page after a while."""
    await asyncio.sleep(0)
    return request.query.get("q", "")


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give routes."""
    return [Routes(router, prefix="/acme"), Routes(router, base="/docs")]


@hookimpl
def register_portal_pages(context: PluginContext) -> Sequence[PortalPage]:
    """Give pages, written by a plain function and by an async one."""
    return [PortalPage("a", "A", render), PortalPage("b", "B", render_slowly, scope="admin")]


@hookimpl
def register_event_types() -> Sequence[EventType]:
    """Give an event type."""
    return [EventType("order.created", "Order created", "…", {"type": "object", "examples": [{}]})]


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Give a history."""
    return [Migrations("trunkline_acme:migrations")]


@hookimpl
@asynccontextmanager
async def lifespan(context: PluginContext) -> AsyncGenerator[None]:
    """Hold something open."""
    client = context.open_origin("http://10.0.0.1", timeout_seconds=2)
    assert_type(client, HttpClient)
    assert_type(context.log, Logger)
    yield


@hookimpl
async def event_accepted(context: PluginContext, events: Sequence[AcceptedEvent]) -> None:
    """React in the loop."""
    for event in events:
        assert_type(event.body, bytes)
        page = await context.events.page(event.company_id, types=[event.type], limit=1)
        assert_type(page.bodies, Sequence[bytes])
    accepted = await context.emit(EmittedEvent(92, "order.created", {}), idempotency_key="1")
    assert_type(accepted, AcceptedEvent)


@hookimpl
def attempt_finished(attempts: Sequence[FinishedAttempt]) -> None:
    """React in a thread."""
    for attempt in attempts:
        assert_type(attempt.result, Result)


@hookimpl
def subscription_changed(context: PluginContext, subscription: ChangedSubscription) -> None:
    """React to a change."""
    assert_type(subscription.status, str)


async def use_the_context(context: PluginContext) -> None:
    """Use the services of a context."""
    assert_type(context.clock.now_ms(), int)
    assert_type(context.sealer.seal(b"x", purpose="cookie"), str)
    assert_type(await context.events.get(92, 1000), bytes | None)
    assert_type(await context.subscriptions.list(92, channel="acme"), list[dict[str, Any]])
    async with context.database.write() as connection:
        await connection.exec_driver_sql("SELECT 1")


LATER: Callable[[PluginContext], Awaitable[None]] = use_the_context
