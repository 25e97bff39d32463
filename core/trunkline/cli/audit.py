"""``audit``: the log of changes, read directly from the database."""

from typing import Annotated

import orjson
import typer

from trunkline.cli import desk
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson, Environment, Newest, OptionalCompany, id_or_none
from trunkline.cli.output import show_list
from trunkline.cli.parameters import Config, option
from trunkline.model.environments import LIVE
from trunkline.runtime.terminals import escape_json
from trunkline.schemas.catalog import Json
from trunkline.settings import load
from trunkline.store.audit_log import Which

Actor = Annotated[str | None, option("--actor", "ACTOR", "Only changes by this actor: an id, cli or hub.")]
Action = Annotated[
    str | None, option("--action", "ACTION", "Only changes of this kind, such as key.created.")
]
Target = Annotated[str | None, option("--target", "ID", "Only changes of the record with this id.")]
Export = Annotated[
    bool, typer.Option("--export", help="Write all changes as JSON Lines, newest first; --limit is ignored.")
]


def show_audit(
    company: OptionalCompany = None,
    environment: Environment = LIVE,
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    limit: Newest = 50,
    export: Export = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List changes, newest first, each with its author, time and address.

    Example: [bold]trunkline audit --action key.created[/bold]
    """
    entries: list[dict[str, Json]] = []

    async def read(services: desk.Desk) -> None:
        which = Which(await id_or_none(services.directory, company, environment), actor, action, target)
        async for entry in services.journal.each(which):
            if export:
                typer.echo(escape_json(orjson.dumps(entry).decode()))
                continue
            entries.append(entry)
            if len(entries) == limit:
                break

    run_with(desk.opened(load(config)), read)
    if export:
        return
    columns = ("at_utc", "actor", "action", "target", "from_address")
    rows = [[str(each[name] or "") for name in columns] for each in entries]
    show_list("entries", entries, ("when", "who", "did", "to", "from"), rows, as_json=as_json)
