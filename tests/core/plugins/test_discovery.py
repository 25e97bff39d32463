"""Discovery reads only metadata."""

import sys
from pathlib import Path

from trunkline import plugins


def write_metadata(folder, *requires):
    info = folder / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: acme\nVersion: 1.0\n{lines}")
    (info / "entry_points.txt").write_text("[trunkline]\nacme = acme\n")


def test_lists_each_declared_plugin_with_its_distribution_and_range_and_imports_none(installed):
    candidates = {candidate.name: candidate for candidate in plugins.discover(path=[str(installed)])}
    assert candidates["good"] == plugins.Candidate(
        name="good", module="acme_good.good", distribution="acme-good", version="1.2", requires="<99,>=0.1"
    )
    assert candidates["broken"].requires == ""
    assert candidates["rangeless"].requires is None
    assert not [name for name in sys.modules if name.startswith("acme_")]


def test_finds_the_built_in_plugins_on_the_default_path():
    candidates = {candidate.name: candidate.distribution for candidate in plugins.discover()}
    assert candidates["webhooks"] == candidates["polling"] == "trunkline"


def test_ignores_other_groups(installed):
    assert plugins.discover("something.else", path=[str(installed)]) == []


def test_a_range_under_an_extra_is_not_the_plugins_range(tmp_path):
    of_an_extra = 'trunkline>=9; extra == "dev"'
    write_metadata(tmp_path, of_an_extra, "trunkline>=0.1", "Trunkline<2", "no range at all ((", "other>1")
    assert plugins.discover(path=[str(tmp_path)])[0].requires == ">=0.1,<2"


def test_a_distribution_that_is_on_the_path_twice_counts_once(tmp_path):
    path = [str(tmp_path / "first"), str(tmp_path / "second")]
    for folder in path:
        write_metadata(Path(folder))
    assert [candidate.name for candidate in plugins.discover(path=path)] == ["acme"]
