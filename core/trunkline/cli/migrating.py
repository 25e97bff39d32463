"""``migrate``: migrate the database, or show the plan of the migration."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from trunkline.cli import opening
from trunkline.cli.connecting import explained
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson
from trunkline.cli.output import show_json, show_table, span
from trunkline.cli.parameters import Config
from trunkline.errors import PluginFailed
from trunkline.settings import Settings, load
from trunkline.store import migrate
from trunkline.store.database import embedded_file

if TYPE_CHECKING:
    from trunkline.store.migration_plan import PlannedStep

_UP_TO_DATE = "The database is up to date; nothing {}to be done."
_NEW = "There is nothing of a hub in the database yet: 'trunkline migrate' makes all of it at once, and nobody waits for that."


def migrate_command(
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="Only show what each step would lock, and for about how long; change nothing."
        ),
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Migrate the database, and list the migrations that ran.

    Hubs may run meanwhile. If a migration is interrupted, the next call continues it.

    Example: [bold]trunkline migrate --plan[/bold]
    """
    settings = load(config)
    if plan:
        is_new, steps = run(_plan(settings))
        if as_json:
            show_json({"is_new": is_new, "steps": to_builtins(steps)})
        elif is_new:
            typer.echo(_NEW)
        elif not steps:
            typer.echo(_UP_TO_DATE.format(""))
        else:
            _show_steps(steps)
        return
    if as_json:
        msg = "'--json' goes with '--plan'"
        raise typer.BadParameter(msg)
    for line in run(migrate_database(settings)):
        typer.echo(line)


async def migrate_database(settings: Settings) -> list[str]:
    """Migrate the database; returns a line for each history, with the revisions applied.

    Raises:
        PluginFailed: a plugin's migrations cannot be applied; all other migrations were.
    """
    hub = opening.inspected(settings)
    async with explained(settings), hub.engines as database:
        await database.check_pooler()
        failed: PluginFailed | None = None
        while True:
            try:
                before = await migrate.upgrade(database, hub.histories(), shards=settings.delivery.shards)
                break
            except PluginFailed as failure:
                failed = failed or failure
                hub.registry.refuse(failure)
    if failed:
        raise failed
    applied = [
        f"{state.history}: {state.current or 'nothing'} → {state.newest}"
        for state in before
        if state.is_behind
    ]
    return applied or [_UP_TO_DATE.format("was ")]


async def _plan(settings: Settings) -> "tuple[bool, Sequence[PlannedStep]]":
    """Return whether the database is new, and the missing steps. No file is made."""
    hub = opening.inspected(settings)
    async with explained(settings), hub.engines.direct(2) as database:
        file = embedded_file(database)
        if file is not None and not file.exists():
            return True, ()
        await database.check_pooler()
        if not any(state.is_behind for state in await migrate.states(database, hub.histories())):
            return False, ()
        from trunkline.store import migration_plan  # noqa: PLC0415 - it loads alembic, which few commands need

        plan = await migration_plan.make(database, hub.histories())
        return plan.is_new, plan.steps


def _show_steps(steps: "Sequence[PlannedStep]") -> None:
    rows = [
        [
            f"{step.history} {step.revision}",
            f"{step.does}{f' ({step.rows:,} rows)' if step.rows else ''}",
            step.locks,
            _about(step.seconds),
        ]
        for step in steps
    ]
    show_table(["revision", "does", "locks", "takes about"], rows)
    known = [step for step in steps if step.seconds is not None]
    longest = max((step.stands_seconds or 0 for step in known), default=0)
    typer.echo(
        f"{len(steps)} steps, about {span(sum(step.seconds or 0 for step in known))} in all; "
        f"what others wait for is locked for about {span(longest)} at most."
    )
    if unknown := len(steps) - len(known):
        typer.echo(
            f"{unknown} of them run statements of their own: how long those take only running them tells."
        )
    typer.echo("Estimated from the sizes of the tables, at rates of another machine. Nothing was changed.")


def _about(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return span(seconds) if seconds >= 0.1 else "a moment"
