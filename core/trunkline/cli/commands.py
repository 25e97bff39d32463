"""The commands: the module of each, and its line in ``trunkline --help``.

A module is imported when one of its commands, or its help, is used.
"""

import pkgutil
from collections.abc import Mapping
from typing import Any

import typer
from msgspec import Struct
from typer.core import TyperCommand, TyperGroup

from trunkline.cli.output import CANNOT_START, REFUSED, warn
from trunkline.errors import (
    DatabaseUnfit,
    PluginFailed,
    Refused,
    SchemaInvalid,
    SettingsInvalid,
    StoreUnavailable,
    TrunklineError,
    WritesRefused,
)

_CANNOT_START = (DatabaseUnfit, SettingsInvalid, PluginFailed, SchemaInvalid, StoreUnavailable)


class Source(Struct, frozen=True):
    """The *place* of a command, ``MODULE:NAME`` of a function or a Typer application, and the first paragraph of its help.

    An application that has no help of its own gets the *summary* as its help.
    """

    place: str
    summary: str


_TABLE = """
init           trunkline_kit.beginning.command:init     Set up a hub for your own product: settings, schemas, secrets and a compose file. Prompts for what you leave out.
serve          trunkline.cli.serving:serve              Serve the API and deliver events. The database is migrated first.
dev            trunkline_kit.developing:dev             Serve a hub for writing a plugin: it loads the plugin's file, uses plain HTTP, and delivers to this machine too.
worker         trunkline.cli.serving:worker             Deliver events, without an API. Any number of workers may run, on any number of machines (PostgreSQL).
migrate        trunkline.cli.migrating:migrate_command  Migrate the database, and list the migrations that ran.
backup         trunkline.cli.backup:backup              Copy an SQLite database and its secrets to FILE. A hub may run meanwhile.
restore        trunkline.cli.backup:restore             Replace the SQLite database with a backup; the hub must be stopped.
log            trunkline.cli.log:app                    Move the log past ids that were lost in a restore.
clock          trunkline.cli.clock:app                  Confirm that the database's clock is right, after it has jumped forward.
demo           trunkline_kit.demo.stage:demo            Show the hub at work: every event type accepted, pushed, verified, retried and polled, in a few seconds.
status         trunkline.cli.status:show_status         Show the state of the deployment: the log, its readers and their lag, deliveries, retries, replays.
replay         trunkline.cli.replay:replay              Send a range of events to one subscription again; a running hub or worker delivers them.
doctor         trunkline.cli.doctor.command:doctor      Examine the hub, or the receiver at a URL.
plugins        trunkline.cli.plugins:app                List every plugin that was found: active, disabled, or failed and why.
run            trunkline.cli.plugin_commands:app        Run a command of a plugin: trunkline run PLUGIN NAME.
new            trunkline_kit.scaffold.command:app       Make your own event type, action, search or plugin, or a badge for a plugin.
audit          trunkline.cli.audit:show_audit           List changes, newest first, each with its author, time and address.
keys           trunkline.cli.keys:app                   Make, list, rotate and revoke API keys.
secrets        trunkline.cli.secrets:app                Check and replace the pepper and the encryption key. Processes may run meanwhile.
companies      trunkline.cli.companies:app              Make, list, show and delete companies, and set their limits.
consumers      trunkline.cli.consumers:app              List, show, make, move and delete named consumers of events.
subscriptions  trunkline.cli.subscriptions:app          Make, list, show, change, try and delete subscriptions.
replays        trunkline.cli.replays:app                List, show and cancel replays; `trunkline replay` starts them.
deliveries     trunkline.cli.deliveries:app             List, show, retry and skip deliveries.
events         trunkline.cli.events:app                 Emit, watch, show and explain events.
listen         trunkline.cli.listening:listen           Show a company's events as they are accepted, and forward them to a program on this machine.
quarantine     trunkline.cli.quarantine:app             List the events that break their schema, and release or delete them.
schemas        trunkline.cli.schemas:app                Check the schemas of event types, actions, searches and lookups.
export         trunkline.cli.documents:app              Write descriptions of this deployment, and connectors for platforms, to files.
"""
COMMANDS: Mapping[str, Source] = {
    name: Source(place, summary)
    for name, place, summary in (line.split(maxsplit=2) for line in _TABLE.strip().splitlines())
}
"""The commands in the order of ``trunkline --help``."""
KIT = "trunkline_kit"
"""The package with the commands for development; it belongs to another distribution."""


class ListedCommand(TyperCommand):
    """A command as shown in lists, before its module is imported."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, help=source.summary)
        self._source = source

    def load(self) -> Any:
        """Load the module and give the command itself: a ``TyperCommand``, or a ``TyperGroup``."""
        target = pkgutil.resolve_name(self._source.place)
        parent = typer.Typer()
        if isinstance(target, typer.Typer):
            parent.add_typer(target, name=self.name)
        else:
            parent.command(self.name)(target)
        (command,) = typer.main.get_group(parent).commands.values()
        command.help = command.help or self.help
        return command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Load the command, and make the context in which it runs, or shows its help."""
        try:
            command = self.load()
        except ModuleNotFoundError as error:
            if error.name != KIT:
                raise
            path = f"{parent.command_path} {info_name}"
            warn(f"'{path}' comes with the conformance kit: pip install trunkline-kit")
            raise typer.Exit(CANNOT_START) from None
        return command.make_context(info_name, args, parent, **extra)


def load_all(group: TyperGroup) -> None:
    """Load every command of *group* and of the groups in it, for the reference and tests."""
    for command in list(group.commands.values()):
        loaded = command.load() if isinstance(command, ListedCommand) else command
        group.add_command(loaded)
        if isinstance(loaded, TyperGroup):
            load_all(loaded)


class Commands(TyperGroup):
    """The group of all commands; it converts the hub's errors to a sentence and an exit code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, source in COMMANDS.items():
            self.add_command(ListedCommand(name, source))

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command that *ctx* names."""
        try:
            return super().invoke(ctx)
        except Refused as error:
            warn(f"{error.title}:" if error.errors else error.detail)
            for fault in error.errors:
                warn(f"  {fault.path or 'the whole'} {fault.message}")
            raise typer.Exit(REFUSED) from None
        except TrunklineError as error:
            known = isinstance(error, _CANNOT_START)
            is_silent = isinstance(error, StoreUnavailable) and not isinstance(error, WritesRefused)
            prefix = "The database does not answer: " if is_silent else ""
            warn(f"{prefix}{error}")
            raise typer.Exit(CANNOT_START if known else REFUSED) from None
