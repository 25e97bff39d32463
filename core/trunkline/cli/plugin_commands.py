"""``run``: commands added by plugins (``register_commands``), each with a hub that neither serves nor delivers."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from trunkline import plugins
from trunkline.cli import opening
from trunkline.cli.loop import run, shape
from trunkline.cli.output import REFUSED, warn
from trunkline.cli.parameters import chosen_config
from trunkline.cli.streams import require_output
from trunkline.contract import Command
from trunkline.errors import TrunklineError
from trunkline.plugins.calls import describe_error
from trunkline.settings import Settings, load


class PluginGroups(TyperGroup):
    """A group for each plugin with commands; plugins are only imported if one is named, or for help."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Name the plugins with commands."""
        return sorted(_commands_of_all(load(chosen_config(ctx))))

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """Return the group of the plugin *cmd_name*."""
        settings = load(chosen_config(ctx))
        given = _commands_of_all(settings)
        if cmd_name not in given:
            known = ", ".join(sorted(given)) or "none does"
            warn(f"There is no plugin '{cmd_name}' that runs and gives commands; those that do: {known}")
            raise typer.Exit(REFUSED)
        group = typer.Typer(no_args_is_help=True, help=f"Commands of the plugin {cmd_name}.")
        for command in given[cmd_name]:
            group.command(command.name)(_callback(cmd_name, command, settings))
        made = typer.main.get_group(group)
        made.name = cmd_name
        return made


app = typer.Typer(cls=PluginGroups, no_args_is_help=True)


def _commands_of_all(settings: Settings) -> Mapping[str, tuple[Command, ...]]:
    registry = plugins.load(settings)
    given = {name: registry.contributions_of(name).commands for name in registry.active}
    return {name: commands for name, commands in given.items() if commands}


def _callback(plugin: str, command: Command, settings: Settings) -> Callable[..., None]:
    """Make the function for Typer, with the parameters of the command's function except the context."""
    _, *rest = inspect.signature(command.run, eval_str=True).parameters.values()

    def call(**values: Any) -> None:
        require_output()  # the answer may be a secret
        answer = run(_run(plugin, command, settings, values))
        if isinstance(answer, str):
            typer.echo(answer)

    shape(call, command.run, rest)
    return call


async def _run(plugin: str, command: Command, settings: Settings, values: Mapping[str, Any]) -> object:
    async with opening.opened(settings) as hub:
        try:
            answer = command.run(hub.registry.context(plugin), **values)
            return await answer if inspect.isawaitable(answer) else answer
        except (TrunklineError, typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 - a command of a plugin: any error ends it with a sentence
            warn(f"The command '{command.name}' of plugin '{plugin}' failed: {describe_error(error)}")
            raise typer.Exit(REFUSED) from None
