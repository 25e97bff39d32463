"""``consumers``: managing consumers directly in the database. Running processes notice changes at once."""

from typing import Annotated, Any

import typer

from trunkline.cli import reading
from trunkline.cli.loop import command
from trunkline.cli.options import AsJson, Company, Environment, id_of, names_in
from trunkline.cli.output import show_json, show_members, show_table, warn
from trunkline.cli.parameters import argument, option
from trunkline.cli.reading import Readings
from trunkline.model.environments import LIVE
from trunkline.model.times import epoch_ms_of

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, argument("NAME", "The consumer's name.")]
Types = Annotated[str | None, option("--types", "TYPE,…", "Event types or groups of them; all, if absent.")]
Start = Annotated[str, option("--start", "WHERE", "now, beginning, a cursor, or an ISO 8601 time.")]
Place = Annotated[str, argument("WHERE", "A cursor, or an ISO 8601 time with its offset.")]
_COLUMNS = ("name", "cursor", "lag", "leases", "committed_utc")


@command(app, "list", reading.opened)
async def list_consumers(
    hub: Readings, company: Company, environment: Environment = LIVE, as_json: AsJson = False
) -> None:
    """List the consumers of a company with their cursors, oldest first.

    Example: [bold]trunkline consumers list --company 92[/bold]
    """
    page = await hub.readers.consumers.page_of(await id_of(hub.directory, company, environment), limit=1_000)
    if as_json:
        show_json(page)
        return
    show_table(_COLUMNS, [[_cell(view, name) for name in _COLUMNS] for view in page["consumers"]])


@command(app, "show", reading.opened)
async def show_consumer(
    hub: Readings, name: Name, company: Company, environment: Environment = LIVE, as_json: AsJson = False
) -> None:
    """Show a consumer, its cursor and its lag.

    Example: [bold]trunkline consumers show billing --company 92[/bold]
    """
    _show(await hub.readers.consumers.get(await id_of(hub.directory, company, environment), name), as_json)


@command(app, "create", reading.opened)
async def create_consumer(
    hub: Readings,
    name: Name,
    company: Company,
    environment: Environment = LIVE,
    types: Types = None,
    start: Start = "now",
    as_json: AsJson = False,
) -> None:
    """Make a consumer, or change which events it reads. An existing consumer keeps its cursor.

    Example: [bold]trunkline consumers create billing --company 92 --types invoice.* --start beginning[/bold]
    """
    request: dict[str, Any] = {"start": start}
    if types is not None:
        request["event_types"] = names_in(types)
    company_id = await id_of(hub.directory, company, environment)
    view, _ = await hub.readers.consumers.put(company_id, name, request, versions={})
    _show(view, as_json)


@command(app, "seek", reading.opened)
async def seek_consumer(
    hub: Readings,
    name: Name,
    where: Place,
    company: Company,
    environment: Environment = LIVE,
    as_json: AsJson = False,
) -> None:
    """Move a consumer's cursor back or forward. All leases of its pages end.

    Example: [bold]trunkline consumers seek billing 2026-01-28T00:00:00Z --company 92[/bold]
    """
    since_ms = epoch_ms_of(where)
    place: dict[str, Any] = {"cursor": where} if since_ms is None else {"since_ms": since_ms}
    company_id = await id_of(hub.directory, company, environment)
    _show(await hub.readers.consumers.seek(company_id, name, **place), as_json)


@command(app, "delete", reading.opened)
async def delete_consumer(
    hub: Readings, name: Name, company: Company, environment: Environment = LIVE
) -> None:
    """Delete a consumer and its cursor.

    Example: [bold]trunkline consumers delete billing --company 92[/bold]
    """
    await hub.readers.consumers.delete(await id_of(hub.directory, company, environment), name)
    warn(f"The consumer '{name}' is deleted.")


def _show(view: dict[str, Any], as_json: bool) -> None:
    show_members(view, {name: _cell(view, name) for name in view}, as_json=as_json)


def _cell(view: dict[str, Any], name: str) -> str:
    if name == "lag":
        return f"{view['lag']:,}{' or more' if view['lag_is_least'] else ''}"
    value = view[name]
    return "-" if value is None else ",".join(value) if isinstance(value, list) else str(value)
