"""The table of resources names only existing tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/internals/resources.md").read_text()


def test_each_row_names_tests_that_are_there():
    rows = [
        line
        for line in PAGE.splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| Resource"))
    ]
    assert len(rows) > 20
    for row in rows:
        *cells, tests = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 6, row
        named = re.findall(r"`(\S+\.py)`", tests)
        assert named, row
        for name in named:
            assert (ROOT / "tests" / name).is_file(), name
