"""The processes of ``serve`` and ``worker``: one, or several under a supervisor."""

import socket
from pathlib import Path

import typer

from trunkline.api import server
from trunkline.cli import opening, supervisor
from trunkline.hub.hub import Hub
from trunkline.runtime import logs
from trunkline.settings import Settings
from trunkline.store import migrate


async def serve(settings: Settings, *, workers: int, migrates: bool, config: Path | None) -> int:
    """Serve the API until a signal comes; returns the exit code. *config* is the file that *settings* come from.

    Raises:
        SettingsInvalid, SchemaInvalid, PluginFailed, StoreUnavailable: it cannot start.
    """
    logs.set_up(settings.logging)
    with server.bind(settings.server.host, settings.server.port) as listener:
        if workers > 1:
            return await _serve_by_children(settings, listener, workers, migrates=migrates, config=config)
        with server.stop_signals() as stop:
            async with server.running(Hub(settings, migrates=migrates), listener=listener):
                server.tune_memory()
                _announce(listener)
                await stop.wait()
    return 0


async def serve_as_child(settings: Settings, listener_fd: int, *, dispatch: bool) -> None:
    """Serve the API on a socket that a supervisor has bound."""
    logs.set_up(settings.logging)
    listener = socket.socket(fileno=listener_fd)
    with listener, server.stop_signals() as stop, supervisor.lifeline(stop):
        async with server.running(Hub(settings, dispatch=dispatch, migrates=False), listener=listener):
            server.tune_memory()
            supervisor.report_ready()
            await stop.wait()


async def work(settings: Settings, *, processes: int, config: Path | None) -> int:
    """Deliver events until a signal comes; returns the exit code. Raises as ``serve`` does."""
    logs.set_up(settings.logging)
    if processes > 1:
        command = ["worker", "--supervised", *_config_arguments(config)]
        announcement = f"trunkline worker delivers, in {processes} processes"
        return await supervisor.supervise([command] * processes, on_ready=lambda: typer.echo(announcement))
    with server.stop_signals() as stop:
        async with Hub(settings, migrates=False):
            server.tune_memory()
            typer.echo("trunkline worker delivers")
            await stop.wait()
    return 0


async def work_as_child(settings: Settings) -> None:
    """Deliver events under a supervisor."""
    logs.set_up(settings.logging)
    with server.stop_signals() as stop, supervisor.lifeline(stop):
        async with Hub(settings, migrates=False):
            server.tune_memory()
            supervisor.report_ready()
            await stop.wait()


async def migrate_database(settings: Settings) -> list[str]:
    """Bring the database up to date; returns what was done, a line for each history."""
    hub = opening.inspected(settings)
    async with hub.database as database:
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
