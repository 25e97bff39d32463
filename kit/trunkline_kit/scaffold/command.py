"""``new``: writes a working start for an event type, an action, a search or a plugin."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from trunkline.cli.output import warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.hub.products import own_folder
from trunkline.schemas.definitions import FOLDERS, Kind
from trunkline.settings import load
from trunkline_kit import badges
from trunkline_kit.beginning.definitions import check_definition, definition_of, place_of
from trunkline_kit.beginning.event_types import check_type, path_of, schema_of
from trunkline_kit.beginning.fields import KINDS, read_fields
from trunkline_kit.beginning.products import write_new
from trunkline_kit.scaffold.plans import FEATURES, Plan, check_name, write_plugin

app = typer.Typer(
    no_args_is_help=True, help="Make your own event type, action, search or plugin, or a badge for a plugin."
)

_DEFAULT = next(iter(FEATURES))

With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="WHAT",
        help=f"Its features, one or several of {', '.join(FEATURES)}; prompts for each, if unset.",
    ),
]
Into = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where to write it; trunkline-NAME in the current folder, if unset."),
]
Yes = Annotated[bool, typer.Option("--yes", help=f"Do not prompt: {_DEFAULT} alone, if --with is unset.")]


def _field_option(what: str, if_unset: str = "") -> Any:
    kinds = f"KIND is one of {', '.join(KINDS)}, followed by ? if it may be absent."
    return typer.Option("--field", metavar="NAME:KIND", help=f"{what}; {kinds}{if_unset}")


EventName = Annotated[str, typer.Argument(metavar="TYPE", help="The event type, such as payment.refunded.")]
Fields = Annotated[
    list[str] | None, _field_option("A field of its payload, in order", " An id and a time, if unset.")
]
ActionName = Annotated[str, typer.Argument(metavar="NAME", help="A verb and an object, such as ship_order.")]
ActionFields = Annotated[list[str] | None, _field_option("A field of its input, in order")]
Emits = Annotated[
    list[str] | None,
    typer.Option("--emits", metavar="TYPE", help="An event type that it may cause. May be repeated."),
]
SearchName = Annotated[
    str, typer.Argument(metavar="NAME", help="find, get or list, and the record's name, such as find_order.")
]
SearchFields = Annotated[
    list[str] | None, _field_option("A field of the record, in order; 'find' searches by these fields")
]
SchemasFolder = Annotated[
    Path | None,
    typer.Option("--into", metavar="FOLDER", help="The folder of schemas; that of the product, if unset."),
]

Report = Annotated[Path, argument("REPORT", "A file that 'pytest --trunkline-report' wrote.")]
OfPlugin = Annotated[str | None, option("--plugin", "NAME", "The plugin, if the report has several.")]
IntoFile = Annotated[Path, option("--into", "FILE", "File to write the badge to.")]
ReportUrl = Annotated[str | None, option("--report-url", "URL", "URL at which the report can be read.")]


@app.callback()
def new() -> None:
    """Make your own event type, action, search or plugin, or a badge for a plugin."""


@app.command("event")
def new_event(
    type: EventName,
    fields: Fields = None,
    into: SchemasFolder = None,
    config: Config = None,
) -> None:
    """Write a first schema of an event type, with a valid example, for you to complete.

    Example: [bold]trunkline new event payment.refunded --field payment_id:integer --field amount:number --field note:text?[/bold]
    """
    text = schema_of(check_type(type), read_fields(fields or ()))
    file = (into or own_folder(load(config))) / path_of(type)
    write_new(file, text)
    typer.echo(file)


@app.command("action")
def new_action(
    name: ActionName,
    fields: ActionFields = None,
    emits: Emits = None,
    into: SchemasFolder = None,
    config: Config = None,
) -> None:
    """Write a first definition of an action, with a valid example, for you to complete.

    The verb sets method and path: create, update and delete are POST, PATCH and DELETE, any other verb is POST /orders/{order_id}/VERB.

    Example: [bold]trunkline new action create_order --field sku:text --field quantity:integer? --emits order.created[/bold]
    """
    types = [check_type(event_type) for event_type in emits or ()]
    _define("action", name, fields, emits=types, into=into, config=config)


@app.command("search")
def new_search(
    name: SearchName,
    fields: SearchFields = None,
    into: SchemasFolder = None,
    config: Config = None,
) -> None:
    """Write a first definition of a search, with a valid example, for you to complete.

    find_order finds a record by its fields, get_order returns one by its id, list_orders returns all, page by page.

    Example: [bold]trunkline new search find_order --field order_id:uuid --field sku:text[/bold]
    """
    _define("search", name, fields, into=into, config=config)


@app.command("plugin")
def new_plugin(name: str, chosen: With = None, into: Into = None, yes: Yes = False) -> None:
    """Write a working connector plugin into a new folder: code, tests from the conformance kit, README, CI.

    Example: [bold]trunkline new plugin acme --with push --with portal-page[/bold]
    """
    check_name(name)
    for feature in chosen or ():
        if feature not in FEATURES:
            msg = f"'{feature}' is none of {', '.join(FEATURES)}"
            raise typer.BadParameter(msg, param_hint="--with")
    plan = Plan(name, tuple(chosen or _ask(name, yes=yes)))
    folder = into or Path(plan.distribution)
    for path in write_plugin(plan, folder):
        typer.echo(path)
    if sys.stdout.isatty():
        typer.echo(f"\nNext:  pip install trunkline-kit ./{folder}  &&  pytest {folder}")


@app.command("badge")
def draw_badge(
    report: Report, plugin: OfPlugin = None, into: IntoFile = Path("badge.svg"), report_url: ReportUrl = None
) -> None:
    """Draw a badge (SVG) of a plugin's level in a conformance report, and print Markdown with the badge and a link to the report.

    Example: [bold]trunkline new badge report.json --report-url https://example.com/report.json[/bold]
    """
    name, judged = badges.read_plugin(report, plugin)
    into.write_text(badges.draw(name, judged, report_url=report_url), encoding="utf-8")
    typer.echo(f"[![trunkline: {judged.get('level') or 'does not load'}]({into})]({report_url or report})")


def _define(
    kind: Kind,
    name: str,
    fields: list[str] | None,
    *,
    emits: Sequence[str] = (),
    into: Path | None,
    config: Path | None,
) -> None:
    """Write the definition of an action or a search, and print how to make it callable."""
    text = definition_of(kind, check_definition(kind, name), read_fields(fields or ()), emits=emits)
    file = (into or own_folder(load(config))) / place_of(kind, name)
    write_new(file, text)
    typer.echo(file)
    warn(
        "Next: fill it in, then trunkline schemas check. Your product carries it out, which "
        f"actions.provider_url names (it gets POST /{FOLDERS[kind]}/{name}), or a plugin (trunkline new plugin NAME --with {kind})."
    )


def _ask(name: str, *, yes: bool) -> list[str]:
    """Ask for the plugin's features, if a person can answer."""
    if yes or not sys.stdin.isatty():
        return [_DEFAULT]
    typer.echo(f"What should '{name}' have?", err=True)
    features = [
        feature
        for feature, meaning in FEATURES.items()
        if typer.confirm(f"  {meaning}", default=feature == _DEFAULT, err=True)
    ]
    if not features:
        typer.echo("A plugin needs at least one of them; nothing was written.", err=True)
        raise typer.Exit(1)
    return features
