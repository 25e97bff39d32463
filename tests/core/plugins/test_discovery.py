"""Discovery reads only metadata."""

import sys

from trunkline import plugins


def write_metadata(folder, name, *, entries, requires=()):
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0"]
    lines += [f"Requires-Dist: {line}" for line in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "entry_points.txt").write_text("[trunkline]\n" + "\n".join(entries) + "\n")


def test_lists_each_declared_plugin_with_its_distribution_and_range(installed):
    candidates = {candidate.name: candidate for candidate in plugins.discover(path=[str(installed)])}
    assert candidates["good"] == plugins.Candidate(
        name="good", module="acme_good.good", distribution="acme-good", version="1.2", requires="<99,>=0.1"
    )
    assert candidates["broken"].requires == ""
    assert candidates["rangeless"].requires is None


def test_imports_nothing(installed):
    plugins.discover(path=[str(installed)])
    assert not [name for name in sys.modules if name.startswith("acme_")]


def test_lists_both_claims_to_one_name(installed):
    claims = [candidate for candidate in plugins.discover(path=[str(installed)]) if candidate.name == "twin"]
    assert [claim.distribution for claim in claims] == ["acme-twin-one", "acme-twin-two"]


def test_finds_the_built_in_plugins_on_the_default_path():
    candidates = {candidate.name: candidate.distribution for candidate in plugins.discover()}
    assert candidates["webhooks"] == candidates["polling"] == "trunkline"


def test_ignores_other_groups(installed):
    assert plugins.discover("something.else", path=[str(installed)]) == []


def test_a_range_under_an_extra_is_not_the_plugins_range(tmp_path):
    requires = [
        'trunkline>=9; extra == "dev"',
        "trunkline>=0.1",
        "Trunkline<2",
        "no range at all ((",
        "other>1",
    ]
    write_metadata(tmp_path, "acme", entries=["acme = acme"], requires=requires)
    assert plugins.discover(path=[str(tmp_path)])[0].requires == ">=0.1,<2"


def test_a_distribution_that_is_on_the_path_twice_counts_once(tmp_path):
    for folder in ("first", "second"):
        write_metadata(tmp_path / folder, "acme", entries=["acme = acme"])
    path = [str(tmp_path / "first"), str(tmp_path / "second")]
    assert [candidate.name for candidate in plugins.discover(path=path)] == ["acme"]
