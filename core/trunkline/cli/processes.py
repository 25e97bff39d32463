"""The processes of ``serve`` and ``worker``: one, or several under a supervisor."""

import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path

import typer

from trunkline.access.secret_checks import SecretChecks
from trunkline.access.secrets_file import open_to_others
from trunkline.access.vault import Vault
from trunkline.api import server
from trunkline.api.side_door import make_side_door
from trunkline.api.unix_sockets import listening_at
from trunkline.cli import opening, supervisor
from trunkline.cli.connecting import connected
from trunkline.cli.gathering import Gathering, seated
from trunkline.cli.migrating import migrate_database
from trunkline.cli.output import CANNOT_GO_ON, warn
from trunkline.cli.streams import OutputLost
from trunkline.errors import SettingsInvalid
from trunkline.hub.hub import Hub
from trunkline.runtime import logs, memory, open_files, process, stopping
from trunkline.settings import Server, Settings
from trunkline.store import dialects
from trunkline.store.connections import allowed
from trunkline.store.serving import examined, served_alone

_FIRST_HANDED_OVER = 3
_log = logging.getLogger(__name__)


async def serve(
    settings: Settings, *, workers: int, migrates: bool, takes_any: bool, config: Path | None
) -> int:
    """Serve the API until a signal comes; returns the exit code. *config* is the file of *settings*.

    Several *workers* are processes that accept from one socket; the first of them also delivers.

    Raises:
        SettingsInvalid, SchemaInvalid, PluginFailed, DatabaseUnfit, StoreUnavailable: the hub cannot start.
    """
    _set_up(settings, is_child=False)
    if workers == 1:
        settings = memory.fit(settings, processes=1)
    if not migrates:
        await opening.require_database(settings)
    with _listener(settings.server) as listener:
        chosen = settings.server
        is_local = chosen.socket is None and chosen.host in {"127.0.0.1", "::1", "localhost"}
        if chosen.public_url is None and not (is_local and "trusted_proxies" not in chosen.model_fields_set):
            _log.warning(
                "server.public_url is unset: set it to the address that clients use, with https:// if a proxy ends TLS; links, "
                "documents, connectors and the issuer of tokens name it"
            )
        if workers > 1:
            if migrates:  # once for all
                async with connected(settings) as database:  # the secrets have to be the database's
                    await SecretChecks(database, Vault.open(settings.auth, settings.database.url)).verify()
                await migrate_database(settings)
            own = ["--listener-fd", str(listener.fileno()), "--workers", str(workers)]
            command = ["serve", *own, *_config_arguments(config)]
            return await supervisor.supervise(
                [command, *([*command, "--no-dispatch"] for _ in range(workers - 1))],
                listener=listener,
                drain_seconds=settings.server.drain_seconds,
                on_ready=lambda: _announce(listener),
                gathering=Gathering(),
            )
        file = dialects.of_url(settings.database.url).file_of(settings.database.url)
        with (
            served_alone(file),
            examined(file, takes_any=takes_any) as note_start,
            stopping.stop_signals() as stop,
        ):
            connections = await allowed(settings.database, processes=1)
            hub = Hub(settings, migrates=migrates, defers_routes=True, connections=connections)
            async with server.running(hub, listener=listener) as serving:
                note_start()
                await serving.complete()
                _announce(listener)
                process.tune()
                code = await _end(stop, hub)
                await serving.drain(stop)
                return code


async def serve_as_child(
    settings: Settings, listener_fd: int, *, workers: int, dispatch: bool, seat: str
) -> int:
    """Serve the API on a supervisor's socket, as one of *workers* processes; returns the exit code."""
    _set_up(settings, is_child=True)
    settings = memory.fit(settings, processes=workers)
    listener = socket.socket(fileno=listener_fd)
    with listener, stopping.stop_signals() as stop, supervisor.lifeline(stop):
        connections = await allowed(settings.database, processes=workers)
        hub = Hub(settings, dispatch=dispatch, migrates=False, defers_routes=True, connections=connections)
        async with server.running(hub, listener=listener) as serving, seated(seat, hub):
            # The supervisor gives up only on a child that was never ready.
            await serving.complete()
            supervisor.report_ready()
            process.tune()
            code = await _end(stop, hub)
            await serving.drain(stop)
            return code


async def work(settings: Settings, *, processes: int, metrics_port: int | None, config: Path | None) -> int:
    """Deliver events until a signal comes; returns the exit code. Raises as ``serve`` does."""
    _set_up(settings, is_child=False)
    await opening.require_database(settings)
    with contextlib.ExitStack() as stack:
        listener = None
        if metrics_port is not None:
            listener = stack.enter_context(
                server.bind(settings.server.host, metrics_port, option=server.METRICS_PORT)
            )
        if processes > 1:
            command = ["worker", "--processes", str(processes), *_config_arguments(config)]
            announcement = f"trunkline worker delivers, in {processes} processes{_metrics_at(listener)}"
            gathering = Gathering()
            async with _side_door(listener, gathering.text, gathering.readiness):
                return await supervisor.supervise(
                    [command] * processes, on_ready=lambda: _say(announcement), gathering=gathering
                )
        stop = stack.enter_context(stopping.stop_signals())
        connections = await allowed(settings.database, processes=1)
        async with (
            Hub(settings, migrates=False, serves=False, connections=connections) as hub,
            _side_door(listener, hub.metrics.whole, hub.readiness),
        ):
            process.tune()
            _say(f"trunkline worker delivers{_metrics_at(listener)}")
            return await _end(stop, hub)


async def work_as_child(settings: Settings, *, processes: int, seat: str) -> int:
    """Deliver events under a supervisor, as one of *processes* processes; returns the exit code."""
    _set_up(settings, is_child=True)
    with stopping.stop_signals() as stop, supervisor.lifeline(stop):
        connections = await allowed(settings.database, processes=processes)
        async with Hub(settings, migrates=False, serves=False, connections=connections) as hub:
            process.tune()
            async with seated(seat, hub):
                supervisor.report_ready()
                return await _end(stop, hub)


def _listener(chosen: Server) -> AbstractContextManager[socket.socket]:
    if os.environ.get("LISTEN_PID") == str(os.getpid()):  # sd_listen_fds(3)
        if (count := os.environ.pop("LISTEN_FDS", "")) != "1":
            msg = (
                f"systemd hands over {count or 'no'} sockets, and the hub takes one: leave one ListenStream."
            )
            raise SettingsInvalid(msg)
        return socket.socket(fileno=_FIRST_HANDED_OVER)
    if chosen.socket is not None:
        return listening_at(chosen.socket)
    return server.bind(chosen.host, chosen.port)


def _side_door(
    listener: socket.socket | None,
    metrics: Callable[[], Awaitable[bytes]],
    readiness: Callable[[], Awaitable[Mapping[str, str]]],
) -> AbstractAsyncContextManager[None]:
    if listener is None:
        return contextlib.nullcontext()
    return server.observed(make_side_door(metrics, readiness), listener=listener)


def _metrics_at(listener: socket.socket | None) -> str:
    return "" if listener is None else f" · metrics on {server.url_of(listener)}/metrics"


def _set_up(settings: Settings, *, is_child: bool) -> None:
    logs.set_up(settings.logging)
    process.share_heap()
    open_files.raise_limit()
    open_files.check(settings)
    if not is_child:
        for file in open_to_others(settings):
            _log.warning(
                "every account of this machine may read the secrets in %s; 'chmod o= %s' takes that away",
                file,
                file,
            )


async def _end(stop: stopping.Stop, hub: Hub) -> int:
    """Wait for a signal, or until *hub* cannot deliver any more; returns the exit code."""
    if (dispatcher := hub.dispatcher) is None:
        await stop.wait()
        return 0

    async def fail() -> int:
        await dispatcher.failed()
        return CANNOT_GO_ON

    return await stop.unless(fail()) or 0


def _config_arguments(config: Path | None) -> list[str]:
    return ["--config", str(config)] if config is not None else []


def _announce(listener: socket.socket) -> None:
    url = server.url_of(listener)
    _say(f"trunkline listens on {url}" + (f" · docs {url}/docs" if url.startswith("http") else ""))


def _say(line: str) -> None:
    """Print *line*. If standard output fails, use standard error: such a failure must not stop a hub."""
    try:
        typer.echo(line)
    except OutputLost as error:
        warn(f"{line} ({error})")
