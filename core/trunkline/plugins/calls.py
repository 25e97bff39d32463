"""Calls of plugins' functions. Errors of plugins are caught and turned into values only here."""

import asyncio
import contextlib
import contextvars
import inspect
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from msgspec import Struct

from trunkline.errors import PluginFailed, SettingsInvalid

Value = TypeVar("Value")

LONGEST_REASON = 500


class Implementation(Struct, frozen=True):
    """A plugin's function for a hook. *argnames* are the arguments of the hook that it takes, in the signature's order."""

    plugin: str
    hook: str
    function: Callable[..., object]
    argnames: tuple[str, ...]

    def call(self, arguments: Mapping[str, object]) -> Any:
        """Call the function with those *arguments* that it takes."""
        return self.function(*(arguments[name] for name in self.argnames))


def describe_error(error: BaseException) -> str:
    """Put the type and text of *error* on one line."""
    if isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error}"  # the traceback's last line lacks file and line
    else:
        text = traceback.format_exception_only(error)[-1]
    line = " ".join(text.split()).removesuffix(":")
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def call_registration(
    implementation: Implementation,
    *,
    check: Callable[[str, object], Value],
    arguments: Mapping[str, object],
    limit_seconds: float,
) -> Value:
    """Call a ``register_*`` hook, and return the result of *check* on its answer.

    *check* runs within the time limit too, since an answer may have properties that raise or never return.

    Raises:
        SettingsInvalid: the hook raised it.
        PluginFailed: the hook raised another error, tried to exit, or did not return within *limit_seconds*; or *check*
            refused its answer.
    """
    plugin, hook = implementation.plugin, implementation.hook

    def answer() -> Value:
        return check(plugin, implementation.call(arguments))

    try:
        value, failure = call_within(limit_seconds, answer, thread=plugin)
    except Late:
        raise PluginFailed(plugin, f"did not return from {hook} within {limit_seconds:g} s") from None
    if isinstance(failure, PluginFailed | SettingsInvalid):
        raise failure
    if failure is not None:
        raise PluginFailed(plugin, f"raised in {hook}: {describe_error(failure)}") from failure
    return cast("Value", value)


class Late(Exception):
    """A plugin's function has not returned in time; its thread continues."""


def call_within(
    limit_seconds: float, function: Callable[[], Value], *, thread: str
) -> tuple[Value | None, BaseException | None]:
    """Call *function* in a thread while the calling thread waits; returns its value, and the error that it raised.

    A thread cannot be ended from outside. One that never returns is left running; as a daemon it does not keep the process alive.

    Raises Late: *function* did not return within *limit_seconds*.
    """
    outcome: list[tuple[Value | None, BaseException | None]] = []
    context = contextvars.copy_context()

    def work() -> None:
        try:
            outcome.append((context.run(function), None))
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises belongs to its caller
            outcome.append((None, error))

    worker = threading.Thread(target=work, name=f"trunkline-start-{thread}", daemon=True)
    worker.start()
    worker.join(limit_seconds)
    if not outcome:
        raise Late
    return outcome[0]


class PluginThread:
    """Runs a plugin's blocking functions outside the event loop, one at a time.

    It uses daemon threads. Unlike a thread of ``asyncio.to_thread``, a daemon thread that never returns occupies no thread
    of the loop's shared executor, and does not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._outcome: asyncio.Future[tuple[Any, BaseException | None]] | None = None

    async def run(self, function: Callable[..., object], *arguments: object) -> Any:
        """Call *function* in a thread. If the awaiting task is cancelled, the thread continues; see ``settle``."""
        loop = asyncio.get_running_loop()
        outcome = self._outcome = loop.create_future()

        def work() -> None:
            result: object = None
            failure: BaseException | None = None
            try:
                result = function(*arguments)
            except BaseException as error:  # noqa: BLE001 - whatever a plugin raises belongs to its caller
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop is closed, so nothing waits for the outcome
                loop.call_soon_threadsafe(outcome.set_result, (result, failure))

        threading.Thread(target=work, name=f"trunkline-plugin-{self._name}", daemon=True).start()
        value, failure = await asyncio.shield(outcome)
        if failure is not None:
            raise failure
        return value

    async def settle(self) -> None:
        """Wait, without limit, until the last function has returned."""
        if self._outcome is not None:
            await asyncio.shield(self._outcome)


async def call_runtime(
    implementation: Implementation, *, arguments: Mapping[str, object], thread: PluginThread
) -> object:
    """Call a hook and return its answer unchecked. An ``async def`` runs in the event loop, a ``def`` in *thread*."""
    if inspect.iscoroutinefunction(implementation.function):
        return await implementation.call(arguments)
    result = await thread.run(implementation.call, arguments)
    if inspect.isawaitable(result):  # an async function under a plain decorator
        return await result
    return result


def is_being_cancelled() -> bool:
    """Return True if the running task was cancelled, False if a plugin raised ``CancelledError`` itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
