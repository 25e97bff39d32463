"""A plugin's migrations, step by step."""

import functools
import itertools
from collections.abc import Sequence

import pytest

from trunkline.errors import TrunklineError
from trunkline.store import revisions
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, check, demand, fail
from trunkline_kit.databases import Databases
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.migration_trial import Snapshot, Trial, Trials
from trunkline_kit.suites.suite import Suite


class MigrationSuite(Suite):
    """The base of the migration checks: it opens databases and fills tables."""

    @pytest.fixture
    def trials(
        self,
        trunkline_plugin: InspectedPlugin,
        trunkline_databases: Databases,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Trials:
        """Provide empty databases on both engines for the plugin's migrations."""
        try:
            histories = trunkline_plugin.hub.histories()
        except (TrunklineError, ImportError) as error:
            fail(f"the migrations of '{self.name}' cannot be found: {error}")
        demand(
            histories,
            f"'{self.name}' gives no migrations; implement register_migrations, or leave this suite out",
        )
        return Trials(trunkline_databases, tmp_path_factory.mktemp("migrations"), self.name, histories)

    async def fill(self, trial: Trial) -> None:
        """Put rows into the plugin's tables. Override it if generated values break a constraint."""
        await trial.fill()


class StepChecks(MigrationSuite):
    """Checks of upgrades and downgrades."""

    @check("migrations.are-one-line", level=LOADS)
    def test_are_one_line(self, trials: Trials) -> None:
        """The revisions are in the folder that the plugin names, and form one line with one head."""
        for history in trials.histories:
            try:
                line = revisions.read(history.folder)
            except ValueError as error:
                fail(str(error))
            demand(line, f"there is no revision in {history.folder}; ship the folder with the package")

    @check("migrations.go-up-on-an-empty-database", level=LOADS)
    async def test_go_up_on_an_empty_database(self, trials: Trials) -> None:
        """On both engines, an empty database gets all tables."""

        async def verify(trial: Trial) -> None:
            await trial.up()
            own = [name for name in await trial.tables() if trial.is_own(name)]
            demand(
                own,
                f"on {trial.engine}, the migrations make no table whose name begins with '{trial.plugin}_'",
            )

        await trials.on_each(verify)

    @check("migrations.tables-carry-the-name", level=DELIVERS)
    async def test_tables_carry_the_name(self, trials: Trials) -> None:
        """The name of every table that the migrations make begins with the plugin's name."""

        async def verify(trial: Trial) -> None:
            await trial.core_up()
            before = await trial.tables()
            await trial.up()
            added = await trial.tables() - before - {trial.history.version_table}
            foreign = sorted(name for name in added if not trial.is_own(name))
            demand(
                not foreign,
                f"the table '{_first(foreign)}' does not begin with '{trial.plugin}_', and may clash with another plugin's",
            )

        await trials.on_each(verify)

    @check("migrations.indexes-carry-the-name", level=COMPLETE)
    async def test_indexes_carry_the_name(self, trials: Trials) -> None:
        """The name of every index contains the plugin's name, because the indexes of a database share one namespace."""

        async def verify(trial: Trial) -> None:
            await trial.up()
            for table, facts in (await trial.snapshot(own=True)).items():
                for name, _, _ in facts["indexes"]:
                    demand(
                        trial.plugin in name,
                        f"the index '{name}' of {table} does not have '{trial.plugin}' in its name",
                    )

        await trials.on_each(verify)

    @check("migrations.leave-the-hub-alone", level=DELIVERS)
    async def test_leave_the_hub_alone(self, trials: Trials) -> None:
        """Upgrades and downgrades change only the plugin's tables."""

        async def verify(trial: Trial) -> None:
            await trial.core_up()
            before = await trial.snapshot(own=False)
            for way, go in (("up", trial.up), ("down", trial.down)):
                await go()
                after = await trial.snapshot(own=False)
                after.pop(trial.history.version_table, None)
                _demand_same(before, after, f"on {trial.engine}, going {way}")

        await trials.on_each(verify)

    @check("migrations.go-down-to-nothing", level=COMPLETE)
    async def test_go_down_to_nothing(self, trials: Trials) -> None:
        """A downgrade to the base removes every table of the plugin, so that the plugin can be removed completely."""

        async def verify(trial: Trial) -> None:
            await trial.up()
            await self.fill(trial)
            await trial.down()
            left = sorted(name for name in await trial.tables() if trial.is_own(name))
            demand(
                not left,
                f"on {trial.engine}, '{_first(left)}' is still there after going down to the base; drop it in downgrade",
            )

        await trials.on_each(verify)

    @check("migrations.go-up-again", level=COMPLETE)
    async def test_go_up_again(self, trials: Trials) -> None:
        """An upgrade after a downgrade makes the same tables again."""

        async def verify(trial: Trial) -> None:
            await trial.up()
            before = await trial.snapshot(own=True)
            await trial.down()
            await trial.up()
            what = f"on {trial.engine}, going down and up again"
            _demand_same(before, await trial.snapshot(own=True), what)

        await trials.on_each(verify)

    @check("migrations.each-step-goes-back", level=COMPLETE)
    async def test_each_step_goes_back(self, trials: Trials) -> None:
        """Each revision's downgrade restores exactly the state before its upgrade."""

        async def verify(trial: Trial) -> None:
            await trial.core_up()
            for earlier, revision in itertools.pairwise(["base", *trials.revisions]):
                before = await trial.snapshot(own=True)
                await trial.up(revision)
                await trial.down(earlier)
                what = f"on {trial.engine}, going up to {revision} and back"
                _demand_same(before, await trial.snapshot(own=True), what)
                await trial.up(revision)

        await trials.on_each(verify)

    @check("migrations.keep-what-is-there", level=COMPLETE)
    async def test_keep_what_is_there(self, trials: Trials) -> None:
        """Rows that a table had at any revision still exist at the newest revision."""

        async def verify(trial: Trial, revision: str) -> None:
            await trial.up(revision)
            await self.fill(trial)
            before = await trial.rows()
            await trial.up()
            after = await trial.rows()
            lost = sorted(name for name, count in before.items() if name in after and after[name] < count)
            demand(
                not lost,
                f"on {trial.engine}, going up from {revision} loses rows of '{_first(lost)}'; carry them over",
            )

        for revision in trials.revisions:
            await trials.on_each(functools.partial(verify, revision=revision))


def _demand_same(before: Snapshot, after: Snapshot, what: str) -> None:
    for name in sorted(before.keys() | after.keys()):
        demand(name in after, f"{what} removes the table '{name}'")
        demand(name in before, f"{what} leaves the table '{name}', which was not there")
        for part, facts in before[name].items():
            changed = f"{part} {facts} become {after[name][part]}"
            demand(facts == after[name][part], f"{what} changes the table '{name}': {changed}")


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""
