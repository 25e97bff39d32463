"""Calls of a deployment that crashes meanwhile: a call without an answer is sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson

Call = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
"""``call(method, path, body, company=…, key=…, base=…, more=…)`` gives status and answer."""


async def answer_of(
    call: Call, method: str, path: str, body: Any, *, pause: Callable[[], float] = lambda: 0.0, **more: Any
) -> tuple[int, dict[str, Any]]:
    """Send *body* until there is an answer other than 503, each time after *pause* seconds."""
    content = b"" if body is None else orjson.dumps(body)
    while True:
        await asyncio.sleep(pause())
        try:
            status, answer = await call(method, path, content, **more)
        except (aiohttp.ClientError, TimeoutError):
            continue
        if status != 503:
            return status, answer
