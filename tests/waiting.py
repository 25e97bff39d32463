"""Waiting for the effects of what runs beside a test; the limits are for a slow and busy machine."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

Found = TypeVar("Found")


async def until(condition: Callable[[], Any], *, seconds: float = 60, what: str = "it") -> Any:
    """Wait until *condition*, which may be async, is true; return its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        await asyncio.sleep(0.02)


def wait_for(what: str, look: Callable[[], Found | None], *, seconds: float = 60) -> Found:
    """Wait, where no event loop runs, until *look* gives something true; return that. *what* is for the message."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return found
