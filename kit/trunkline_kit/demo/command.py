"""``demo``: the whole system, shown at work."""

from typing import Annotated

import typer

from trunkline.cli.loop import run
from trunkline.cli.output import REFUSED
from trunkline.cli.parameters import Config
from trunkline.settings import load
from trunkline_kit.demo.stage import run_demo


def demo(
    stop: Annotated[bool, typer.Option("--exit", help="Stop when it is done, instead of at Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary alone, as JSON.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port of the API; a free one, if unset.")
    ] = 0,
    config: Config = None,
) -> None:
    """Show the hub at work: every event type accepted, pushed, verified, retried and polled, in a few seconds.

    It starts its own receiver, and uses a temporary database, or the one in the settings.

    Example: [bold]trunkline demo --exit[/bold]
    """
    settings = load(config)
    if not run(run_demo(settings, port=port, keep_running=not stop, as_json=as_json)):
        raise typer.Exit(REFUSED)
