"""Running the API: a listening socket, uvicorn over one hub, and a stop that loses nothing.

``cli`` runs it until a signal comes, ``demo`` for as long as its scenario lasts.
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

SHUTDOWN_SECONDS = 5
"""How long requests that are being answered may take once the server stops; then they are cancelled, and get 503."""

_FIRST_REQUEST_SECONDS = 0.2
"""How long a stop waits for the first request of a connection that has just been made."""
_ACCEPTING_TURNS = 5
"""Turns of the loop after which a connection that was accepted is known; asyncio takes two, uvloop one."""
_BACKLOG = 2048
_OBSERVERS = 50
"""Connections for metrics and health; more get 503."""
_TICKS_A_SECOND = 10
"""As uvicorn counts them: with each tenth it renews the header."""


def bind(host: str, port: int) -> socket.socket:
    """Take *port* of *host* (a free one for 0). Connections are refused until a server listens on the socket.

    Raises:
        SettingsInvalid: the port is taken, or the host is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(host, port, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Tell where *listener* is reached, without a slash at the end: ``unix:`` and its path for a socket in the file system."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Serving:
    """A hub whose API is being answered."""

    def __init__(self, hub: Hub, admission: Admission, app: DeferredApp) -> None:
        self._hub = hub
        self._admission = admission
        self.complete = app.complete

    async def drain(self, stop: Stop) -> None:
        """Answer requests for ``server.drain_seconds`` more, unless *stop* is at once, so that balancers turn away first.

        ``/readyz`` is 503 meanwhile, and each answer ends its connection: a connection that a proxy keeps would otherwise be
        closed at the moment of its next request.
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
    """Start *hub*, answer its API on *listener* while the block runs, and stop both.

    Long polls are answered at once when the block ends; other requests have ``SHUTDOWN_SECONDS``.

    Raises:
        SettingsInvalid: another process has begun to listen on the port.
        StoreUnavailable, PluginFailed: the hub did not start.
    """
    files = hub.files
    admission = Admission(hub.settings.server, most=files.connections, most_lingering=files.lingering)
    app = DeferredApp(hub)
    server = _Server(
        _config(app, backlog=_BACKLOG, timeout_graceful_shutdown=SHUTDOWN_SECONDS),
        admission=admission,
    )
    async with hub, admission.sweeping(), app, _serving(server, listener):
        app.begin()
        try:
            yield Serving(hub, admission, app)
        finally:
            hub.streaming.release()


@contextlib.asynccontextmanager
async def observed(app: ASGIApp, *, listener: socket.socket) -> AsyncGenerator[None]:
    """Answer *app*, which tells how processes without an API do, on *listener* while the block runs.

    Raises:
        SettingsInvalid: another process has begun to listen on the port.
    """
    admission = Admission(Server(), most=_OBSERVERS)
    server = _Server(_config(RequestIds(app), timeout_graceful_shutdown=1), admission=admission)
    async with admission.sweeping(), _serving(server, listener):
        yield


@contextlib.asynccontextmanager
async def _serving(server: "_Server", listener: socket.socket) -> AsyncGenerator[None]:
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    try:
        await _listening(server, serving)
    except OSError as error:
        host, port = listener.getsockname()[:2]
        raise _cannot_listen(host, port, error) from None
    try:
        yield
    finally:
        server.leave()
        await serving


def _config(app: ASGIApp, **options: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",  # the hub is entered here, so that what stops its start is raised as it is
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # ``access.client_addresses`` reads them, where it matters
        **options,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - each is a whole number
    )


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own, which would end the process by the signal instead of with 0."""

    def __init__(self, config: uvicorn.Config, *, admission: Admission) -> None:
        super().__init__(config)
        self._admission = admission
        self.listening = asyncio.Event()
        self._leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn calls it with keywords, as it would a class
        connection = functools.partial(Connection, self._admission)
        self.config.http_protocol_class = cast("type[asyncio.Protocol]", connection)
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every connection after its answer, those too that the system has accepted and nobody has taken yet.

        The system resets the latter once the last process has closed the listening socket. uvicorn closes connections that have
        asked nothing yet; their clients have just made them in order to ask, so they get a moment for it.
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
        """Make what uvicorn makes for a connection that it accepts."""
        make = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def main_loop(self) -> None:
        """Renew the header ``date`` once a second, until it is to exit; uvicorn's own loop wakes ten times as often."""
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
    """Take the connections that wait at *listener*."""
    with contextlib.suppress(OSError):  # nobody waits any more, or the client of one has gone
        while True:
            client, _ = listener.accept()
            client.setblocking(False)
            yield client


async def _listening(server: _Server, serving: asyncio.Task[None]) -> None:
    """Return when *server* listens; raise what ended it before that."""
    waiting = asyncio.create_task(server.listening.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if serving.done():
        serving.result()


def _cannot_listen(host: str, port: int, error: OSError) -> SettingsInvalid:
    if error.errno == errno.EADDRINUSE:
        return SettingsInvalid(
            f"Port {port} of {host} is taken; choose another with --port (0 takes a free one)."
        )
    reason = error.strerror or str(error)
    return SettingsInvalid(
        f"Setting 'server.host' and 'server.port': cannot listen on {host}:{port}: {reason}"
    )
