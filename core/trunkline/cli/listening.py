"""``listen``: the light client's ``trunkline-listen`` as a command of the hub."""

from typing import Annotated, Any

import typer

from trunkline.cli.parameters import option
from trunkline_client.listen import OPTIONS, Options
from trunkline_client.listen import listen as listen_to


def _option(name: str, variable: str | None = None) -> Any:
    shown, told = OPTIONS[name]
    return option(f"--{name}", shown, f"{told[0].upper()}{told[1:]}.", envvar=variable)


def listen(
    key: Annotated[str, _option("key", "TRUNKLINE_KEY")],
    url: Annotated[str, _option("url", "TRUNKLINE_URL")] = "http://127.0.0.1:8000",
    forward: Annotated[str | None, _option("forward")] = None,
    secret: Annotated[str | None, _option("secret")] = None,
    events: Annotated[str | None, _option("events")] = None,
    filter: Annotated[str | None, _option("filter")] = None,
    since: Annotated[str, _option("since")] = "now",
    company: Annotated[str | None, _option("company")] = None,
) -> None:
    """Show a company's events as they are accepted, and forward them to a program on this machine.

    It polls with an API key of the company, and signs forwarded events as a webhook would. In a terminal, r sends the last event again.

    Example: [bold]trunkline listen --forward http://localhost:3000/hook[/bold]
    """
    options = Options(url, key, forward, secret, events, filter, since, company)
    raise typer.Exit(listen_to(options))
