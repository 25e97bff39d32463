"""The floor, the least work that a hub can do: a FastAPI endpoint commits one row, answers, and pushes the row.

``python -m benchmarks.floor DATABASE_URL TARGET`` serves the endpoint until the process is ended, and prints its port.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import aiohttp
import aiosqlite
import asyncpg
import uvloop
from fastapi import FastAPI, Request, Response

from benchmarks import bare

TABLE = "CREATE TABLE floor (id {} PRIMARY KEY, body {} NOT NULL)"
Store = Callable[[bytes], Awaitable[int]]
"""Commits one row; returns its number."""


async def opened(database_url: str) -> Store:
    """Open the database with the same durability as in the hub; each row takes one round trip."""
    if not database_url.startswith("sqlite"):
        pool = await asyncpg.create_pool(database_url, min_size=2)
        await pool.execute(TABLE.format("bigserial", "bytea"))
        return lambda body: pool.fetchval("INSERT INTO floor (body) VALUES ($1) RETURNING id", body)
    file = await aiosqlite.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        TABLE.format("integer", "blob"),
    ):
        await file.execute(statement)

    async def store(body: bytes) -> int:
        row = await file.execute_insert("INSERT INTO floor (body) VALUES (?)", (body,))
        assert row is not None
        return row[0]

    return store


async def main(database_url: str, target: str) -> None:
    """Serve the endpoint."""
    store, session = await opened(database_url), aiohttp.ClientSession()
    app, pushing = FastAPI(), set[asyncio.Task[None]]()

    @app.post("/api/v1/events")
    async def accept(request: Request) -> Response:
        body = await request.body()
        number = await store(body)
        task = asyncio.create_task(push(number, body))
        pushing.add(task)
        task.add_done_callback(pushing.discard)
        return Response(b'{"id":%d}' % number, 201, media_type="application/json")

    async def push(number: int, body: bytes) -> None:
        headers = {"content-type": "application/json", "webhook-id": str(number)}
        async with session.post(target, data=body, headers=headers) as answer:
            await answer.read()

    await bare.serve(app)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
