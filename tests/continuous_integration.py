"""A plugin of pytest for `.ci/run`: how the slow suites share the machine, and what had to be tried twice.

Load it with ``-p tests.continuous_integration``. ``--tried-again FILE`` names a list: a run adds what failed to it, and every
run shows it above its closing line, so that a test that passes only at its second try is seen.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ALONE = ("reliability", "contract/test_benchmarks.py", "core/dispatch/test_contention.py")
"""What measures time, or fills the machine by itself."""
NOT_ALONE = ("reliability/simulation",)
"""Of these, what has a clock of its own."""
TOGETHER = ("plugins/n8n", "plugins/zapier")
"""What shares a server or packages that take minutes to install; elsewhere a module's tests stay together."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tried-again", type=Path, metavar="FILE", help="keep a list of what failed, and show it"
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark *item* here, as the workers read the groups before any other hook is called."""
    path = item.path.relative_to(TESTS).as_posix()
    if path.startswith(ALONE) and not path.startswith(NOT_ALONE):
        item.add_marker("alone")
    elif item.get_closest_marker("xdist_group") is None and path.startswith("plugins/"):
        group = next((folder for folder in TOGETHER if path.startswith(folder)), path)
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest groups first, so that no worker is left with one of them at the end."""
    items.sort(key=lambda item: not item.path.relative_to(TESTS).as_posix().startswith(TOGETHER))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    file: Path | None = config.getoption("--tried-again")
    if file is None or hasattr(config, "workerinput"):
        return
    earlier = file.read_text().splitlines() if file.exists() else []
    reports = [*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])]
    failed = dict.fromkeys(report.nodeid for report in reports if report.nodeid not in earlier)
    file.write_text("".join(f"{name}\n" for name in [*earlier, *failed]))
    terminalreporter.section("tried again")
    for name in earlier or ["nothing was tried again"]:
        terminalreporter.write_line(name)
