"""A pytest plugin for `.ci/run`: it divides the machine among the slow suites, and keeps the list of retried tests.

It also multiplies the time limit of each test.

Load it with ``-p tests.continuous_integration``. ``--tried-again FILE`` names a list: a run adds its failed
tests, and every run shows the list above its last line, so that a test that passes only at its second try is seen.
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
"""Modules that measure the hub's speed."""
TIMED = ("reliability",)
"""Modules that mostly wait, with time limits: four of them run at once, and nothing else.

One of them is the crash matrix, which uses both cores when they are free.
"""
OWN_CLOCK = ("reliability/simulation",)
"""Modules of ``TIMED`` with their own clock."""
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
    "clients/test_generated.py",
    "contract/test_benchmarks.py",
    "plugins/mcp/test_real_issuer.py",
    "contract/test_every_python.py",
    "core/cli/test_secrets.py",
    "plugins/make",
    "plugins/docs",
)
"""Modules that take minutes, including the packages they install, longest first, so that no worker runs one of them last."""

BY_TURNS = (
    "clients/test_generated.py",
    "kit/test_builtins_channel.py",
    "kit/test_builtins_plugin.py",
    "kit/test_every_check_catches.py",
    "third_party/test_distributions.py",
    "contract/test_benchmarks.py",
    "plugins/portal/browser/test_every_page.py",
    "reliability/simulation/test_simulation.py",
    "contract/test_every_python.py",
    "core/schemas/test_agreement.py",
    "core/store/test_aiosqlite.py",
    "kit/test_builtins_operations.py",
    "plugins/crm/test_migrations.py",
    "plugins/docs/test_browser.py",
    "plugins/make/test_app.py",
    "plugins/mcp/test_migrations.py",
    "plugins/n8n/test_package.py",
    "plugins/n8n/test_queue_mode.py",
    "plugins/portal/browser/test_hostile_text.py",
    "plugins/portal/test_migrations.py",
    "plugins/zapier/test_client.py",
    "reliability/test_hostile_plugins.py",
    "reliability/test_crashes.py",
    "reliability/test_takeover.py",
    "reliability/test_clock_steps.py",
    "reliability/test_faults_files.py",
    "reliability/test_faults_subscriptions.py",
    "reliability/test_idempotency.py",
    "reliability/test_faults_clock.py",
    "reliability/test_faults_disk.py",
)
"""Modules of which a third of the cases runs each day: a fault usually shows in several of their cases.

The first case of the first module runs on turn 0, that of the second on turn 1, and so on, so that no turn has all first cases.
"""
TURNS = 3
PATIENCE = 3
"""Factor for each test's time limit: the machine is slow and busy, and the limits are for tests that hang."""
IN_PART: dict[str, tuple[str, ...]] = {
    "plugins/portal/browser/test_jobs.py": (),
    "reliability/test_named_consumers.py": ("sqlite-ten", "postgresql-ten"),
    "reliability/test_real_servers.py": ("nginx", "uvicorn"),
}
"""Modules of which only these cases run with ``--turn``, on every day."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--turn", type=int, metavar="N", help=f"run every {TURNS}rd case of some modules, from the Nth on"
    )
    parser.addoption(
        "--tried-again", type=Path, metavar="FILE", help="keep a list of what failed, and show it"
    )


@pytest.hookimpl(tryfirst=True)  # earlier than the hook that reads the marks for ``-m``
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that run alone or with few others, give all more time, put long ones first, drop other days' cases."""
    if (turn := config.getoption("--turn")) is not None:
        others = _of_other_turns(items, turn)
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    paths = {item: item.path.relative_to(TESTS).as_posix() for item in items}
    for item, path in paths.items():
        usual = item.get_closest_marker("timeout")
        limit = usual.args[0] if usual else float(config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(PATIENCE * limit), append=False)
        if path.startswith(ALONE):
            item.add_marker("alone")
        elif path.startswith(TIMED) and not path.startswith(OWN_CLOCK):
            item.add_marker("timed")
    items.sort(key=lambda item: _turn_of(paths[item]))


def _of_other_turns(items: list[pytest.Item], turn: int) -> list[pytest.Item]:
    """Find the cases of other days; a case is identified by its class, its first parameter up to a dot, or its name."""
    cases: dict[str, dict[str, int]] = {path: {} for path in BY_TURNS}
    first = {path: number for number, path in enumerate(BY_TURNS)}
    others: list[pytest.Item] = []
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        known = cases.get(path)
        name = item.name.partition("[")[2]
        if path in IN_PART and name.rstrip("]") not in IN_PART[path]:
            others.append(item)
        case = getattr(item.cls, "__name__", "") or name.split(".")[0].rstrip("]") or item.name
        if known is not None:
            number = known.setdefault(case, first[path] + len(known))
            if number % TURNS != turn:
                others.append(item)
    return others


def _turn_of(path: str) -> int:
    return next((turn for turn, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print a failed test at once, minutes before the summary."""
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
