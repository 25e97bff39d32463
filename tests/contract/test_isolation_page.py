"""The table of the attacks of one company: every test that it names as proof of a limit exists."""

import ast
import re
from pathlib import Path

from tests.some import some

from trunkline.settings import Settings

ROOT = Path(__file__).parents[2]
ROWS = ROOT / "tests/reliability/isolation/rows"
PAGE = (ROOT / "docs/explanation/isolation.md").read_text()
CODE = re.compile(r"`([^`]+)`")


def lines() -> list[list[str]]:
    """Give the cells of the table's lines, without the heading lines."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("| ")
    ]
    return [line for line in cells[1:] if line[-1] and not line[0].startswith("---")]


def names_of_rows() -> set[str]:
    """Give the rows of the matrix by their functions, without importing them, which would need all of its modules."""
    return {
        node.name.strip("_").replace("_", "-")
        for file in ROWS.glob("*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.AsyncFunctionDef)
        and any(
            isinstance(each, ast.Call) and ast.unparse(each.func) == "row" for each in node.decorator_list
        )
    }


def test_every_limit_names_what_proves_it():
    rows = names_of_rows()
    proofs = {line[0]: CODE.findall(line[-1]) for line in lines()}
    assert [resource for resource, named in proofs.items() if not named] == []
    unknown = [
        proof
        for named in proofs.values()
        for proof in named
        if proof not in rows and not (proof.endswith(".py") and (ROOT / proof).is_file())
    ]
    assert unknown == []


def test_every_setting_of_the_table_is_one():
    fields = Settings.model_fields
    named = [name.split(".", 1) for line in lines() for name in CODE.findall(line[2])]
    for section, key in some(
        (section, key) for section, key in named if section in fields
    ):  # others are plugins' settings
        assert key in fields[section].annotation.model_fields
