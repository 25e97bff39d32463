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
    "kit/test_every_check_catches.py",
    "reliability/simulation",
    "third_party",
    "kit/test_scaffold.py",
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

BY_TURNS = (
    "kit/test_builtins_channel.py",
    "kit/test_builtins_plugin.py",
    "kit/test_every_check_catches.py",
    "third_party/test_distributions.py",
    "contract/test_benchmarks.py",
    "plugins/portal/browser/test_every_page.py",
    "reliability/simulation/test_simulation.py",
)
"""Modules whose cases have their turn on one of three days: a fault in one of them is a fault in its neighbours too."""
TURNS = 3
IN_PART = {
    "reliability/test_named_consumers.py": ("sqlite-ten", "postgresql-ten"),
    "reliability/test_real_servers.py": ("nginx", "uvicorn"),
}
"""Modules of which only these cases are run where there are turns."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--turn", type=int, metavar="N", help=f"run every {TURNS}rd case of some modules, from the Nth on"
    )
    parser.addoption(
        "--tried-again", type=Path, metavar="FILE", help="keep a list of what failed, and show it"
    )


@pytest.hookimpl(tryfirst=True)  # before ``-m`` looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what runs alone or beside few, put first what takes longest, and leave out what has its turn another day."""
    if (turn := config.getoption("--turn")) is not None:
        others = _of_other_turns(items, turn)
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    paths = {item: item.path.relative_to(TESTS).as_posix() for item in items}
    for item, path in paths.items():
        if path.startswith(ALONE):
            item.add_marker("alone")
        elif path.startswith(TIMED) and not path.startswith(OWN_CLOCK):
            item.add_marker("timed")
    items.sort(key=lambda item: _turn_of(paths[item]))


def _of_other_turns(items: list[pytest.Item], turn: int) -> list[pytest.Item]:
    """Find the cases whose turn is another day; a case is known by its class, or by its first parameter, up to a dot."""
    cases: dict[str, dict[str, int]] = {path: {} for path in BY_TURNS}
    others: list[pytest.Item] = []
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        known = cases.get(path)
        _, parameter, name = item.name.partition("[")
        if path in IN_PART and name.rstrip("]") not in IN_PART[path]:
            others.append(item)
        case = getattr(item.cls, "__name__", "") or (parameter and name.split(".")[0].rstrip("]"))
        if known is not None and case:
            number = known.setdefault(case, len(known))
            if number % TURNS != turn:
                others.append(item)
    return others


def _turn_of(path: str) -> int:
    return next((turn for turn, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name a test that failed at once: the suite has minutes to go, and its summary comes at the end."""
    if report.failed:
        print(f"\n{report.nodeid} failed ({report.when})", flush=True)


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
