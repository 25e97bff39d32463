"""Wraps the functions of plugins, so that an error ends the call but never the hub.

Without the wrappers, errors that do not derive from ``Exception``, such as ``SystemExit`` and ``KeyboardInterrupt``,
would pass the error handlers for plugins. ``SystemExit`` and ``KeyboardInterrupt`` would also end asyncio's loop.
"""

import functools
import inspect
import logging
import math
import time
import traceback
from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import fields, replace
from typing import Any

from msgspec import Struct

from trunkline.errors import TrunklineError

_Function = Callable[..., Any]
_log = logging.getLogger(__name__)


_ATTEMPTS = frozenset({"deliver", "deliver_batch", "tell_gap"})
"""The functions of which any error is a failed attempt, whose log shows no text of a plugin's error."""
_EXPECTED = TrunklineError, OSError, EOFError
"""The errors of a target or its network."""
_TELL_SECONDS = 60


class TriedToExit(Exception):
    """A plugin raised an error that would have ended the process."""


def guarded(plugin: str, values: Sequence[Any], *, exits: Counter[str]) -> tuple[Any, ...]:
    """Return *values*, dataclasses of *plugin*, with each function in their fields wrapped.

    *exits* counts, by plugin, the errors of these functions that would have ended the process.
    """
    owner = _Owner(plugin, exits, {})

    def wrapped(value: Any) -> Any:
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        functions = {name: each for name, each in given.items() if _is_plugins_function(each)}
        return replace(value, **{name: _guarded(each, owner, name) for name, each in functions.items()})

    return tuple(map(wrapped, values))


class _Owner(Struct, frozen=True):
    plugin: str
    exits: Counter[str]
    told: dict[tuple[str, type[Exception]], float]

    def tell(self, error: Exception, name: str) -> None:
        """Log the place of an unexpected *error* of an attempt, at most once a minute for each kind.

        Its text is not logged, because it may show a secret of the target.
        """
        if name not in _ATTEMPTS or isinstance(error, _EXPECTED):
            return
        key, now = (name, type(error)), time.monotonic()
        if now - self.told.get(key, -math.inf) >= _TELL_SECONDS:
            self.told[key] = now
            place = traceback.extract_tb(error.__traceback__, limit=2)[-1]  # after the guard's frame
            where = f"{place.filename}:{place.lineno}"
            _log.error("Plugin '%s' raised %s in '%s', at %s", self.plugin, type(error).__name__, name, where)

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
    except Exception as error:
        owner.tell(error, name)
        raise
    except (CancelledError, GeneratorExit):
        raise
    except BaseException as error:
        raise owner.exit_of(error, name) from error
