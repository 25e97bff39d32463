"""Entry points equal those of ``importlib.metadata``, and a new distribution is found."""

import os
from importlib import metadata

import pytest

from trunkline.schemas import entry_points

AN_HOUR_AGO = 1_700_000_000


def install(folder, name: str, group: str = "trunkline.schemas") -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}_module\n")


def names_in(folder, group: str = "trunkline.schemas") -> list[str]:
    return [distribution.name for distribution in entry_points.declaring(group, path=[str(folder)])]


@pytest.fixture
def settled(tmp_path):
    """Make a folder with a distribution that was installed long ago and read since."""
    install(tmp_path, "acme")
    os.utime(tmp_path, (AN_HOUR_AGO, AN_HOUR_AGO))
    assert names_in(tmp_path) == ["acme"]
    return tmp_path


@pytest.mark.parametrize("group", ["trunkline", "trunkline.schemas", "pytest11", "no.such.group"])
def test_they_are_those_of_the_standard_library(group):
    ours = {(entry.name, entry.value) for entry in entry_points.installed(group)}

    assert ours == {(entry.name, entry.value) for entry in metadata.entry_points(group=group)}


def test_a_distribution_that_is_installed_later_is_found(settled):
    install(settled, "widgets")

    assert sorted(names_in(settled)) == ["acme", "widgets"]


def test_a_distribution_that_is_removed_is_gone(settled):
    (settled / "acme-1.0.dist-info").rename(settled / "acme-1.0.removed")

    assert names_in(settled) == []


def test_a_folder_that_has_just_changed_is_read_again(tmp_path):
    install(tmp_path, "acme", group="something.else")
    assert names_in(tmp_path) == []

    (tmp_path / "acme-1.0.dist-info" / "entry_points.txt").write_text("[trunkline.schemas]\nacme = acme\n")

    assert names_in(tmp_path) == ["acme"]


def test_a_folder_that_has_not_changed_is_read_once(settled):
    (first,) = entry_points.declaring("trunkline.schemas", path=[str(settled)])
    (second,) = entry_points.declaring("trunkline.schemas", path=[str(settled)])

    assert first is second


def test_a_distribution_without_the_group_is_left_out(tmp_path):
    install(tmp_path, "acme", group="something.else")

    assert names_in(tmp_path) == []


def test_the_first_on_the_path_hides_the_second(tmp_path, monkeypatch):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        install(tmp_path / folder, "acme", group="a.group" if folder == "second" else "something.else")
    monkeypatch.syspath_prepend(tmp_path / "second")
    assert [entry.name for entry in entry_points.installed("a.group")] == ["acme"]

    monkeypatch.syspath_prepend(tmp_path / "first")

    assert entry_points.installed("a.group") == []
