"""Calls of the store's functions, each in a transaction of its own, and rows to call them on."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import text

from trunkline.store import tables
from trunkline.store.database import Database
from trunkline.store.wakeup import Wakeup

T = TypeVar("T")


async def read_with(
    database: Database, function: Callable[..., Awaitable[T]], *arguments: Any, **named: Any
) -> T:
    """``await read_with(database, stream.head)`` calls ``stream.head`` with a connection that reads."""
    async with database.read() as connection:
        return await function(connection, *arguments, **named)


async def write_with(
    database: Database, function: Callable[..., Awaitable[T]], *arguments: Any, **named: Any
) -> T:
    """Call *function* as ``read_with`` does, in a transaction that writes."""
    async with database.write() as connection:
        return await function(connection, *arguments, **named)


async def column(database: Database, statement: str, **values: Any) -> list:
    """Give the first value of each row that *statement* reads."""
    async with database.read() as connection:
        return [row[0] for row in await connection.execute(text(statement), values)]


async def check_wakes(here: Wakeup, there: Wakeup) -> None:
    """Check that *there* listens, and is woken by *here*."""
    with there.signal() as signal:
        assert await signal.wait(60), "it is set once when it begins to listen"
        here.announce()
        assert await signal.wait(60)


async def insert_subscription(database: Database, identifier: str = "sub_1", **columns: Any) -> int:
    """Insert an active subscription of company 92; return its number."""
    values = {
        "id": identifier, "company_id": 92, "channel": "webhooks", "target_url": "https://a.example",
        "event_types": "[]", "signature": "standard", "sealed": b"", "status": "active", "start_position": 0,
        "failures": 0, "created_ms": 0, "updated_ms": 0, "version": 1,
    }  # fmt: skip
    subscriptions = tables.subscriptions
    statement = subscriptions.insert().values(**values | columns).returning(subscriptions.c.no)
    async with database.write() as connection:
        return (await connection.execute(statement)).scalar_one()
