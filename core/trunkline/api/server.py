"""Runs the API: a listening socket, uvicorn over one hub, and a stop that loses no request.

``cli`` runs it until a signal comes, ``demo`` until its scenario ends.
"""

import asyncio
import contextlib
import errno
import functools
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from trunkline.api.admission import Admission
from trunkline.api.connections import Connection
from trunkline.api.deferred import DeferredApp
from trunkline.api.problems import RequestIds
from trunkline.errors import SettingsInvalid
from trunkline.hub.hub import Hub
from trunkline.runtime.stopping import Stop
from trunkline.settings import Server

METRICS_PORT = "--metrics-port"
"""The option for the port of ``observed``."""
SHUTDOWN_SECONDS = 5
"""The time that running requests may take after the server stops. Then they are cancelled, and answered with 503."""

_FIRST_REQUEST_SECONDS = 0.2
"""How long a stop waits for the first request of a new connection."""
_ACCEPTING_TURNS = 5
"""Iterations of the event loop after which an accepted connection is counted; asyncio needs two, uvloop one."""
_BACKLOG = 2048
_OBSERVERS = 50
"""The limit of connections for metrics and health; further connections get 503."""
_TICKS_A_SECOND = 10
"""The number of ticks that uvicorn counts in a second. At each tenth tick it renews the header ``date``."""


def bind(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Bind *port* of *host* (a free one if 0). Connections are refused until a server listens on the socket.

    *option* names the port on the command line, for the error.

    Raises:
        SettingsInvalid: the port is taken, or the host is not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, error, option) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error, option) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL of *listener* without a trailing slash; ``unix:`` and a path for a socket in the file system."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Serving:
    """A hub whose API is being served."""

    def __init__(self, hub: Hub, admission: Admission, app: DeferredApp) -> None:
        self._hub = hub
        self._admission = admission
        self.complete = app.complete

    async def drain(self, stop: Stop) -> None:
        """Keep serving for ``server.drain_seconds``, so that load balancers stop sending requests first.

        Meanwhile ``/readyz`` is 503, and each answer ends its connection. A kept-alive connection could otherwise be
        closed just as its next request arrives. The call returns at once if *stop* is not set or asks to stop at once.
        """
        seconds = self._hub.settings.server.drain_seconds
        if not stop.is_set() or stop.at_once.is_set() or not seconds:
            return
        self._hub.is_stopping = True
        self._admission.end_connections()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.at_once.wait(), seconds)


@contextlib.asynccontextmanager
async def running(hub: Hub, *, listener: socket.socket) -> AsyncGenerator[Serving]:
    """Start *hub*, serve its API on *listener* while the block runs, and stop both.

    When the block ends, long polls are answered at once; other requests have ``SHUTDOWN_SECONDS``.

    Raises:
        SettingsInvalid: another process has begun to listen on the port.
        StoreUnavailable, PluginFailed: the hub did not start.
    """
    files = hub.files
    admission = Admission(hub.settings.server, most=files.connections, most_lingering=files.lingering)
    app = DeferredApp(hub)
    server = _Server(app, admission, backlog=_BACKLOG, timeout_graceful_shutdown=SHUTDOWN_SECONDS)
    async with hub, admission.sweeping(), app, _serving(server, listener):
        app.begin()
        try:
            yield Serving(hub, admission, app)
        finally:
            hub.streaming.release()


@contextlib.asynccontextmanager
async def observed(app: ASGIApp, *, listener: socket.socket) -> AsyncGenerator[None]:
    """Serve *app*, the health and metrics of a process without an API, while the block runs. Raises SettingsInvalid."""
    admission = Admission(Server(), most=_OBSERVERS)
    server = _Server(RequestIds(app), admission, timeout_graceful_shutdown=1)
    async with admission.sweeping(), _serving(server, listener, METRICS_PORT):
        yield


@contextlib.asynccontextmanager
async def _serving(
    server: "_Server", listener: socket.socket, option: str = "--port"
) -> AsyncGenerator[None]:
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    try:
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if serving.done():
            serving.result()
    except OSError as error:
        host, port = listener.getsockname()[:2]
        raise _cannot_listen(host, port, error, option) from None
    try:
        yield
    finally:
        server.leave()
        await serving


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process by the signal instead of with exit code 0."""

    def __init__(self, app: ASGIApp, admission: Admission, **options: int) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",  # the hub is entered here, so that errors of its start are raised unchanged
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # ``access.client_addresses`` reads them instead
            **options,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - each is a whole number
        )
        super().__init__(config)
        self._admission = admission
        self.listening = asyncio.Event()
        self._leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn calls the protocol class with keyword arguments
        connection = functools.partial(Connection, self._admission)
        self.config.http_protocol_class = cast("type[asyncio.Protocol]", connection)
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection after its answer, including connections that wait in the system's accept queue.

        When the last process closes the listening socket, the system would reset the waiting connections. uvicorn closes
        connections without a request at once; here a new client gets a moment to send one.
        """
        self._admission.end_connections()
        waiting = [client for listener in sockets or () for client in _accepted(listener)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for client in waiting:
            await loop.connect_accepted_socket(self._make_connection, client)
        for _ in range(_ACCEPTING_TURNS):
            await asyncio.sleep(0)
        if self._admission.has_fresh():
            await asyncio.sleep(_FIRST_REQUEST_SECONDS)
        await super().shutdown(sockets)

    def _make_connection(self) -> asyncio.Protocol:
        """Make the protocol that uvicorn makes for an accepted connection."""
        make = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def main_loop(self) -> None:
        """Renew the header ``date`` once a second until the server exits; uvicorn's own loop wakes ten times as often."""
        tick = 0
        while not await self.on_tick(tick):
            tick += _TICKS_A_SECOND
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._leaving.wait()

    def leave(self) -> None:
        """End ``main_loop``, and with it the server."""
        self.should_exit = True
        self._leaving.set()


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    """Accept the connections that wait at *listener*."""
    with contextlib.suppress(OSError):  # none waits any more, or a client has disconnected
        while True:
            client, _ = listener.accept()
            client.setblocking(False)
            yield client


def _cannot_listen(host: str, port: int, error: OSError | UnicodeError, option: str) -> SettingsInvalid:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return SettingsInvalid(
            f"Port {port} of {host} is taken; end the program that has it, or choose another with {option} (0 takes a free one)."
        )
    reason = getattr(error, "strerror", None) or str(error)
    named = "'server.port'" if option == "--port" else option
    return SettingsInvalid(f"Setting 'server.host' and {named}: cannot listen on {host}:{port}: {reason}")
