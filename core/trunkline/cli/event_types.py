"""``schemas list`` and ``schemas register``: the event types of this deployment, from files and registered."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trunkline.cli import reading
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson, Config, argument
from trunkline.cli.output import show_list
from trunkline.ingest import event_types
from trunkline.settings import load

Name = Annotated[str, argument("TYPE", "Its name, such as order.shipped.")]
File = Annotated[
    Path,
    argument(
        "FILE",
        "JSON Schema of the payload, with title, description and examples.",
        exists=True,
        dir_okay=False,
    ),
]
_IN_FILES = "in files"


def list_event_types(as_json: AsJson = False, config: Config = None) -> None:
    """List the event types in files, and the registered ones with their revisions.

    Example: [bold]trunkline schemas list[/bold]
    """

    async def read(hub: reading.Readings) -> list[dict[str, Any]]:
        revision_of = hub.registered_types.revision_of
        return [event_types.view(each, revision_of(each.name)) for each in hub.catalog.types()]

    views = run_with(reading.opened(load(config)), read)
    rows = [[view["type"], str(view.get("revision") or _IN_FILES), view["title"]] for view in views]
    show_list("event_types", views, ("type", "revision", "title"), rows, as_json=as_json)


def register_event_type(name: Name, schema: File, config: Config = None) -> None:
    """Add an event type, or change the schema of a registered one. A change that would break older clients is refused.

    Running processes use the new schema within two seconds.

    Example: [bold]trunkline schemas register order.shipped order.shipped.json[/bold]
    """

    async def store(hub: reading.Readings) -> dict[str, Any]:
        registered = hub.registered_types
        is_known = registered.revision_of(name) is not None
        made = await (registered.revise if is_known else registered.register)(name, schema.read_bytes())
        return event_types.view(made, registered.revision_of(name))

    view = run_with(reading.opened(load(config)), store)
    typer.echo(f"{view['type']} is registered, revision {view['revision']}: {view['title']}")
