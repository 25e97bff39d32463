"""Traces every call of a plugin, one line each, for its author: ``TRUNKLINE_TRACE_PLUGINS=1``.

Functions of plugins are wrapped only if tracing is on, so it costs nothing otherwise. A line contains short forms of
values, never their text, and no secret.
"""

import inspect
import sys
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, TextIO, TypeVar

from msgspec import structs
from pydantic import BaseModel

from trunkline.contract import Channel, HttpClient, Push
from trunkline.plugins.calls import Implementation, describe_error
from trunkline.plugins.short_forms import hide, secrets_of, short, short_call

VARIABLE = "TRUNKLINE_TRACE_PLUGINS"
_OFF = frozenset({"", "0"})

Answer = TypeVar("Answer")


class Tracer:
    """Writes one line to *stream* when a call of a plugin's function has ended."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Tracer | None":
        """Make a tracer that writes to standard error, if *environment* asks for it."""
        return cls(sys.stderr) if environment.get(VARIABLE, "") not in _OFF else None

    def hook(self, implementation: Implementation) -> Implementation:
        """Return *implementation* with its function traced."""
        function = implementation.function

        def describe(*values: object) -> tuple[str, tuple[str, ...]]:
            call = short_call(implementation.hook, dict(zip(implementation.argnames, values, strict=True)))
            return f"{implementation.plugin}.{call}", secrets_of(*values)

        async def call_async(*values: object) -> object:
            awaited: Any = function(*values)
            return await self.trace(awaited, *describe(*values))

        def call(*values: object) -> object:
            line, hidden = describe(*values)
            began = time.perf_counter()
            try:
                answer = function(*values)
            except BaseException as error:
                self._write(line, began, f"raised {describe_error(error)}", hidden)
                raise
            self._write(line, began, f"returned {short(answer)}", hidden)
            if isinstance(answer, AbstractAsyncContextManager):
                return _TracedLifespan(answer, self, line, hidden)
            return answer

        is_async = inspect.iscoroutinefunction(function)
        return structs.replace(implementation, function=call_async if is_async else call)

    def channels(
        self, channels: Sequence[Channel], *, plugin: str, settings: BaseModel | None
    ) -> tuple[Channel, ...]:
        """Return *channels* with their functions traced; secrets in *settings* are kept out of the lines."""
        hidden = secrets_of(settings)

        def traced(channel: Channel, name: str) -> Any:
            function = getattr(channel, name)

            async def call(given: Push | Sequence[Push], http: HttpClient) -> Any:
                line = f"{plugin}.{channel.name}.{name}({short(given)})"
                return await self.trace(function(given, http), line, (*hidden, *secrets_of(given)))

            return function and call

        names = ("deliver", "deliver_batch")
        return tuple(
            replace(channel, **{name: traced(channel, name) for name in names}) for channel in channels
        )

    async def trace(self, awaited: Awaitable[Answer], line: str, hidden: tuple[str, ...]) -> Answer:
        """Await *awaited*, and write *line* with its outcome, without the texts *hidden*."""
        began = time.perf_counter()
        try:
            answer = await awaited
        except BaseException as error:
            self._write(line, began, f"raised {describe_error(error)}", hidden)
            raise
        self._write(line, began, f"returned {short(answer)}", hidden)
        return answer

    def _write(self, line: str, began: float, outcome: str, hidden: tuple[str, ...]) -> None:
        milliseconds = (time.perf_counter() - began) * 1000
        self._stream.write(f"trace {line} {milliseconds:.2f} ms {hide(outcome, hidden)}\n")
        self._stream.flush()


@dataclass(slots=True)
class _TracedLifespan(AbstractAsyncContextManager[object]):
    """A plugin's ``lifespan``, with a line for its start and a line for its end."""

    manager: Any
    tracer: Tracer
    line: str
    hidden: tuple[str, ...]

    async def __aenter__(self) -> object:
        return await self.tracer.trace(self.manager.__aenter__(), f"{self.line} entered:", self.hidden)

    async def __aexit__(self, *details: object) -> bool | None:
        return await self.tracer.trace(self.manager.__aexit__(*details), f"{self.line} left:", self.hidden)
