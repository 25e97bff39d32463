"""``schemas list`` and ``schemas register``: the event types of this deployment, from files and registered."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trunkline.cli import reading
from trunkline.cli.config import Config
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, load_settings
from trunkline.cli.output import show_list
from trunkline.ingest import event_types
from trunkline.settings import Settings

Name = Annotated[str, typer.Argument(metavar="TYPE", help="Its name, such as order.shipped.")]
File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="JSON Schema of the payload, with title, description and examples.",
    ),
]
_IN_FILES = "in files"


def list_event_types(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """List the event types in files, and the registered ones with their revisions.

    Example: [bold]trunkline schemas list[/bold]
    """
    views = run(_list(load_settings(context, config)))
    rows = [[view["type"], str(view.get("revision") or _IN_FILES), view["title"]] for view in views]
    show_list("event_types", views, ("type", "revision", "title"), rows, as_json=as_json)


def register_event_type(context: typer.Context, name: Name, schema: File, config: Config = None) -> None:
    """Add an event type, or change the schema of a registered one. A change that would break older clients is refused.

    Running processes use the new schema within two seconds.

    Example: [bold]trunkline schemas register order.shipped order.shipped.json[/bold]
    """
    view = run(_register(load_settings(context, config), name, schema.read_bytes()))
    typer.echo(f"{view['type']} is registered, revision {view['revision']}: {view['title']}")


async def _list(settings: Settings) -> list[dict[str, Any]]:
    async with reading.opened(settings) as hub:
        registered = hub.registered_types
        return [event_types.view(each, registered.revision_of(each.name)) for each in hub.catalog.types()]


async def _register(settings: Settings, name: str, schema: bytes) -> dict[str, Any]:
    async with reading.opened(settings) as hub:
        registered = hub.registered_types
        is_known = registered.revision_of(name) is not None
        made = await (registered.revise if is_known else registered.register)(name, schema)
        return event_types.view(made, registered.revision_of(name))
