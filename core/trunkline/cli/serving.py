"""``serve`` and ``worker``: the commands that run a deployment."""

from typing import Annotated

import typer

from trunkline.cli import processes
from trunkline.cli.loop import run
from trunkline.cli.parameters import Config, option
from trunkline.errors import SettingsInvalid
from trunkline.settings import Settings, load

Host = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Address to listen on, instead of server.host.")
]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, metavar="N", help="Port to listen on; 0 takes a free one.")
]
Workers = Annotated[int, typer.Option(min=1, max=64, metavar="N", help="API processes (PostgreSQL).")]
Processes = Annotated[int, option("--processes", "N", "Dispatcher processes.", min=1, max=64)]
InsecureTargets = Annotated[
    bool,
    typer.Option(
        "--insecure-targets",
        help="Allow delivery.allow_http or delivery.allow_private_networks even if server.public_url is https.",
    ),
]
NoMigrate = Annotated[bool, typer.Option("--no-migrate", help="Refuse a database that is not up to date.")]
New = Annotated[
    bool,
    typer.Option(
        "--new",
        help="Serve the SQLite file as it is, or a new one, even if a different log was served here before.",
    ),
]
MetricsPort = Annotated[
    int | None,
    option(
        "--metrics-port",
        "N",
        "Answer /metrics, /healthz and /readyz for all processes on this port of server.host; 0 takes a free one.",
        min=0,
        max=65535,
    ),
]
Seat = Annotated[str | None, typer.Option("--seat", hidden=True)]
ListenerFd = Annotated[int | None, typer.Option("--listener-fd", hidden=True)]
NoDispatch = Annotated[bool, typer.Option("--no-dispatch", hidden=True)]


def serve(
    host: Host = None,
    port: Port = None,
    workers: Workers = 1,
    no_migrate: NoMigrate = False,
    new: New = False,
    insecure_targets: InsecureTargets = False,
    config: Config = None,
    listener_fd: ListenerFd = None,
    no_dispatch: NoDispatch = False,
    seat: Seat = None,
) -> None:
    """Serve the API and deliver events. The database is migrated first.

    Example: [bold]trunkline serve --port 8080[/bold]
    """
    settings = load(config)
    address = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if address:
        server = settings.server.model_copy(update={**address, "socket": None})
        settings = settings.model_copy(update={"server": server})
    if listener_fd is not None and seat is not None:
        serving = processes.serve_as_child(
            settings, listener_fd, workers=workers, dispatch=not no_dispatch, seat=seat
        )
        raise typer.Exit(run(serving))
    if not insecure_targets:
        _refuse_insecure_targets(settings)
    if workers > 1:
        _require_postgresql(settings, "serve with more than one process")
    file = config
    serving = processes.serve(settings, workers=workers, migrates=not no_migrate, takes_any=new, config=file)
    raise typer.Exit(run(serving))


def worker(
    count: Processes = 1,
    metrics_port: MetricsPort = None,
    config: Config = None,
    seat: Seat = None,
) -> None:
    """Deliver events, without an API. Any number of workers may run, on any number of machines (PostgreSQL).

    Example: [bold]trunkline worker --processes 4 --metrics-port 9000[/bold]
    """
    settings = load(config)
    _require_postgresql(settings, "run workers")
    if seat is not None:
        raise typer.Exit(run(processes.work_as_child(settings, processes=count, seat=seat)))
    working = processes.work(settings, processes=count, metrics_port=metrics_port, config=config)
    raise typer.Exit(run(working))


def _refuse_insecure_targets(settings: Settings) -> None:
    """Refuse settings for development if the hub's public URL is HTTPS, as in production. Raises SettingsInvalid."""
    url, names = settings.server.public_url, ("allow_http", "allow_private_networks")
    on = [f"'delivery.{name}'" for name in names if getattr(settings.delivery, name)]
    if on and url is not None and url.startswith("https:"):
        they, them = ("is", "it") if len(on) == 1 else ("are", "them")
        msg = (
            f"{' and '.join(on)} {they} for development, and this hub is public at {url} (server.public_url): "
            f"take {them} out of the settings, or add --insecure-targets to serve with {them}."
        )
        raise SettingsInvalid(msg)


def _require_postgresql(settings: Settings, purpose: str) -> None:
    if settings.database.url.startswith("sqlite"):
        msg = (
            f"To {purpose}, set database.url to a PostgreSQL database: an SQLite file serves one process, "
            "and 'trunkline serve' delivers in it already."
        )
        raise SettingsInvalid(msg)
