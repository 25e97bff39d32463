"""The event loop of a command."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import uvloop

GRACE_SECONDS = 2.0
_log = logging.getLogger(__name__)

Value = TypeVar("Value")
Services = TypeVar("Services")


class _Loop(uvloop.Loop):
    """A loop that continues if a task other than the main one, such as a plugin's, raises ``SystemExit``."""

    def run_until_complete(self, future: Any) -> Any:
        """Run until *future* is done."""
        main = asyncio.ensure_future(future, loop=self)
        while True:
            try:
                return super().run_until_complete(main)
            except SystemExit as error:
                if main.done():
                    raise
                _log.error("SystemExit was raised beside the main task: the process goes on", exc_info=error)


def run(main: Coroutine[Any, Any, Value]) -> Value:
    """Run *main* to its end on a fresh uvloop. A task that swallows its cancellation, such as a plugin's, is abandoned.

    The garbage collector ignores modules that were imported before the call.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)

    async def end_alone() -> Value:
        try:
            return await main
        finally:
            if others := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in others:
                    task.cancel()
                _, endless = await asyncio.wait(others, timeout=GRACE_SECONDS)
                for task in endless:  # the runner would wait for it forever
                    _log.warning("the process ends without '%s', which does not end", task.get_coro())
                    asyncio.tasks._unregister_task(task)  # noqa: SLF001 - documented under 'Extending' asyncio

    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(end_alone())


def run_with(
    opening: AbstractAsyncContextManager[Services], work: Callable[[Services], Awaitable[Value]]
) -> Value:
    """Run *work* with the services that *opening* opens, and return its result."""

    async def whole() -> Value:
        async with opening as services:
            return await work(services)

    return run(whole())
