"""Every dependency is explained in the docs and pinned in ``constraints.txt``."""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.some import some

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = (ROOT / "constraints.txt").read_text().splitlines()


def declared() -> list[Requirement]:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"].values()
    extras = project["optional-dependencies"].values()
    listed = [project["dependencies"], PROJECT["build-system"]["requires"], *extras, *groups]
    return [Requirement(text) for requirements in listed for text in requirements]


def explained() -> Iterator[str]:
    """Give the packages in back ticks in the middle column of the table."""
    for line in (ROOT / "docs/explanation/dependencies.md").read_text().splitlines():
        if line.startswith("| ") and line.count(" | ") == 2:
            yield from re.findall(r"`([^`]+)`", line.split(" | ")[1])


def brought_in() -> set[str]:
    """Give all packages that the declared requirements install on this machine, directly or indirectly."""
    waiting = [requirement for requirement in declared() if applies(requirement)]
    seen = set[tuple[str, str]]()
    while waiting:
        requirement = waiting.pop()
        for extra in {"", *requirement.extras}:
            if (key := (canonicalize_name(requirement.name), extra)) not in seen:
                seen.add(key)
                needs = map(Requirement, metadata.requires(requirement.name) or [])
                waiting += [need for need in needs if applies(need, extra)]
    return {name for name, _ in seen}


def applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def test_every_declared_dependency_is_explained_and_nothing_else_is():
    assert sorted(map(canonicalize_name, explained())) == sorted(
        {canonicalize_name(requirement.name) for requirement in declared()}
    )


def test_whoever_develops_has_what_the_extras_bring():
    extras = PROJECT["project"]["optional-dependencies"].values()
    assert {text for texts in extras for text in texts} <= set(PROJECT["dependency-groups"]["dev"])


def test_every_explanation_gives_its_reason():
    rows = (ROOT / "docs/explanation/dependencies.md").read_text().splitlines()
    table = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows if row.startswith("| ")]
    assert table
    assert [row for row in table if len(row) != 3 or not all(row)] == []


def test_everything_that_gets_installed_is_pinned():
    pinned = {canonicalize_name(Requirement(line).name) for line in PINS}
    assert brought_in() - pinned == set()


def test_each_pin_names_one_exact_version_and_no_address():
    exact = re.compile(r"[a-z0-9-]+==[a-z0-9.!+]+( ; [^/@]+)?")
    assert [line for line in PINS if not exact.fullmatch(line)] == []


def test_each_pin_lies_in_the_range_that_is_declared():
    ranges = {canonicalize_name(requirement.name): requirement.specifier for requirement in declared()}
    for pin in some(map(Requirement, PINS)):
        (version,) = (specifier.version for specifier in pin.specifier)
        assert version in ranges.get(canonicalize_name(pin.name), pin.specifier), pin


@pytest.mark.parametrize("name", ["aiosqlite", "uvicorn"])
def test_a_library_whose_internals_are_used_is_bounded_by_the_version_that_is_tried(name):
    """``make oldest-dependencies`` tests the oldest version, all other tests the pinned one, of the newest allowed minor version."""
    (requirement,) = (one for one in declared() if one.name == name)
    (pin,) = (Requirement(line) for line in PINS if Requirement(line).name == name)
    (version,) = (specifier.version for specifier in pin.specifier)
    major, minor, *_ = map(int, version.split("."))
    assert f"{major}.{minor}.999" in requirement.specifier
    assert f"{major}.{minor + 1}" not in requirement.specifier
