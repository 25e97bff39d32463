"""``events``: emitting and watching events from the command line, straight in the database."""

import os
import sys
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from trunkline.cli.loop import run
from trunkline.cli.options import Company, Config, load_settings

app = typer.Typer(no_args_is_help=True, help="Emit and watch events.")

Payload = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|-",
        help="The payload, or - to read it from standard input; the schema's example, if unset.",
    ),
]
Metadata = Annotated[str | None, typer.Option(metavar="JSON", help="The event's metadata.")]
Types = Annotated[
    str | None, typer.Option(metavar="TYPE,…", help="Only these event types, separated by commas.")
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Begin with what was accepted at this ISO 8601 time.")
]
Follow = Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C.")]


@app.command("emit")
def emit(
    context: typer.Context,
    type: Annotated[str, typer.Argument(metavar="TYPE", help="The event type, such as client.created.")],
    company: Company,
    payload: Payload = None,
    metadata: Metadata = None,
    config: Config = None,
) -> None:
    """Store an event, to be delivered as any other, and print its envelope.

    Example: [bold]trunkline events emit client.created --company 92[/bold]
    """
    from trunkline.cli import stream  # noqa: PLC0415 - here, so that --help need not load the hub

    given = sys.stdin.buffer.read() if payload == "-" else _bytes(payload)
    settings = load_settings(context, config)
    envelope = run(stream.emit(settings, type, company, payload=given, metadata=_bytes(metadata)))
    typer.echo(msgspec.json.format(envelope, indent=2) if sys.stdout.isatty() else envelope)


@app.command("tail")
def tail(
    context: typer.Context,
    company: Company,
    types: Types = None,
    since: Since = None,
    follow: Follow = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print whole envelopes, one a line.")] = False,
    config: Config = None,
) -> None:
    """Show a company's last ten events, or those since a time, and then each new one as it is accepted.

    Example: [bold]trunkline events tail --company 92 --types client.created,lead.created[/bold]
    """
    from trunkline.cli import stream  # noqa: PLC0415 - here, so that --help need not load the hub

    since_ms = _epoch_ms(since)
    settings = load_settings(context, config)
    run(stream.tail(settings, company, types, since_ms, follow=follow, as_json=as_json))


def _bytes(argument: str | None) -> bytes | None:
    """Give an argument as it was typed; a byte that is no UTF-8 is still in it."""
    return None if argument is None else os.fsencode(argument)


def _epoch_ms(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not an ISO 8601 time, such as 2026-01-28T10:30:00Z"
        raise typer.BadParameter(msg, param_hint="--since") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
