"""Notifies plugins after events have happened; the calling code never waits for plugins."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Self

from trunkline.contract import AcceptedEvent, ChangedSubscription, FinishedAttempt
from trunkline.plugins.calls import (
    Implementation,
    PluginThread,
    call_runtime,
    describe_error,
    is_being_cancelled,
)
from trunkline.plugins.registry import Registry, logger_of

HOOKS = ("event_accepted", "attempt_finished", "subscription_changed")
LIMIT_SECONDS = 5.0
CAPACITY = 1000


class Listener:
    """One listening plugin: a bounded queue, and the task that makes the queued calls one after another."""

    def __init__(
        self,
        name: str,
        hooks: Mapping[str, Implementation],
        *,
        context: object,
        limit_seconds: float,
        capacity: int,
    ) -> None:
        self.name = name
        self.hooks = hooks
        self.dropped = 0
        self._context = context
        self._limit_seconds = limit_seconds
        self._waiting: deque[tuple[str, Mapping[str, object]]] = deque(maxlen=capacity)
        self._wake = asyncio.Event()
        self._stopping = False
        self._overflowing = False
        self._thread = PluginThread(name)
        self._log: logging.Logger = logger_of(name)

    def offer(self, hook: str, arguments: Mapping[str, object]) -> None:
        """Queue one call; if the queue is full, drop the oldest call."""
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
            if not self._overflowing:
                self._overflowing = True
                self._log.warning(
                    "Plugin '%s' is too slow: more than %d calls wait for it, and the oldest are dropped",
                    self.name,
                    self._waiting.maxlen,
                )
        self._waiting.append((hook, arguments))
        self._wake.set()

    def stop(self) -> None:
        """Make ``run`` return once the queue is empty."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Make the queued calls until stopped."""
        while True:
            while self._waiting:
                await self._call(*self._waiting.popleft())
            self._overflowing = False
            if self._stopping:
                return
            self._wake.clear()
            await self._wake.wait()

    async def _call(self, hook: str, arguments: Mapping[str, object]) -> None:
        limit = asyncio.timeout(self._limit_seconds)
        try:
            async with limit:
                await call_runtime(
                    self.hooks[hook], arguments={"context": self._context, **arguments}, thread=self._thread
                )
        except BaseException as error:
            if is_being_cancelled():
                raise asyncio.CancelledError from error
            if not limit.expired():
                self._log.error(
                    "Plugin '%s' raised in %s: %s", self.name, hook, describe_error(error), exc_info=error
                )
        if limit.expired():  # also if the plugin caught the cancellation and returned
            self._log.error(
                "Plugin '%s' did not return from %s within %g s", self.name, hook, self._limit_seconds
            )
        await self._thread.settle()  # so at most one thread per plugin hangs, and it gets no further call


class Notifier:
    """Calls the notification hooks, for each plugin separately.

    A notifier is active while it is entered. On leaving, it makes the queued calls for up to the time limit. Its
    methods return at once, and must be called in the event loop's thread.
    """

    def __init__(
        self, registry: Registry, *, limit_seconds: float = LIMIT_SECONDS, capacity: int = CAPACITY
    ) -> None:
        self._registry = registry
        self._limit_seconds = limit_seconds
        self._capacity = capacity
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        found: dict[str, dict[str, Implementation]] = {}
        for hook in HOOKS:
            for implementation in self._registry.implementing(hook):
                found.setdefault(implementation.plugin, {})[hook] = implementation
        for name, hooks in sorted(found.items()):
            context, seconds = self._registry.context(name), self._limit_seconds
            self._listeners.append(
                Listener(name, hooks, context=context, limit_seconds=seconds, capacity=self._capacity)
            )
        self._tasks = [asyncio.create_task(listener.run()) for listener in self._listeners]
        return self

    async def __aexit__(self, *_: object) -> None:
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.stop()
        if self._tasks:
            late = (await asyncio.wait(self._tasks, timeout=self._limit_seconds))[1]
            for task in late:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=self._limit_seconds)

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many calls each listening plugin has lost because its queue was full."""
        return {listener.name: listener.dropped for listener in self._listeners}

    def wants(self, hook: str) -> bool:
        """Return True if a running plugin implements *hook*; if not, the caller can skip building the arguments."""
        return bool(self._listening(hook))

    def event_accepted(self, events: Sequence[AcceptedEvent]) -> None:
        """Notify plugins that *events* were stored."""
        self._tell("event_accepted", {"events": events})

    def attempt_finished(self, attempts: Sequence[FinishedAttempt]) -> None:
        """Notify plugins that *attempts* have ended and were logged."""
        self._tell("attempt_finished", {"attempts": attempts})

    def subscription_changed(self, subscription: ChangedSubscription) -> None:
        """Notify plugins that *subscription* was created, changed, disabled or deleted."""
        self._tell("subscription_changed", {"subscription": subscription})

    def _tell(self, hook: str, arguments: Mapping[str, object]) -> None:
        for listener in self._listening(hook):
            listener.offer(hook, arguments)

    def _listening(self, hook: str) -> list[Listener]:
        return [
            listener
            for listener in self._listeners
            if hook in listener.hooks and self._registry.is_active(listener.name)
        ]
