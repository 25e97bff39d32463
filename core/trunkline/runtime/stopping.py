"""Requests to stop a process."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

Value = TypeVar("Value")


class Stop(asyncio.Event):
    """A request to stop the process, which first answers requests for a while, unless ``at_once`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = asyncio.Event()

    def end_at_once(self) -> None:
        """Request the stop, and set ``at_once``."""
        self.at_once.set()
        self.set()

    def ask(self) -> None:
        """Request the stop; a second call also sets ``at_once``."""
        if self.is_set():
            self.at_once.set()
        self.set()

    async def unless(self, work: Coroutine[Any, Any, Value]) -> Value | None:
        """Run *work* and return its result; if the stop is requested first, cancel *work* and return None."""
        working, stopping = asyncio.create_task(work), asyncio.create_task(self.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return None


@contextlib.contextmanager
def stop_signals() -> Generator[Stop]:
    """Yield a ``Stop`` that SIGTERM or SIGHUP sets; Ctrl-C or a second signal also sets ``at_once``.

    A second Ctrl-C ends the process by the signal itself: an exception would be raised in the code that happens to run, such as a
    plugin's.
    """
    loop = asyncio.get_running_loop()
    stop = Stop()

    def interrupt() -> None:
        stop.end_at_once()
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    handlers = {signal.SIGTERM: stop.ask, signal.SIGINT: interrupt}
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
        handlers[signal.SIGHUP] = stop.ask
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield stop
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
