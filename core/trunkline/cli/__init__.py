"""The command line: each module has a few commands over the hub's services, and is imported when one of them is used.

Standard output has only the requested data; everything else goes to standard error. Exit codes: 0 done, 1 refused or faults
found, 2 cannot start (a setting, a plugin, the database, the port) or misused.
"""

import gc
import os
import sys
from typing import Annotated

from trunkline.oldest import require_python

require_python(sys.version_info[:3])  # first: the imports below fail on an older Python

import typer  # noqa: E402
from typer.core import TyperGroup  # noqa: E402

from trunkline.cli import streams  # noqa: E402
from trunkline.cli.commands import Commands, load_all  # noqa: E402
from trunkline.cli.output import CANNOT_START, REFUSED, warn  # noqa: E402
from trunkline.cli.parameters import Config  # noqa: E402
from trunkline.version import __version__  # noqa: E402

__all__ = ["app", "load_commands", "main"]

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="See it work: [bold]trunkline demo[/bold]. Run it: [bold]trunkline serve[/bold].",
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"trunkline {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _config: Config = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """One stream of business events, delivered as signed webhooks, by cursor polling, and to Zapier, n8n and Make."""


def load_commands() -> TyperGroup:
    """Return the group of all commands, each with its module loaded."""
    group = typer.main.get_group(app)
    load_all(group)
    return group


def main() -> None:
    """Run the command line.

    The garbage collector is only enabled with the event loop (``loop.run``). Before, it would repeatedly scan imported
    modules, which are never freed. They are frozen at the end, because Python collects once more when it exits.
    """
    if sys.getfilesystemencoding() == "ascii":  # the encoding of arguments, variables and paths, too
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - itself
    streams.set_up()
    if any("\udc80" <= character <= "\udcff" for character in "".join(sys.argv)):
        warn("An argument is not UTF-8.")
        raise SystemExit(CANNOT_START)
    gc.disable()
    try:
        app(prog_name="trunkline")
    except streams.OutputLost as error:  # raised when Typer itself prints, for example help
        warn(str(error))
        raise SystemExit(REFUSED) from None
    finally:
        streams.settle()
        gc.freeze()
