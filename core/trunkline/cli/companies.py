"""``companies``: the limits of single companies."""

from typing import Annotated, Any

import typer

from trunkline.access.company_limits import NAMES
from trunkline.access.keys import MAX_COMPANY_ID
from trunkline.cli import opening
from trunkline.cli.config import Config
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, load_settings
from trunkline.cli.output import show_json, show_table
from trunkline.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Show and set what single companies may have and do.")

_DEFAULT = "default"


@app.callback()
def _group() -> None:
    """Keep ``limits`` a command of its own, although it is the only one."""


@app.command("limits")
def limits(
    context: typer.Context,
    company: Annotated[
        int, typer.Argument(metavar="COMPANY", min=1, max=MAX_COMPANY_ID, help="The company's id.")
    ],
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help=f"Limits to give it, or NAME={_DEFAULT} for the deployment's again. Names: {', '.join(NAMES)}.",
        ),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show a company's limits, or give it limits of its own; running processes know them within five seconds.

    Example: [bold]trunkline companies limits 92 subscriptions=500 keys=default[/bold]
    """
    chosen = dict(map(_read_change, changes or ()))
    view = run(_limits(load_settings(context, config), company, chosen))
    if as_json:
        show_json(view)
        return
    own = view["own_limits"]
    rows = [
        [name, str(value), "its own" if name in own else "the deployment's"]
        for name, value in view["limits"].items()
    ]
    show_table(["limit", "value", "from"], rows)


def _read_change(argument: str) -> tuple[str, int | None]:
    name, _, value = argument.partition("=")
    if name not in NAMES:
        msg = f"'{name}' is not a limit; the limits are {', '.join(NAMES)}"
        raise typer.BadParameter(msg)
    if value == _DEFAULT:
        return name, None
    if not (value.isascii() and value.isdigit()):
        msg = f"'{argument}': write {name}=NUMBER, or {name}={_DEFAULT}"
        raise typer.BadParameter(msg)
    return name, int(value)


async def _limits(settings: Settings, company_id: int, changes: dict[str, int | None]) -> dict[str, Any]:
    async with opening.opened(settings) as hub:
        if changes:
            return await hub.company_limits.change(company_id, changes)
        return await hub.company_limits.view(company_id)
