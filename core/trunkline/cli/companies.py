"""``companies``: making, listing, showing, changing and deleting companies, and their limits."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from trunkline.access.company_limits import NAMES
from trunkline.cli import desk, opening
from trunkline.cli.loop import command, run_with
from trunkline.cli.options import AsJson, CompanyArgument, Environment, Yes, json_or_text, name_of
from trunkline.cli.output import show_json, show_members, show_table, shown_company, span, warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.model import treatments
from trunkline.model.environments import LIVE, TEST
from trunkline.settings import load

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

app = typer.Typer(no_args_is_help=True)

Reference = Annotated[
    str | None, option("--reference", "REFERENCE", "The product's own name of the company.")
]
Name = Annotated[str | None, typer.Option("--name", help="The company's name, for people.")]
TimeZone = Annotated[str | None, option("--time-zone", "ZONE", "IANA time zone, such as Europe/Berlin.")]
Metadata = Annotated[
    str | None, option("--metadata", "JSON", "A JSON object that is stored with the company.")
]
Recipients = Annotated[
    list[str] | None,
    option("--alert-recipient", "ADDRESS", "An e-mail address that gets its alerts. May be repeated."),
]
_DEFAULT = "default"
_PAGE = 200
_LOOK_SECONDS = 0.5


@command(app, "create", desk.opened)
async def create(
    hub: desk.Desk,
    reference: Reference = None,
    name: Name = None,
    time_zone: TimeZone = None,
    metadata: Metadata = None,
    alert_recipient: Recipients = None,
    as_json: AsJson = False,
) -> None:
    """Make a company and print its id.

    Example: [bold]trunkline companies create --reference acme --name 'Acme Ltd'[/bold]
    """
    values = _values(metadata, alert_recipient, reference=reference, name=name, time_zone=time_zone)
    view = await hub.companies.create(values)
    if as_json:
        show_json(view)
    else:
        typer.echo(view["id"])


@command(app, "set", desk.opened)
async def change(
    hub: desk.Desk,
    company: CompanyArgument,
    reference: Reference = None,
    name: Name = None,
    time_zone: TimeZone = None,
    metadata: Metadata = None,
    alert_recipient: Recipients = None,
    as_json: AsJson = False,
) -> None:
    """Change a company, and show it. An empty value removes the old one.

    Example: [bold]trunkline companies set 92 --reference acme[/bold]
    """
    values = _values(metadata, alert_recipient, reference=reference, name=name, time_zone=time_zone)
    if not values:
        msg = "name what is to change: --reference, --name, --time-zone, --metadata or --alert-recipient"
        raise typer.BadParameter(msg)
    _show(await hub.companies.change(name_of(company), values), as_json=as_json)


@command(app, "list", desk.opened)
async def show_all(hub: desk.Desk, as_json: AsJson = False) -> None:
    """List the companies that were made or changed.

    Example: [bold]trunkline companies list[/bold]
    """
    page = await hub.companies.page(limit=_PAGE)
    views: list[dict[str, Any]] = page["companies"]
    while (cursor := page["next_cursor"]) is not None:
        page = await hub.companies.page(cursor=cursor, limit=_PAGE)
        views += page["companies"]
    if as_json:
        show_json(views)
        return
    rows = [
        [str(view[field] or "-") for field in ("id", "reference", "name", "created_utc")] for view in views
    ]
    show_table(["id", "reference", "name", "created"], rows)


@command(app, "show", desk.opened)
async def show(hub: desk.Desk, company: CompanyArgument, as_json: AsJson = False) -> None:
    """Show a company.

    Example: [bold]trunkline companies show acme[/bold]
    """
    _show(await hub.companies.view(name_of(company)), as_json=as_json)


@app.command("delete")
def delete(
    company: CompanyArgument,
    environment: Environment = LIVE,
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all its data are removed.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Delete a company with all its data: keys, subscriptions, events, deliveries, records. It cannot be undone.

    Its keys and subscriptions stop at once. Its other data are removed in steps, while the hub runs. Its test environment is
    deleted too; with --environment test, only that is deleted.

    Example: [bold]trunkline companies delete acme --yes --wait[/bold]
    """
    if not yes:
        which = f"the test environment of company {company}" if environment == TEST else f"company {company}"
        typer.confirm(f"Delete {which} and everything of it, for good?", abort=True, err=True)

    async def remove(hub: "Hub") -> dict[str, Any]:
        receipt = await hub.companies.delete(name_of(company), environment=environment)
        while wait and receipt["status"] == "running":
            if not await hub.erasing.run_once():  # another process carries it out
                await asyncio.sleep(_LOOK_SECONDS)
            receipt = await hub.companies.receipt(receipt["id"])
        return receipt

    _show_receipt(run_with(opening.opened(load(config)), remove), as_json=as_json)


@command(app, "receipt", desk.opened)
async def show_receipt(
    hub: desk.Desk,
    erasure: Annotated[str, argument("ID", "The receipt's id, era_….")],
    as_json: AsJson = False,
) -> None:
    """Show how much of a deleted company's data has been removed.

    Example: [bold]trunkline companies receipt era_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    _show_receipt(await hub.companies.receipt(erasure), as_json=as_json)


@command(app, "limits", desk.opened)
async def limits(
    hub: desk.Desk,
    company: CompanyArgument,
    changes: Annotated[
        list[str] | None,
        argument(
            "[NAME=VALUE]...",
            f"Limits to give it, or NAME={_DEFAULT} for the deployment's again. Names: {', '.join((*NAMES, *treatments.NAMES))}.",
        ),
    ] = None,
    environment: Environment = LIVE,
    as_json: AsJson = False,
) -> None:
    """Show a company's limits, or set its own limits. Running processes use new limits within five seconds.

    Delivery options apply in both environments, to subscriptions that do not set their own.

    Example: [bold]trunkline companies limits 92 subscriptions=500 keys=default[/bold]
    """
    given = dict(map(_read_change, changes or ()))
    chosen = {name: value for name, value in given.items() if name in NAMES}
    treatment = {name: value for name, value in given.items() if name in treatments.NAMES}
    values: dict[str, Any] = {"limits": chosen} if chosen else {}
    if environment == TEST and chosen:
        values = {"test": values}
    if treatment:
        values["delivery"] = treatment
    named = name_of(company)
    view = await (hub.companies.change(named, values) if values else hub.companies.view(named))
    limits = view["test"] if environment == TEST else view
    if as_json:
        shown = {"limits": limits["limits"], "own_limits": limits["own_limits"], "delivery": view["delivery"]}
        show_json({"id": view["id"], **shown})
        return
    own = limits["own_limits"]
    rows = [
        [name, str(value), "its own" if name in own else "the deployment's"]
        for name, value in limits["limits"].items()
    ]
    rows += [
        [name, _cell(value), "the deployment's" if value is None else "its own"]
        for name, value in view["delivery"].items()
    ]
    show_table(["limit", "value", "from"], rows)


def _values(metadata: str | None, recipients: list[str] | None, **texts: str | None) -> dict[str, Any]:
    """Collect the given values; an empty text becomes None, which resets the value."""
    values: dict[str, Any] = {key: value or None for key, value in texts.items() if value is not None}
    if metadata == "":
        values["metadata"] = None
    elif metadata is not None:
        read = json_or_text(metadata)
        if not isinstance(read, dict):
            msg = "'--metadata' takes a JSON object, such as '{\"plan\": \"growth\"}'"
            raise typer.BadParameter(msg)
        values["metadata"] = read
    if recipients:
        values["alert_recipients"] = [address for address in recipients if address]
    return values


def _read_change(argument: str) -> tuple[str, Any]:
    name, _, value = argument.partition("=")
    if name not in {*NAMES, *treatments.NAMES}:
        msg = f"'{name}' is not a limit; the limits are {', '.join((*NAMES, *treatments.NAMES))}"
        raise typer.BadParameter(msg)
    if value == _DEFAULT:
        return name, None
    if name in treatments.NAMES:
        read = json_or_text(value)
        if faults := treatments.faults_in(name, read):
            msg = f"'{name}={value[:60]}': {faults[0].message}; {name}={_DEFAULT} for the deployment's"
            raise typer.BadParameter(msg)
        return name, read
    if not (value.isascii() and value.isdigit()):
        msg = f"'{argument}': write {name}=NUMBER, or {name}={_DEFAULT}"
        raise typer.BadParameter(msg)
    return name, int(value)


def _show(view: Mapping[str, Any], *, as_json: bool) -> None:
    shown = {**view, "own_limits_of_test": view["test"]["own_limits"]}
    cells = {name: _cell(shown[name]) for name in shown if name not in {"limits", "delivery", "test"}}
    show_members(view, cells, as_json=as_json)


def _cell(value: object) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    return orjson.dumps(value).decode() if value else "-"


def _show_receipt(receipt: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(receipt)
        return
    warn(f"Erasure {receipt['id']} of company {shown_company(receipt)}: {receipt['status']}.")
    if (remaining := receipt.get("remaining")) is not None:
        seconds = receipt["estimated_seconds"]
        rest = "" if seconds is None else f", which takes about {span(seconds)}"
        warn(f"{sum(remaining.values())} events and deliveries are left{rest}.")
    show_table(["removed", "rows"], [[table, str(rows)] for table, rows in receipt["removed"].items()])
