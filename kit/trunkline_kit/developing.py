"""``dev``: a hub for plugin authors. It serves a plugin from its file, and restarts when the file changes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from trunkline import plugins
from trunkline.cli.loop import run
from trunkline.cli.output import warn
from trunkline.cli.parameters import Config
from trunkline.cli.streams import require_output
from trunkline.hub.hub import Hub
from trunkline.model.principals import COMPANY_SCOPES
from trunkline.settings import Settings, load
from trunkline.store import dialects

COMPANY_ID = 1
"""The company of a new database's first key."""
DATABASE_URL = "sqlite:///trunkline-dev.db"
LOOK_SECONDS = 0.3
STOP_SECONDS = 15
_LEFT_OUT = {"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"}

PluginPaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="PATH",
        help="A plugin that is not installed: a file NAME.py, a package, or a folder of such. May be repeated.",
    ),
]
Reload = Annotated[bool, typer.Option("--reload", help="Restart when a file of such a plugin changes.")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, metavar="N", help="Port to listen on; 0 takes a free one.")
]


def dev(
    plugin: PluginPaths = None,
    reload: Reload = False,
    port: Port = None,
    config: Config = None,
) -> None:
    """Serve a hub for writing a plugin: it loads the plugin's file, uses plain HTTP, and delivers to this machine too.

    It uses trunkline-dev.db if the settings name no database, and shows the key of company 1 when it makes one.

    Example: [bold]trunkline dev --reload --plugin acme.py[/bold]
    """
    settings = load(config)
    paths = [*settings.plugins.paths, *(plugin or ())]
    plugins.discover_local(paths)  # report a file without a plugin before anything starts
    changes = {"TRUNKLINE_PLUGINS__PATHS": ",".join(str(path.absolute()) for path in paths)} if paths else {}
    if "url" not in settings.database.model_fields_set:
        changes["TRUNKLINE_DATABASE__URL"] = DATABASE_URL
    for name in ("allow_http", "allow_private_networks"):
        if name not in settings.delivery.model_fields_set:
            changes[f"TRUNKLINE_DELIVERY__{name.upper()}"] = "true"
    if "drain_seconds" not in settings.server.model_fields_set:
        changes["TRUNKLINE_SERVER__DRAIN_SECONDS"] = "0"
    os.environ.update(changes)
    settings = load(config)
    database = dialects.of_url(settings.database.url).file_of(settings.database.url)
    if database is not None and not Path(database).exists():
        require_output()
        typer.echo(run(_make_key(settings)))
        warn(f"That is a key of company {COMPANY_ID}: for X-Api-Key, and to sign in to the portal.")
    command = [sys.executable, "-m", "trunkline.cli", "serve", "--insecure-targets", "--new"]
    command += [] if port is None else ["--port", str(port)]
    command += [] if config is None else ["--config", str(config)]
    raise typer.Exit(_serve(command, paths if reload else ()))


async def _make_key(settings: Settings) -> str:
    async with Hub(settings, dispatch=False, serves=False) as hub:
        return (await hub.keys.create(COMPANY_ID, name="development", scopes=COMPANY_SCOPES))[1]


def _serve(command: Sequence[str], watched: Sequence[Path]) -> int:
    """Run *command*, and restart it when a *watched* file changes. Return its exit code when it exits or is stopped by a signal."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    while True:
        seen = _look(watched)
        serving = subprocess.Popen(command)  # noqa: S603 - this program itself
        try:
            while serving.poll() is None and _look(watched) == seen:
                time.sleep(LOOK_SECONDS)
            if serving.returncode is not None and not watched:
                return serving.returncode
            if serving.returncode is not None:
                warn("The hub has ended; it begins again when a file of the plugin changes.")
            while _look(watched) == seen:
                time.sleep(LOOK_SECONDS)
            warn("A file of the plugin has changed: the hub begins anew.")
        except KeyboardInterrupt:
            return 0
        finally:
            if serving.poll() is None:
                serving.terminate()
                try:
                    serving.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    serving.kill()
                    serving.wait()


def _look(watched: Sequence[Path]) -> Mapping[Path, int]:
    """Return the modification time of each file at the *watched* paths."""
    files: dict[Path, int] = {}
    for place in watched:
        for file in _files_at(place):
            try:
                files[file] = file.stat().st_mtime_ns
            except OSError:  # just removed, or being replaced by an editor
                files[file] = 0
    return files


def _files_at(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
    for folder, names, files in os.walk(place):
        names[:] = [name for name in names if name not in _LEFT_OUT]
        yield from (Path(folder, name) for name in files)
