"""``init``: a folder with everything for a new hub of one's own product."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.output import warn
from trunkline.cli.parameters import option
from trunkline_kit.beginning.event_types import check_type
from trunkline_kit.beginning.products import (
    SQLITE,
    NewProduct,
    check_database,
    check_prefix,
    check_title,
    prefix_of,
    write_product,
)

FIRST_TYPE = "order.placed"

Name = Annotated[str | None, option("--name", "TEXT", "The product's name, such as 'Acme Billing'.")]
Prefix = Annotated[
    str | None, option("--key-prefix", "TEXT", "First part of its API keys; made from the name, if unset.")
]
DatabaseOption = Annotated[
    str | None,
    option(
        "--database",
        "WHERE",
        "sqlite (one file), postgresql (in the compose file), or the URL of an existing PostgreSQL.",
    ),
]
Event = Annotated[str | None, option("--event", "TYPE", f"The first event type, such as {FIRST_TYPE}.")]
Into = Annotated[Path, option("--into", "FOLDER", "Where to write it; the current folder, if unset.")]
InsecureTargets = Annotated[
    bool,
    typer.Option(
        "--insecure-targets",
        help="With PostgreSQL too, let webhooks go to receivers over plain HTTP and in private networks.",
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not prompt: values that are not given are made from the name.")
]


def init(
    name: Name = None,
    key_prefix: Prefix = None,
    database: DatabaseOption = None,
    event: Event = None,
    into: Into = Path(),
    insecure_targets: InsecureTargets = False,
    yes: Yes = False,
) -> None:
    """Set up a hub for your own product: settings, schemas, secrets and a compose file. Prompts for what you leave out.

    Example: [bold]trunkline init --name "Acme Billing" --database sqlite --event invoice.created[/bold]
    """
    asks = not yes and sys.stdin.isatty()
    if name is None and not asks:
        raise typer.BadParameter("say what the product is called", param_hint="--name")
    title = check_title(name if name is not None else typer.prompt("Name of the product", err=True))
    proposed = prefix_of(title)
    if key_prefix is None and not asks and not proposed:
        msg = f"no prefix can be made from the name '{title}'; give one of 2 to 16 lower-case letters and digits"
        raise typer.BadParameter(msg, param_hint="--key-prefix")
    product = NewProduct(
        title,
        check_prefix(_chosen(key_prefix, "API keys begin with", proposed, asks=asks)),
        check_database(_chosen(database, "Database (sqlite, postgresql or a URL)", SQLITE, asks=asks)),
        check_type(_chosen(event, "First event type", FIRST_TYPE, asks=asks)),
        insecure_targets=insecure_targets,
    )
    for path in write_product(product, into):
        typer.echo(path)
    change = "" if into == Path() else f"cd {into} && "
    warn(f"Next: {change}trunkline schemas check && trunkline serve")


def _chosen(given: str | None, question: str, default: str, *, asks: bool) -> str:
    if given is not None:
        return given
    return str(typer.prompt(question, default=default or None, err=True)) if asks else default
