"""MigrationsConformance: checks of a plugin's migrations, which change a database that the hub uses too."""

import asyncio
import contextlib
from typing import Any, ClassVar

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from trunkline.store import migrate
from trunkline.store.database import embedded_file
from trunkline_kit import migration_probe
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, not_applicable
from trunkline_kit.databases import ENGINES, Databases
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.migration_trial import Snapshot, Trial, Trials
from trunkline_kit.suites.migrations_steps import StepChecks


class MigrationsConformance(StepChecks):
    """Judges the migrations of a plugin. Subclass it, and name the plugin.

    *metadata* has the tables declared by the plugin's code, if any.

    ::

        class TestAcmeMigrations(MigrationsConformance):
            plugin = "acme"
            metadata = trunkline_acme.tables.metadata
    """

    metadata: ClassVar[MetaData | None] = None

    @check("migrations.make-what-the-code-declares", level=COMPLETE)
    async def test_make_what_the_code_declares(self, trials: Trials) -> None:
        """The tables after migrating are equal to the tables that the plugin's code declares, column by column."""
        declared = self.metadata
        if declared is None:
            not_applicable("the suite names no metadata")

        async def verify(trial: Trial) -> None:
            await trial.up()

            def is_own(name: str | None, kind: str, _: object) -> bool:
                return kind != "table" or trial.is_own(str(name))

            def compare(connection: sqlalchemy.Connection) -> list[Any]:
                version_table = trial.history.version_table
                options = {"version_table": version_table, "compare_type": True, "include_name": is_own}
                return list(compare_metadata(MigrationContext.configure(connection, opts=options), declared))

            async with trial.database.engine.connect() as connection:
                differences = await connection.run_sync(compare)
            demand(
                not differences,
                f"on {trial.engine}, the code declares other tables than the migrations make: {differences[:1]}",
            )

        await trials.on_each(verify)

    @check("migrations.agree-on-both-engines", level=COMPLETE)
    async def test_agree_on_both_engines(self, trials: Trials) -> None:
        """SQLite and PostgreSQL get the same tables, columns and indexes."""
        shapes: dict[str, dict[str, Any]] = {}

        async def verify(trial: Trial) -> None:
            await trial.up()
            shapes[trial.engine] = {
                name: {
                    "columns": {column: nullable for column, (_, nullable) in facts["columns"].items()},
                    "indexes": facts["indexes"],
                }
                for name, facts in (await trial.snapshot(own=True)).items()
            }

        await trials.on_each(verify)
        first, second = (shapes[engine] for engine in ENGINES)
        different = sorted(
            name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
        )
        demand(
            not different,
            f"the table '{different[0] if different else ''}' is another on PostgreSQL than on SQLite; make both in one revision",
        )

    @check("migrations.go-up-on-a-used-database", level=DELIVERS)
    async def test_go_up_on_a_used_database(self, trunkline_hub: MakeTestHub) -> None:
        """A plugin that is added to a hub in use gets its tables, and none of the hub's tables changes."""
        for engine in ENGINES:
            before = await trunkline_hub(plugins=["webhooks"], database=engine, dispatch=False)
            event = await before.emit(before.events.types[0])
            await before.stop()
            after = await self.start(trunkline_hub, beside=["webhooks"], url=before.url, dispatch=False)
            body = await after.hub.streaming.get(92, event.event_id)
            demand(
                body == event.body,
                f"on {engine}, an event has changed since '{self.name}' was added; leave the hub's tables alone",
            )
            await after.stop()

    @check("migrations.have-their-own-history", level=DELIVERS)
    async def test_have_their_own_history(self, trials: Trials) -> None:
        """The plugin's revision is stored in the plugin's own version table, and is the newest revision."""

        async def verify(trial: Trial) -> None:
            await trial.up()
            core, own = await migrate.states(trial.database, trial.histories[:1])
            demand(
                core.current == core.newest,
                f"on {trial.engine}, the hub's own history is at {core.current} instead of {core.newest}",
            )
            demand(
                own.current == own.newest,
                f"on {trial.engine}, {trial.history.version_table} is at {own.current} instead of {own.newest}; leave that table to the hub",
            )

        await trials.on_each(verify)

    @check("migrations.run-once-when-two-start", level=DELIVERS)
    async def test_run_once_when_two_start(self, trials: Trials, trunkline_databases: Databases) -> None:
        """If two processes start at once on an empty database, it is migrated once, and both processes continue."""
        async with contextlib.AsyncExitStack() as stack:
            urls = [
                await trunkline_databases.empty(engine, folder=trials.folder, stack=stack)
                for engine in ENGINES
            ]
            ends = await asyncio.gather(*(migration_probe.run(urls, self._settings) for _ in range(2)))
            for code, words in ends:
                demand(
                    code == 0,
                    f"of two processes that migrate at once, one fails: {words}; let the hub begin and end the transaction",
                )

    @check("migrations.survive-a-crash", level=DELIVERS)
    async def test_survive_a_crash(self, trials: Trials) -> None:
        """If a process dies during a migration, it leaves no table behind, and the next process can migrate."""

        async def verify(trial: Trial) -> None:
            code, words = await migration_probe.run([trial.url], self._settings, crash_after=2)
            demand(
                code == migration_probe.CRASHED,
                f"on {trial.engine}, a process that migrates ends with {words}",
            )
            left = sorted(name for name in await trial.tables() if trial.is_own(name))
            demand(
                not left,
                f"on {trial.engine}, a crash leaves the table '{left[0] if left else ''}' half-way; never commit in a revision",
            )
            await trial.up()

        await trials.on_each(verify)

    @check("migrations.survive-uninstalling", level=COMPLETE)
    async def test_survive_uninstalling(self, trunkline_hub: MakeTestHub, trials: Trials) -> None:
        """A hub without the plugin works and keeps the plugin's tables, and the plugin can be installed again."""

        async def verify(trial: Trial) -> None:
            await trial.up()
            await self.fill(trial)
            before = await _contents(trial)
            without = await trunkline_hub(plugins=["webhooks"], url=trial.url, dispatch=False)
            await without.emit(without.events.types[0])
            await without.stop()
            demand(
                await _contents(trial) == before,
                f"on {trial.engine}, the tables have changed while '{self.name}' was not installed",
            )
            again = await self.start(trunkline_hub, url=trial.url, dispatch=False)
            await again.stop()
            after = await _contents(trial)
            lost = sorted(name for name in before if name not in after or after[name][1] < before[name][1])
            demand(
                not lost,
                f"on {trial.engine}, '{lost[0] if lost else ''}' lost rows when '{self.name}' came back",
            )

        await trials.on_each(verify)

    @check("migrations.only-change-tables", level=COMPLETE)
    async def test_only_change_tables(self, trials: Trials, trunkline_plugin: InspectedPlugin) -> None:
        """Migrating changes only the database: it uses no network, no file and no process."""

        async def verify(trial: Trial) -> None:
            await trial.core_up()
            with trunkline_plugin.watch.watching() as effects:
                await trial.up()
            told = [str(effect) for effect in effects if effect.kind in {"network", "file", "process"}]
            database = str(embedded_file(trial.database))  # a step with its own connection opens it again
            stray = [effect for effect in told if database not in effect]
            demand(
                not stray,
                f"migrating does {stray[0] if stray else ''}, which no rollback takes back; do that in lifespan",
            )

        await trials.on_one("sqlite", verify)

    @check("migrations.work-on-both-engines", level=DELIVERS)
    async def test_work_on_both_engines(self, trunkline_hub: MakeTestHub) -> None:
        """A hub with the plugin starts and accepts events on both engines, without an error."""
        for engine in ENGINES:
            hub = await self.start(trunkline_hub, database=engine, dispatch=False)
            await hub.emit(hub.events.types[0])
            await hub.stop()
            own = f"trunkline.plugins.{self.name}"
            wrong = [
                record.getMessage()
                for record in hub.log.records
                if record.name.startswith(own) and record.levelname == "ERROR"
            ]
            demand(not wrong, f"on {engine}, '{self.name}' goes wrong: {wrong[0] if wrong else ''}")

    @property
    def _settings(self) -> dict[str, str]:
        return {**self.settings, "plugins.enabled": self.name}


async def _contents(trial: Trial) -> dict[str, tuple[Snapshot, int]]:
    shapes, rows = await trial.snapshot(own=True), await trial.rows()
    return {name: (facts, rows[name]) for name, facts in shapes.items()}
