"""The processes of ``serve`` and ``worker``: one, or several under a supervisor."""

import asyncio
import socket
from pathlib import Path

import typer

from trunkline.api import server
from trunkline.cli import opening, supervisor
from trunkline.cli.output import CANNOT_GO_ON
from trunkline.hub.hub import Hub
from trunkline.runtime import logs, process
from trunkline.settings import Settings
from trunkline.store import migrate


async def serve(settings: Settings, *, workers: int, migrates: bool, config: Path | None) -> int:
    """Serve the API until a signal comes; returns the exit code. *config* is the file that *settings* come from.

    Raises:
        SettingsInvalid, SchemaInvalid, PluginFailed, StoreUnavailable: it cannot start.
    """
    _set_up(settings)
    with server.bind(settings.server.host, settings.server.port) as listener:
        if workers > 1:
            return await _serve_by_children(settings, listener, workers, migrates=migrates, config=config)
        with server.stop_signals() as stop:
            hub = Hub(settings, migrates=migrates)
            async with server.running(hub, listener=listener):
                process.tune()
                _announce(listener)
                return await _end(stop, hub)


async def serve_as_child(settings: Settings, listener_fd: int, *, dispatch: bool) -> int:
    """Serve the API on a socket that a supervisor has bound; returns the exit code."""
    _set_up(settings)
    listener = socket.socket(fileno=listener_fd)
    with listener, server.stop_signals() as stop, supervisor.lifeline(stop):
        hub = Hub(settings, dispatch=dispatch, migrates=False)
        async with server.running(hub, listener=listener):
            process.tune()
            supervisor.report_ready()
            return await _end(stop, hub)


async def work(settings: Settings, *, processes: int, config: Path | None) -> int:
    """Deliver events until a signal comes; returns the exit code. Raises as ``serve`` does."""
    _set_up(settings)
    if processes > 1:
        command = ["worker", "--supervised", *_config_arguments(config)]
        announcement = f"trunkline worker delivers, in {processes} processes"
        return await supervisor.supervise([command] * processes, on_ready=lambda: typer.echo(announcement))
    with server.stop_signals() as stop:
        async with Hub(settings, migrates=False) as hub:
            process.tune()
            typer.echo("trunkline worker delivers")
            return await _end(stop, hub)


async def work_as_child(settings: Settings) -> int:
    """Deliver events under a supervisor; returns the exit code."""
    _set_up(settings)
    with server.stop_signals() as stop, supervisor.lifeline(stop):
        async with Hub(settings, migrates=False) as hub:
            process.tune()
            supervisor.report_ready()
            return await _end(stop, hub)


def _set_up(settings: Settings) -> None:
    logs.set_up(settings.logging)
    process.share_heap()


async def _end(stop: asyncio.Event, hub: Hub) -> int:
    """Wait for a signal, or until *hub* can deliver no more; returns the exit code."""
    if hub.dispatcher is None:
        await stop.wait()
        return 0
    failed = asyncio.create_task(hub.dispatcher.failed(), name="dispatcher failed")
    stopped = asyncio.create_task(stop.wait(), name="stopped")
    try:
        await asyncio.wait((failed, stopped), return_when=asyncio.FIRST_COMPLETED)
        return CANNOT_GO_ON if failed.done() else 0
    finally:
        failed.cancel()
        stopped.cancel()


async def migrate_database(settings: Settings) -> list[str]:
    """Bring the database up to date; returns what was done, a line for each history."""
    hub = opening.inspected(settings)
    async with hub.database as database:
        await database.check_pooler()
        before = await migrate.upgrade(database, hub.histories(), shards=settings.delivery.shards)
    applied = [
        f"{state.history}: {state.current or 'nothing'} → {state.newest}"
        for state in before
        if state.is_behind
    ]
    return applied or ["The database is up to date; nothing was to be done."]


async def _serve_by_children(
    settings: Settings, listener: socket.socket, workers: int, *, migrates: bool, config: Path | None
) -> int:
    """Migrate once, then let *workers* processes accept from one socket; the first of them also delivers."""
    if migrates:
        await opening.check_secrets(settings)
        await migrate_database(settings)
    descriptor = listener.fileno()
    command = ["serve", "--listener-fd", str(descriptor), *_config_arguments(config)]
    commands = [command, *([*command, "--no-dispatch"] for _ in range(workers - 1))]
    return await supervisor.supervise(commands, pass_fds=[descriptor], on_ready=lambda: _announce(listener))


def _config_arguments(config: Path | None) -> list[str]:
    return ["--config", str(config)] if config is not None else []


def _announce(listener: socket.socket) -> None:
    url = server.url_of(listener)
    typer.echo(f"trunkline listens on {url} · docs {url}/docs")
