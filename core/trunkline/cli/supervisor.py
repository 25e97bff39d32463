"""Running several processes of one command: starting, restarting and stopping them.

A child reports readiness with a line on its standard output. It stops when its standard input ends, which happens whenever
the supervisor ends.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Generator, Sequence
from typing import Any

from msgspec import Struct, field

from trunkline.cli.gathering import Gathering
from trunkline.cli.output import CANNOT_START
from trunkline.cli.streams import OutputLost
from trunkline.runtime import stopping

READY = b"trunkline: ready\n"
STOP_SECONDS = 20.0
"""How long (seconds) children may take to stop; it covers the limits of the server, the dispatcher and the plugins."""

_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 30.0
_STEADY_SECONDS = 10.0
"""After this time (seconds) of running, the delay before a child's next restart is reset."""

_log = logging.getLogger(__name__)


class _CannotStart(Exception):
    """A child has stopped because it cannot start, before any child was ready."""


async def supervise(
    commands: Sequence[Sequence[str]],
    *,
    on_ready: Callable[[], None],
    listener: socket.socket | None = None,
    drain_seconds: float = 0,
    gathering: Gathering,
) -> int:
    """Keep one process per command running until a signal comes; returns the exit code.

    The processes inherit *listener*, and may take *drain_seconds* more to stop. *gathering* collects their metrics. The first process is started alone, so that a faulty setting is reported only once.
    """
    with stopping.stop_signals() as stop:
        children = [
            _Child(
                [sys.executable, "-P", "-m", "trunkline.cli", *command],
                inherited=[] if listener is None else [listener.fileno()],
                stop=stop,
                stop_seconds=drain_seconds + STOP_SECONDS,
                gathering=gathering,
            )
            for command in commands
        ]
        keeping = [asyncio.create_task(children[0].keep(), name="child 1")]
        try:
            if await _ready(children[:1], keeping, stop):
                keeping += [asyncio.create_task(child.keep()) for child in children[1:]]
                if await _ready(children, keeping, stop):
                    on_ready()
            await _first_of([*keeping, asyncio.create_task(stop.wait())])
        except _CannotStart:
            return CANNOT_START
        finally:
            stop.set()
            if listener is not None:
                listener.close()  # so that waiting connections go to the child that closes the socket last
            await asyncio.gather(*keeping, return_exceptions=True)
    return 0


def report_ready() -> None:
    """Report to the supervisor that this child is ready."""
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def lifeline(stop: stopping.Stop) -> Generator[None]:
    """While the block runs, request an immediate stop through *stop* if the supervisor ends."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def cut() -> None:
        loop.remove_reader(descriptor)
        stop.end_at_once()

    loop.add_reader(descriptor, cut)  # nothing is ever written to it, so it is readable only at its end
    try:
        yield
    finally:
        loop.remove_reader(descriptor)


class _Child(Struct):
    """A child: a command, and its current process. It inherits the descriptors *inherited*, and may take *stop_seconds* to stop."""

    command: Sequence[str]
    inherited: Sequence[int]
    stop: stopping.Stop
    stop_seconds: float
    gathering: Gathering
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> None:
        """Run the command again each time it exits, until a stop is requested. The delay grows after early exits."""
        early = 0
        while not self.stop.is_set():
            began = time.monotonic()
            code = await self._run()
            if self.stop.is_set():
                return
            if code == CANNOT_START and not self.ready.is_set():
                raise _CannotStart
            early = 0 if time.monotonic() - began >= _STEADY_SECONDS else early + 1
            wait = min(_FIRST_WAIT_SECONDS * 2 ** max(early - 1, 0), _LONGEST_WAIT_SECONDS)
            _log.error("a process ended with code %d; starting another in %.1f s", code, wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), wait)

    async def _run(self) -> int:
        """Start the process and wait for its end; returns its exit code."""
        async with self.gathering.seat() as seat:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                "--seat",
                ",".join(map(str, seat.descriptors)),
                stdin=PIPE,
                stdout=PIPE,
                pass_fds=[*self.inherited, *seat.descriptors],
                start_new_session=True,  # a terminal's Ctrl-C only reaches the supervisor, which passes it on once
            )
            seat.leave_to_child()
            reading = asyncio.create_task(self._read(process))
            stopping = asyncio.create_task(self.stop.wait())
            await _first_of([reading, stopping])
            if stopping.done():
                await self._end(process)
            stopping.cancel()
            code = await process.wait()
            await reading
            return code

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line == READY:
                self.ready.set()
                continue
            with contextlib.suppress(OutputLost):
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()

    async def _end(self, process: Process) -> None:
        """Ask *process* to stop, at once if an immediate stop is requested, and kill it if it takes too long."""
        ended = asyncio.create_task(process.wait())
        at_once = asyncio.create_task(self.stop.at_once.wait())
        with contextlib.suppress(ProcessLookupError):
            if not self.stop.at_once.is_set():
                process.terminate()
            _, running = await asyncio.wait(
                {ended, at_once}, timeout=self.stop_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if ended in running and at_once.done():
                process.send_signal(signal.SIGINT)
                await asyncio.wait({ended}, timeout=STOP_SECONDS)
            if not ended.done():
                _log.error("a process did not stop within its time and was killed")
                process.kill()
        at_once.cancel()
        await ended


async def _ready(
    children: Sequence[_Child], keeping: Sequence[asyncio.Task[None]], stop: asyncio.Event
) -> bool:
    """Wait until all *children* are ready; False if a stop came first. Raises _CannotStart."""
    everyone = asyncio.gather(*(child.ready.wait() for child in children))
    stopping = asyncio.create_task(stop.wait())
    try:
        await _first_of([everyone, stopping, *keeping])
        return everyone.done() and not stop.is_set()
    finally:
        stopping.cancel()
        everyone.cancel()


async def _first_of(waiting: Sequence[asyncio.Future[Any]]) -> None:
    """Return when the first of *waiting* is done, or raise its error."""
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for future in done:
        future.result()
