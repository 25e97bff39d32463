"""Wraps the functions of plugins, so that an error ends the call but never the hub.

Without the wrappers, errors that do not derive from ``Exception``, such as ``SystemExit`` and ``KeyboardInterrupt``,
would pass the error handlers for plugins. ``SystemExit`` and ``KeyboardInterrupt`` would also end asyncio's loop.
"""

import functools
import inspect
import logging
from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import fields, replace
from typing import Any

from msgspec import Struct

_Function = Callable[..., Any]
_log = logging.getLogger(__name__)


class TriedToExit(Exception):
    """A plugin raised an error that would have ended the process."""


def guarded(plugin: str, values: Sequence[Any], *, exits: Counter[str]) -> tuple[Any, ...]:
    """Return *values*, dataclasses of *plugin*, with each function in their fields wrapped.

    *exits* counts, by plugin, the errors of these functions that would have ended the process.
    """
    owner = _Owner(plugin, exits)

    def wrapped(value: Any) -> Any:
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        functions = {name: each for name, each in given.items() if _is_plugins_function(each)}
        return replace(value, **{name: _guarded(each, owner, name) for name, each in functions.items()})

    return tuple(map(wrapped, values))


class _Owner(Struct, frozen=True):
    plugin: str
    exits: Counter[str]

    def exit_of(self, error: BaseException, name: str) -> TriedToExit:
        """Log and count *error*, which the function *name* raised; returns the error to raise instead."""
        sentence = f"Plugin '{self.plugin}' raised {type(error).__name__} in '{name}'"
        _log.error("%s: that call has failed, and the hub goes on", sentence)
        self.exits[self.plugin] += 1
        return TriedToExit(sentence)


def _is_plugins_function(given: object) -> bool:
    """Return True if *given* is a plugin's function.

    The hub's own functions stay unwrapped, because ``deliver_by_http`` is recognised by identity.
    """
    is_the_hubs = str(getattr(given, "__module__", None)).partition(".")[0] == "trunkline"
    return callable(given) and not isinstance(given, type) and not is_the_hubs


def _guarded(function: _Function, owner: _Owner, name: str) -> _Function:
    if not inspect.iscoroutinefunction(function):

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                answer = function(*arguments, **named)
            except (Exception, CancelledError, GeneratorExit):
                raise
            except BaseException as error:
                raise owner.exit_of(error, name) from error
            return _awaited(answer, owner, name) if inspect.iscoroutine(answer) else answer

        return functools.update_wrapper(call, function)

    async def call_async(*arguments: Any, **named: Any) -> Any:
        return await _awaited(function(*arguments, **named), owner, name)

    return functools.update_wrapper(call_async, function)


async def _awaited(call: Coroutine[Any, Any, Any], owner: _Owner, name: str) -> Any:
    try:
        return await call
    except (Exception, CancelledError, GeneratorExit):
        raise
    except BaseException as error:
        raise owner.exit_of(error, name) from error
