"""The plugins' ``lifespan`` hooks: entered when the hub starts, left when it stops.

For each plugin, a single task enters and leaves the hook, so that a plugin may open a task group in the hook.
"""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.plugins.calls import Implementation, describe_error, is_being_cancelled
from trunkline.plugins.registry import Registry, logger_of

HOOK = "lifespan"
LIMIT_SECONDS = 5.0


class Lifespan:
    """The ``lifespan`` of one plugin, from its start to its end."""

    def __init__(self, implementation: Implementation, *, registry: Registry, limit_seconds: float) -> None:
        self.plugin = implementation.plugin
        self._implementation = implementation
        self._registry = registry
        self._limit_seconds = limit_seconds
        self._entered = asyncio.Event()
        self._leave = asyncio.Event()
        self._failure: PluginFailed | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> PluginFailed | None:
        """Enter the plugin's lifespan; returns the failure, or None."""
        seconds = self._limit_seconds
        self._task = asyncio.create_task(self._live())
        entered = asyncio.create_task(self._entered.wait())
        await asyncio.wait({self._task, entered}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        entered.cancel()
        if self._entered.is_set():
            self._task.add_done_callback(self._note_end)
        elif not self._task.done():
            self._task.cancel()
            return PluginFailed(self.plugin, f"did not start its {HOOK} within {seconds:g} s")
        return self._failure

    async def stop(self) -> None:
        """Leave the plugin's lifespan; an error is logged."""
        self._leave.set()
        if self._task is None or self._task.done():
            return
        _, late = await asyncio.wait({self._task}, timeout=self._limit_seconds)
        if late:
            logger_of(self.plugin).error(
                "Plugin '%s' did not leave its %s within %g s", self.plugin, HOOK, self._limit_seconds
            )
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=self._limit_seconds)

    async def _live(self) -> None:
        try:
            async with await self._make():
                self._entered.set()
                await self._leave.wait()
        except PluginFailed as failure:
            self._failure = failure
        except BaseException as error:
            if is_being_cancelled():
                raise asyncio.CancelledError from error
            self._failure = PluginFailed(self.plugin, f"raised in {HOOK}: {describe_error(error)}")
            self._failure.__cause__ = error

    async def _make(self) -> AbstractAsyncContextManager[object]:
        made = self._implementation.call({"context": self._registry.context(self.plugin)})
        if inspect.iscoroutine(made):
            made = await made
        if isinstance(made, AbstractAsyncContextManager):
            return made
        reason = f"returned a value of type {type(made).__name__} from {HOOK}, which must return an async context manager"
        raise PluginFailed(self.plugin, reason)

    def _note_end(self, _: asyncio.Task[None]) -> None:
        """Remove a plugin whose lifespan ended while the hub runs; log an error that was raised on leaving."""
        failure = self._failure or PluginFailed(self.plugin, f"ended its {HOOK} while the hub runs")
        if not self._leave.is_set():
            self._registry.fail(self.plugin, failure.reason, cause=failure.__cause__)
        elif self._failure is not None:
            logger_of(self.plugin).error(str(failure), exc_info=failure.__cause__)


@asynccontextmanager
async def lifespans(registry: Registry, *, limit_seconds: float = LIMIT_SECONDS) -> AsyncGenerator[None]:
    """Enter every plugin's ``lifespan``, all at once, and leave them at the end.

    Raises:
        SettingsInvalid: a plugin raised it.
        PluginFailed: a plugin that is enabled by name did not start. In both cases the others were stopped again.
    """
    running = [
        Lifespan(implementation, registry=registry, limit_seconds=limit_seconds)
        for implementation in registry.implementing(HOOK)
    ]
    try:
        for failure in await asyncio.gather(*(lifespan.start() for lifespan in running)):
            if failure is not None and isinstance(failure.__cause__, SettingsInvalid):
                raise failure.__cause__
            if failure is not None:
                registry.refuse(failure)
        yield
    finally:
        await asyncio.gather(*(lifespan.stop() for lifespan in running))
