"""``doctor``: checks of the hub, or of the receiver at a URL."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Never

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trunkline.cli import opening
from trunkline.cli.doctor.checks import Report, Status, error
from trunkline.cli.doctor.hub.examination import examine_hub
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson
from trunkline.cli.output import show_json, warn
from trunkline.cli.parameters import Config, argument
from trunkline.errors import SettingsInvalid
from trunkline.hub.products import source_names
from trunkline.runtime.terminals import printable
from trunkline.settings import load
from trunkline.targets import signatures

SECRET_VARIABLE = "TRUNKLINE_DOCTOR_SECRET"  # noqa: S105 - a variable's name

Url = Annotated[str | None, argument("[URL]", "URL of a receiver; without it the hub is examined.")]
Secret = Annotated[
    str | None,
    typer.Option(
        metavar="WHSEC",
        envvar=SECRET_VARIABLE,
        show_envvar=False,
        help=f"The secret that the receiver verifies with, whsec_…; or set {SECRET_VARIABLE}.",
    ),
]

Targets = Annotated[
    bool,
    typer.Option(
        "--targets", help="Connect to the https targets of subscriptions too, and judge their certificates."
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="End with 1 if the hub has warnings.")]

_STYLES = {"good": "green", "improve": "yellow", "bad": "bold red", "unknown": "dim"} | {
    "ok": "green",
    "warning": "yellow",
    "error": "bold red",
}


def doctor(
    url: Url = None,
    secret: Secret = None,
    targets: Targets = False,
    strict: Strict = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Examine the hub, or the receiver at a URL.

    Without a URL it reads the hub's settings and database, changes nothing, and prints one line per check. Exit codes:
    0 no errors, 1 warnings with --strict, 2 errors.

    With a URL it sends the receiver test events, at most 20: address, TLS, answers, latency, signatures, junk, duplicates. Exit codes:
    0 all good, 1 something to fix, 2 not reachable.

    Example: [bold]trunkline doctor --targets[/bold]

    Example: [bold]trunkline doctor https://example.com/hooks --secret whsec_…[/bold]
    """
    if url is None:
        _examine_hub(config, with_targets=targets, is_strict=strict, as_json=as_json)
    if targets or strict:
        msg = "--targets and --strict are for the hub: leave the URL out"
        raise typer.BadParameter(msg)
    from trunkline.cli.doctor.examination import examine  # noqa: PLC0415 - what sends requests takes a while to load

    settings = load(config)
    if secret is not None and (fault := signatures.check_secret(secret)):
        raise typer.BadParameter(fault, param_hint="--secret")
    hub = opening.inspected(settings)
    title = hub.brand.title
    schemas = source_names(hub.settings)
    count = len(hub.catalog.types())
    seconds = settings.delivery.timeout_seconds
    examining = examine(
        url, policy=hub.addresses, catalog=hub.catalog, timeout_seconds=seconds, secret=secret
    )
    report = run(examining)
    if as_json:
        show_json(
            {
                "url": report.url,
                "reachable": report.is_reachable,
                "checks": [
                    {"name": check.name, "verdict": check.verdict, "sentence": check.sentence}
                    for check in report.checks
                ],
                "not_tried": [*report.not_tried],
                "product": {
                    "title": title,
                    "schemas": [*schemas],
                    "event_types": count,
                    "key_prefix": hub.keys.prefix,
                },
            }
        )
    else:
        warn(
            f"Product: {title}, from {', '.join(schemas) or 'no schemas'}; "
            f"{count} event {'type' if count == 1 else 'types'}; keys begin with {hub.keys.prefix}_."
        )
        _show_rows([(check.name, check.verdict, check.sentence) for check in report.checks])
        warn(_summary(report))
    raise typer.Exit(report.exit_code)


def _examine_hub(config: Path | None, *, with_targets: bool, is_strict: bool, as_json: bool) -> Never:
    try:
        settings = load(config)
    except SettingsInvalid as invalid:
        checks = [error("settings", str(invalid), fix="correct the settings; nothing else was examined")]
    else:
        checks = run(examine_hub(settings, with_targets=with_targets))
    counts = Counter(check.verdict for check in checks)
    if as_json:
        views = [
            {"name": one.name, "status": one.verdict, "detail": one.sentence}
            | ({"fix": one.fix} if one.fix else {})
            for one in checks
        ]
        show_json({"checks": views})
    else:
        _show_rows(
            [(one.name, one.verdict, " Fix: ".join(filter(None, (one.sentence, one.fix)))) for one in checks]
        )
        warn(f"Errors: {counts[Status.ERROR]}, warnings: {counts[Status.WARNING]}, ok: {counts[Status.OK]}.")
    if counts[Status.ERROR]:
        raise typer.Exit(2)
    raise typer.Exit(1 if is_strict and counts[Status.WARNING] else 0)


def _show_rows(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print a table on a terminal, elsewhere a line per check; untrusted text is never read as markup."""
    console = Console()
    if not console.is_terminal:
        for name, verdict, sentence in rows:
            typer.echo(f"{name}\t{verdict}\t{printable(sentence)}")
        return
    table = Table("check", "verdict", "what to do", box=None, header_style="bold", pad_edge=False)
    for name, verdict, sentence in rows:
        table.add_row(Text(name), Text(verdict, style=_STYLES[verdict]), Text(printable(sentence)))
    console.print(table)


def _summary(report: Report) -> str:
    if not report.is_reachable:
        return "Not reachable: the other checks were not made."
    count = len(report.to_mend)
    result = f"{count} {'thing' if count == 1 else 'things'} to mend." if count else "Nothing to mend."
    left_out = f" Not tried: {', '.join(report.not_tried)}." if report.not_tried else ""
    return result + left_out
