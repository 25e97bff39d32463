"""Checks of a plugin's distribution, and of the side effects of importing it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from trunkline.plugins.admission import NAME
from trunkline.version import __version__
from trunkline_kit import import_probe
from trunkline_kit.checks import COMPLETE, LOADS, check, demand, not_applicable
from trunkline_kit.import_probe import Imported
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.suites.suite import Suite

IMPORT_SECONDS = 2.0
PUBLIC_MODULES = {"trunkline", "trunkline.pages", "trunkline.routes", "trunkline.testing"}


class PackageChecks(Suite):
    """The distribution's metadata, and the import."""

    @pytest.fixture
    def imported(self, trunkline_plugin: InspectedPlugin) -> Imported:
        """Import the plugin in a new process, once for all checks."""
        if "imported" not in trunkline_plugin.memo:
            if not trunkline_plugin.files:
                not_applicable("the module was made in memory, and no file can be imported")
            trunkline_plugin.memo["imported"] = import_probe.run(trunkline_plugin.candidate.module)
        imported: Imported = trunkline_plugin.memo["imported"]
        return imported

    @check("plugin.has-a-usable-name", level=LOADS)
    def test_has_a_usable_name(self, trunkline_plugin: InspectedPlugin) -> None:
        """One installed distribution declares the plugin, under a name that is valid in settings, tables and addresses."""
        name = trunkline_plugin.candidate.name
        demand(
            NAME.fullmatch(name),
            f"the entry point is named '{name}'; use at most 32 lower-case letters, digits and underscores, a letter first",
        )

    @check("plugin.declares-a-range", level=LOADS)
    def test_declares_a_range(self, trunkline_plugin: InspectedPlugin) -> None:
        """The distribution declares a range of versions of trunkline, and this version is in the range."""
        candidate = trunkline_plugin.candidate
        if trunkline_plugin.is_built_in:
            not_applicable("it comes with trunkline itself")
        demand(
            candidate.requires,
            f"{candidate.distribution} depends on no version range of trunkline; add trunkline>={__version__},<1 to its dependencies",
        )
        demand(
            SpecifierSet(candidate.requires or "").contains(__version__, prereleases=True),
            f"{candidate.distribution} needs trunkline {candidate.requires}, which leaves out this version, {__version__}",
        )

    @check("plugin.range-ends", level=COMPLETE)
    def test_range_ends(self, trunkline_plugin: InspectedPlugin) -> None:
        """The range excludes versions of trunkline that may break the hook API."""
        if trunkline_plugin.is_built_in:
            not_applicable("it comes with trunkline itself")
        far = Version(f"{Version(__version__).major + 5}.0")
        specifier = SpecifierSet(trunkline_plugin.candidate.requires or "")
        demand(
            not specifier.contains(far),
            f"the range '{specifier}' takes in trunkline {far}, which nobody can know; end it, as in trunkline>={__version__},<1",
        )

    @check("plugin.distribution-is-described", level=COMPLETE)
    def test_distribution_is_described(self, trunkline_plugin: InspectedPlugin) -> None:
        """The distribution has a version and a summary."""
        metadata = trunkline_plugin.distribution.metadata.json
        for key in ("Version", "Summary"):
            demand(
                str(metadata.get(key.lower(), "")).strip(),
                f"{trunkline_plugin.candidate.distribution} has no {key.lower()} in its metadata; give it one in pyproject.toml",
            )

    @check("plugin.is-typed", level=COMPLETE)
    def test_is_typed(self, trunkline_plugin: InspectedPlugin) -> None:
        """A package ships py.typed, so that its users' type checkers read its types."""
        files = trunkline_plugin.files
        if not files:
            not_applicable("the module was made in memory")
        root = next((file.parent for file in files if file.name == "__init__.py"), None)
        if root is None:
            not_applicable("it is a single module, which has no place for py.typed")
        demand(
            (root / "py.typed").is_file(),
            f"the package {root.name} has no py.typed; add an empty file of that name",
        )

    @check("plugin.uses-the-public-api", level=COMPLETE)
    def test_uses_the_public_api(self, trunkline_plugin: InspectedPlugin) -> None:
        """The plugin imports from trunkline, trunkline.pages, trunkline.routes and trunkline.testing, and from no other module."""
        for file in trunkline_plugin.files:
            deeper = sorted(set(_imported_from_hub(file)) - PUBLIC_MODULES)
            demand(
                not deeper,
                f"{file.name} imports {', '.join(deeper)}; what is not in the public modules may change at any time",
            )

    @check("plugin.imports-without-network", level=LOADS)
    def test_imports_without_network(self, imported: Imported) -> None:
        """Importing the plugin opens no connection and looks up no name."""
        _demand_none(imported, "network", "do that in lifespan or when it is needed")

    @check("plugin.imports-without-writing", level=LOADS)
    def test_imports_without_writing(self, imported: Imported) -> None:
        """Importing the plugin writes, moves and removes no file, and opens no database."""
        _demand_none(imported, "file", "do that in lifespan")
        _demand_none(imported, "database", "use context.database")

    @check("plugin.imports-without-processes", level=LOADS)
    def test_imports_without_processes(self, imported: Imported) -> None:
        """Importing the plugin starts no thread and no process."""
        _demand_none(imported, "process", "do that in lifespan")
        _demand_none(imported, "thread", "do that in lifespan")
        demand(
            not imported.threads,
            f"importing the plugin leaves the threads {', '.join(imported.threads)} running; start them in lifespan",
        )

    @check("plugin.imports-without-patching", level=COMPLETE)
    def test_imports_without_patching(self, imported: Imported) -> None:
        """Importing the plugin leaves the process as it was: environment, logging, signals, warnings."""
        demand(
            not imported.changed,
            f"importing the plugin changes {', '.join(imported.changed)}, which everybody in the process shares; leave it alone",
        )

    @check("plugin.imports-quickly", level=COMPLETE)
    def test_imports_quickly(self, imported: Imported) -> None:
        """Importing the plugin takes less than two seconds in addition to trunkline."""
        demand(
            imported.cpu_seconds < IMPORT_SECONDS and imported.idle_seconds < 10 * IMPORT_SECONDS,
            f"importing the plugin takes {max(imported.cpu_seconds, imported.idle_seconds):.1f} s; import what is heavy later",
        )


def _demand_none(imported: Imported, kind: str, advice: str) -> None:
    effects = [text for effect_kind, text in imported.effects if effect_kind == kind]
    demand(not effects, f"importing the plugin does {effects[0] if effects else ''}; {advice}")


def _imported_from_hub(file: Path) -> Iterator[str]:
    """Yield the names of trunkline's modules that *file* imports at run time, not only for type checkers."""
    tree = ast.parse(file.read_text(encoding="utf-8"), file.name)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if _is_hub(alias.name))
            case ast.ImportFrom(module=str(module), level=0) if _is_hub(module):
                yield module
            case _:
                pass


def _is_hub(module: str) -> bool:
    return module.partition(".")[0] == "trunkline"
