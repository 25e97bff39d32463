"""When a process is asked to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Generator


class Stop(asyncio.Event):
    """Set once a process is to stop; ``at_once`` is set if it is not to answer requests for a while first."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = asyncio.Event()

    def end_at_once(self) -> None:
        """Set both."""
        self.at_once.set()
        self.set()

    def ask(self) -> None:
        """Set the stop; a second call also sets ``at_once``."""
        if self.is_set():
            self.at_once.set()
        self.set()


@contextlib.contextmanager
def stop_signals() -> Generator[Stop]:
    """Lend what SIGTERM sets, and Ctrl-C or a second SIGTERM sets at once. A second Ctrl-C interrupts."""
    loop = asyncio.get_running_loop()
    stop = Stop()

    def interrupt() -> None:
        stop.end_at_once()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, stop.ask)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
