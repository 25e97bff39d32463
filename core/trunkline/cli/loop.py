"""The event loop of a command, and commands that are coroutines."""

import asyncio
import gc
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import typer
import uvloop

from trunkline.cli.parameters import Config
from trunkline.settings import Settings, load

GRACE_SECONDS = 2.0
_log = logging.getLogger(__name__)

Value = TypeVar("Value")
Services = TypeVar("Services")
Options = ParamSpec("Options")


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


def command(
    app: typer.Typer, name: str, opening: Callable[[Settings], AbstractAsyncContextManager[Services]]
) -> Callable[[Callable[Concatenate[Services, Options], Awaitable[None]]], Callable[..., None]]:
    """Add a coroutine to *app* as the command *name*: its first argument are the services that *opening* opens for the settings.

    The option ``--config`` is added behind its own.
    """

    def add(work: Callable[Concatenate[Services, Options], Awaitable[None]]) -> Callable[..., None]:
        def call(config: Path | None = None, **values: Any) -> None:
            run_with(opening(load(config)), lambda services: work(services, **values))  # type: ignore[call-arg]

        _, *own = inspect.signature(work).parameters.values()
        kind = inspect.Parameter.KEYWORD_ONLY
        shape(call, work, [*own, inspect.Parameter("config", kind, default=None, annotation=Config)])
        return app.command(name)(call)

    return add


def shape(
    call: Callable[..., None], work: Callable[..., Any], parameters: Sequence[inspect.Parameter]
) -> None:
    """Show *parameters* and the help of *work* to Typer as those of *call*."""
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__doc__ = inspect.getdoc(work)
