"""The page about the proposed checks of MCP Events: each check that it names exists, with its tests."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "reference" / "mcp-events.md"
CHECKS = 131


def test_the_page_names_every_check_once_and_tests_that_there_are():
    rows = re.findall(r"^\| (`.+?) \| (.+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    named = [
        check for checks, here, _ in rows for check in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", checks)
    ]
    named += re.findall(r"so `(list-changed-notification)`", PAGE.read_text())
    assert sorted(named) == sorted(set(named))
    assert len(named) == CHECKS
    told = [reference for *_, tests in rows for reference in re.findall(r"`(\w+)\.(\w+)`", tests)]
    assert told
    missing = [
        f"{module}.{test}"
        for module, test in told
        if f"def {test}(" not in (HERE / f"{module}.py").read_text()
    ]
    assert missing == []
    untested = [here for _, here, tests in rows if "`" not in tests]
    assert [here for here in untested if not re.search("not (done|apply)", here)] == []
