"""Reading a history's revisions from its files."""

from pathlib import Path

import pytest

from trunkline.store import revisions


def write(folder: Path, name: str, revision: str | None, after: str | None) -> None:
    (folder / f"{name}.py").write_text(
        f'"""A revision."""\n\nrevision = {revision!r}\ndown_revision: str | None = {after!r}\n'
    )


def test_revisions_stand_in_the_order_in_which_they_build_on_one_another(tmp_path):
    for name, revision, after in (("a", "c3", "b2"), ("b", "b2", "a1"), ("c", "a1", None)):
        write(tmp_path, name, revision, after)
    (tmp_path / "__init__.py").write_text("")
    assert revisions.read(tmp_path) == ["a1", "b2", "c3"]


def test_an_empty_folder_has_none(tmp_path):
    assert revisions.read(tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        [("1", None), ("2", "1"), ("3", "1")],
        [("1", None), ("2", "missing")],
        [("1", "2"), ("2", "1")],
        [("1", None), ("2", None)],
    ],
    ids=["a fork", "a gap", "a circle", "two beginnings"],
)
def test_what_is_not_one_line_is_refused(tmp_path, line):
    for number, (revision, after) in enumerate(line):
        write(tmp_path, f"file{number}", revision, after)
    with pytest.raises(ValueError, match="are not one line"):
        revisions.read(tmp_path)


@pytest.mark.parametrize(
    "text", ["", 'revision = "1"', "down_revision = None", "revision = f()\ndown_revision = None"]
)
def test_a_file_that_names_no_revision_is_refused(tmp_path, text):
    (tmp_path / "0001.py").write_text(text)
    with pytest.raises(ValueError, match=r"0001\.py must set revision and down_revision"):
        revisions.read(tmp_path)
