"""The pytest plugin that turns the outcomes of tests into findings, and writes the report."""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from trunkline.runtime.redaction import redact
from trunkline_kit.checks import ATTRIBUTE, Check, Level, NotApplicable, NotJudged, checks_of
from trunkline_kit.report import Finding, Outcome, Report
from trunkline_kit.sources import name_of

PROPERTY = "trunkline"
CONTRIBUTED = pytest.StashKey[Mapping[str, tuple[str, ...]]]()
"""The plugin's registrations, stored by the check that started a hub with it."""
_REPORT = pytest.StashKey[Report]()
_LONGEST_MESSAGE = 1000


def report_of(config: pytest.Config) -> Report:
    """Return the report of this run."""
    return config.stash.setdefault(_REPORT, Report())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the check's subject and outcome to its report."""
    report = yield
    check = cast("Check | None", getattr(getattr(item, "function", None), ATTRIBUTE, None))
    suite = getattr(item, "cls", None)
    outcome = _outcome(report, call) if check is not None and suite is not None else None
    if check is not None and suite is not None and outcome is not None:
        noted = {  # plain values, which pytest-xdist can send
            "plugin": name_of(getattr(suite, "plugin", "")),
            "subject": getattr(suite, "channel", ""),
            "name": check.name,
            "suite": check.suite,
            "level": str(check.level),
            "outcome": outcome,
            "message": _message(call),
            "expected": [[expected.name, str(expected.level)] for expected in checks_of(suite)],
            "contributed": {kind: list(names) for kind, names in item.stash.get(CONTRIBUTED, {}).items()},
        }
        report.user_properties = [*report.user_properties, (PROPERTY, noted)]
    return report


def collect(config: pytest.Config, report: pytest.TestReport) -> None:
    """Add the finding in *report*, the report of one test, to the conformance report of the run."""
    for name, value in report.user_properties:
        if name == PROPERTY:
            noted = cast("dict[str, Any]", value)
            told = {key: noted[key] for key in ("plugin", "name", "suite", "outcome", "message", "subject")}
            finding = Finding(level=Level(noted["level"]), seconds=report.duration, **told)
            report_of(config).add(finding, expected=[(check, level) for check, level in noted["expected"]])
            for kind, names in noted["contributed"].items():
                report_of(config).of(finding.plugin).contributed[kind] = tuple(names)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report if it was requested; workers of pytest-xdist leave that to their controller."""
    file = session.config.getoption("--trunkline-report")
    if file and not hasattr(session.config, "workerinput"):
        text = json.dumps(report_of(session.config).as_json(), indent=2, ensure_ascii=False)
        Path(file).write_text(text + "\n", encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print each plugin's level, and the failures that keep it from the next level."""
    report = report_of(config)
    if not report:
        return
    terminalreporter.section("conformance")
    for verdict in report.verdicts():
        terminalreporter.write_line(verdict.line())
        for sentence in verdict.missing:
            terminalreporter.write_line(f"  - {sentence}")
        for reason, names in verdict.reasons().items():
            terminalreporter.write_line(f"  {len(names)} not applicable: {reason}")


def _outcome(report: pytest.TestReport, call: pytest.CallInfo[None]) -> Outcome | None:
    """Return a check's outcome; None if this phase of the test has no outcome."""
    if call.excinfo is not None and isinstance(call.excinfo.value, NotApplicable):
        return "not_applicable"
    if call.excinfo is not None and isinstance(call.excinfo.value, NotJudged):
        return "not_judged"
    if report.failed or report.skipped:
        return "failed"
    return "passed" if report.when == "call" else None


def _message(call: pytest.CallInfo[None]) -> str:
    if call.excinfo is None:
        return ""
    error = call.excinfo.value
    if isinstance(error, pytest.skip.Exception):
        kind = "" if isinstance(error, NotApplicable | NotJudged) else "was skipped: "
    else:
        kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
    return redact(f"{kind}{error}")[:_LONGEST_MESSAGE]
