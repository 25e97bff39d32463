"""A plugin of pytest for `.ci/run`: how the slow suites share the machine, and what had to be tried twice.

Load it with ``-p tests.continuous_integration``. ``--tried-again FILE`` names a list: a run adds what failed to it, and every
run shows it above its closing line, so that a test that passes only at its second try is seen.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ALONE = (
    "reliability/test_backlogs.py",
    "reliability/test_isolation_matrix.py",
    "reliability/test_operators_trial.py",
    "core/dispatch/test_contention.py",
)
"""What measures how fast the hub is."""
TIMED = ("reliability",)
"""What waits for the most part, with bounds on how long: beside three of its kind, which wait as well, and nothing else.

The crash matrix, which has work for both cores whenever they have none, is one of them.
"""
OWN_CLOCK = ("reliability/simulation",)
"""Of these, what has a clock of its own."""
FIRST = (
    "reliability/test_crash_matrix.py",
    "reliability/test_hostile_plugins.py",
    "reliability/test_faults_subscriptions.py",
    "reliability/test_crashes.py",
    "reliability/test_takeover.py",
    "plugins/n8n/test_server.py",
    "testing/test_every_check_catches.py",
    "reliability/simulation",
    "third_party",
    "core/cli/scaffold",
    "plugins/n8n",
    "plugins/zapier",
    "plugins/portal/browser",
    "plugins/test_openapi.py",
    "contract/test_docs.py",
    "contract/test_benchmarks.py",
    "plugins/mcp/test_real_issuer.py",
    "contract/test_every_python.py",
    "core/cli/test_secrets.py",
    "plugins/make",
    "plugins/docs",
)
"""What takes minutes, packages that it installs included, the longest first: no worker is to be left with one of them at the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tried-again", type=Path, metavar="FILE", help="keep a list of what failed, and show it"
    )


@pytest.hookimpl(tryfirst=True)  # before ``-m`` looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs alone or beside few, and put first what takes longest."""
    paths = {item: item.path.relative_to(TESTS).as_posix() for item in items}
    for item, path in paths.items():
        if path.startswith(ALONE):
            item.add_marker("alone")
        elif path.startswith(TIMED) and not path.startswith(OWN_CLOCK):
            item.add_marker("timed")
    items.sort(key=lambda item: _turn_of(paths[item]))


def _turn_of(path: str) -> int:
    return next((turn for turn, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))


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
