"""The page on the kernel's structure is true: it names the folders, the linter's layers, and only modules that exist."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "core" / "trunkline"
PAGE = (ROOT / "docs" / "explanation" / "rooms.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", PAGE, flags=re.MULTILINE)


def _layers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == ["trunkline"]]
    return [{room.strip() for room in layer.split(":")} for layer in layers]


def test_every_room_of_the_page_is_a_folder_or_module_and_none_is_missing():
    folders = {folder.name for folder in KERNEL.iterdir() if (folder / "__init__.py").exists()}
    modules = {file.stem for file in KERNEL.glob("*.py")} - {"__init__", "__main__"}
    assert sorted(room for _, room, _ in ROWS) == sorted(folders | modules)


def test_the_floors_of_the_page_are_the_layers_that_the_linter_holds():
    floors = {}
    for floor, room, _ in ROWS:
        floors.setdefault(int(floor), set()).add(room)
    assert list(floors) == [*range(1, len(floors) + 1)]
    assert list(floors.values()) == _layers()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(\w+(?:/\w+)+)`", PAGE))))
def test_every_module_on_the_way_of_an_event_exists(path):
    assert (KERNEL / f"{path}.py").exists()


def test_the_way_of_an_event_leads_through_the_rooms_of_the_way_in_and_out():
    rooms = {path.split("/")[0] for path in re.findall(r"`(\w+(?:/\w+)+)`", PAGE)}
    assert {
        "api",
        "access",
        "ingest",
        "store",
        "dispatch",
        "filters",
        "outbound",
        "targets",
        "model",
    } <= rooms


def test_who_adds_a_room_is_led_to_the_page():
    for page in ("CONTRIBUTING.md", "docs/README.md", "docs/explanation/one-log-many-readers.md"):
        assert "rooms.md" in (ROOT / page).read_text()


def test_no_line_of_code_cites_a_document_that_is_not_in_the_repository():
    files = [file for folder in ("core", "plugins", "tests") for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 500
    assert [str(file) for file in files if re.search(r"\b[A-Z]{5,} \u00a7", file.read_text())] == []
