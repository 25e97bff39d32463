"""``consumers``: managing consumers directly in the database. Running processes notice changes at once."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from trunkline.cli import reading
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson, Chosen, Company, Environment, id_of
from trunkline.cli.output import show_json, show_members, show_table, warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.model.environments import LIVE
from trunkline.model.times import epoch_ms_of
from trunkline.settings import load
from trunkline.subscribing.consuming import Consumers

app = typer.Typer(no_args_is_help=True, help="List, show, make, move and delete named consumers of events.")

Name = Annotated[str, argument("NAME", "The consumer's name.")]
Types = Annotated[str | None, option("--types", "TYPE,…", "Event types or groups of them; all, if absent.")]
Start = Annotated[str, option("--start", "WHERE", "now, beginning, a cursor, or an ISO 8601 time.")]
Place = Annotated[str, argument("WHERE", "A cursor, or an ISO 8601 time with its offset.")]
_COLUMNS = ("name", "cursor", "lag", "leases", "committed_utc")


@app.command("list")
def list_consumers(
    company: Company, environment: Environment = LIVE, as_json: AsJson = False, config: Config = None
) -> None:
    """List the consumers of a company with their cursors, oldest first.

    Example: [bold]trunkline consumers list --company 92[/bold]
    """
    page = _act(config, Chosen(company, environment), lambda all_, id_: all_.page_of(id_, limit=1_000))
    if as_json:
        show_json(page)
        return
    show_table(_COLUMNS, [[_cell(view, name) for name in _COLUMNS] for view in page["consumers"]])


@app.command("show")
def show_consumer(
    name: Name,
    company: Company,
    environment: Environment = LIVE,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show a consumer, its cursor and its lag.

    Example: [bold]trunkline consumers show billing --company 92[/bold]
    """
    _show(_act(config, Chosen(company, environment), lambda all_, id_: all_.get(id_, name)), as_json)


@app.command("create")
def create_consumer(
    name: Name,
    company: Company,
    environment: Environment = LIVE,
    types: Types = None,
    start: Start = "now",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a consumer, or change which events it reads. An existing consumer keeps its cursor.

    Example: [bold]trunkline consumers create billing --company 92 --types invoice.* --start beginning[/bold]
    """
    request: dict[str, Any] = {"start": start}
    if types is not None:
        request["event_types"] = [part.strip() for part in types.split(",") if part.strip()]

    async def make(consumers: Consumers, company_id: int) -> dict[str, Any]:
        return (await consumers.put(company_id, name, request, versions={}))[0]

    _show(_act(config, Chosen(company, environment), make), as_json)


@app.command("seek")
def seek_consumer(
    name: Name,
    where: Place,
    company: Company,
    environment: Environment = LIVE,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Move a consumer's cursor back or forward. All leases of its pages end.

    Example: [bold]trunkline consumers seek billing 2026-01-28T00:00:00Z --company 92[/bold]
    """
    since_ms = epoch_ms_of(where)
    place: dict[str, Any] = {"cursor": where} if since_ms is None else {"since_ms": since_ms}
    view = _act(config, Chosen(company, environment), lambda all_, id_: all_.seek(id_, name, **place))
    _show(view, as_json)


@app.command("delete")
def delete_consumer(
    name: Name, company: Company, environment: Environment = LIVE, config: Config = None
) -> None:
    """Delete a consumer and its cursor.

    Example: [bold]trunkline consumers delete billing --company 92[/bold]
    """
    _act(config, Chosen(company, environment), lambda all_, id_: all_.delete(id_, name))
    warn(f"The consumer '{name}' is deleted.")


def _act(config: Path | None, chosen: Chosen, action: Callable[[Consumers, int], Awaitable[Any]]) -> Any:
    async def act(hub: reading.Readings) -> Any:
        return await action(hub.readers.consumers, await id_of(hub.directory, chosen))

    return run_with(reading.opened(load(config)), act)


def _show(view: dict[str, Any], as_json: bool) -> None:
    show_members(view, {name: _cell(view, name) for name in view}, as_json=as_json)


def _cell(view: dict[str, Any], name: str) -> str:
    if name == "lag":
        return f"{view['lag']:,}{' or more' if view['lag_is_least'] else ''}"
    value = view[name]
    return "-" if value is None else ",".join(value) if isinstance(value, list) else str(value)
