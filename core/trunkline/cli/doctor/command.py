"""``doctor``: checks of the receiver at a URL."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trunkline.cli import opening
from trunkline.cli.config import Config
from trunkline.cli.doctor import Report, examine
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, load_settings
from trunkline.cli.output import printable, show_json, warn
from trunkline.hub.hub import Hub
from trunkline.hub.products import source_names
from trunkline.targets import signatures
from trunkline.targets.addresses import AddressPolicy

SECRET_VARIABLE = "TRUNKLINE_DOCTOR_SECRET"  # noqa: S105 - a variable's name

Url = Annotated[str, typer.Argument(metavar="URL", help="Where the receiver takes events.")]
Secret = Annotated[
    str | None,
    typer.Option(
        metavar="WHSEC",
        envvar=SECRET_VARIABLE,
        show_envvar=False,
        help=f"The secret that the receiver verifies with, whsec_…; or set {SECRET_VARIABLE}.",
    ),
]

_STYLES = {"good": "green", "improve": "yellow", "bad": "bold red", "unknown": "dim"}


def doctor(
    context: typer.Context,
    url: Url,
    secret: Secret = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Say what a receiver does well and badly: address, TLS, answers, latency, signatures, duplicates.

    It sends test events, at most 20. Exit codes: 0 all good, 1 something to mend, 2 not reachable.

    Example: [bold]trunkline doctor https://example.com/hooks --secret whsec_…[/bold]
    """
    settings = load_settings(context, config)
    if secret is not None and (fault := signatures.check_secret(secret)):
        raise typer.BadParameter(fault, param_hint="--secret")
    delivery = settings.delivery
    policy = AddressPolicy(
        allow_http=delivery.allow_http, allow_private_networks=delivery.allow_private_networks
    )
    hub = opening.inspected(settings)
    product = _product(hub)
    report = run(
        examine(
            url,
            policy=policy,
            catalog=hub.catalog,
            timeout_seconds=delivery.timeout_seconds,
            secret=secret,
        )
    )
    if as_json:
        show_json(_as_json(report) | {"product": product})
    else:
        warn(_product_line(product))
        _show(report)
        warn(_summary(report))
    raise typer.Exit(report.exit_code)


def _product(hub: Hub) -> dict[str, Any]:
    """Say which product runs with the settings of this deployment."""
    return {
        "title": hub.deployment.brand.title,
        "schemas": [*source_names(hub.settings)],
        "event_types": len(hub.catalog.types()),
        "key_prefix": hub.keys.prefix,
    }


def _product_line(product: Mapping[str, Any]) -> str:
    count = product["event_types"]
    return (
        f"Product: {product['title']}, from {', '.join(product['schemas']) or 'no schemas'}; "
        f"{count} event {'type' if count == 1 else 'types'}; keys begin with {product['key_prefix']}_."
    )


def _as_json(report: Report) -> dict[str, object]:
    return {
        "url": report.url,
        "reachable": report.is_reachable,
        "checks": [asdict(check) for check in report.checks],
        "not_tried": [*report.not_tried],
    }


def _show(report: Report) -> None:
    """Print a table on a terminal, elsewhere a line per check; receivers' words are never read as markup."""
    console = Console()
    if not console.is_terminal:
        for check in report.checks:
            typer.echo(f"{check.name}\t{check.verdict}\t{printable(check.sentence)}")
        return
    table = Table("check", "verdict", "what to do", box=None, header_style="bold", pad_edge=False)
    for check in report.checks:
        verdict = Text(check.verdict, style=_STYLES[check.verdict])
        table.add_row(Text(check.name), verdict, Text(printable(check.sentence)))
    console.print(table)


def _summary(report: Report) -> str:
    if not report.is_reachable:
        return "Not reachable: the other checks were not made."
    count = len(report.to_mend)
    result = f"{count} {'thing' if count == 1 else 'things'} to mend." if count else "Nothing to mend."
    left_out = f" Not tried: {', '.join(report.not_tried)}." if report.not_tried else ""
    return result + left_out
