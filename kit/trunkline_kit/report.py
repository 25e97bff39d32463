"""The conformance report: the findings about each plugin, and the level that it reaches.

A level is reached when every check of every suite up to it was met. If the suite for a part of the plugin did not run, the plugin
reaches at most ``loads``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from trunkline.version import __version__
from trunkline_kit.checks import LEVELS, LOADS, Level

Outcome = Literal["passed", "failed", "not_applicable", "not_judged"]
_WORST_FIRST: tuple[Outcome, ...] = ("failed", "not_judged", "passed", "not_applicable")
WORDS: Mapping[Outcome, str] = {
    "passed": "passed",
    "failed": "failed",
    "not_judged": "not judged",
    "not_applicable": "not applicable",
}
UNMET: Mapping[str, str] = {"failed": "", "not_judged": "was not judged: "}
"""The outcomes that keep a plugin from a level, each with the text before its message."""
SUITES: Mapping[str, str] = {
    "plugin": "PluginConformance",
    "channel": "ChannelConformance",
    "action": "ActionConformance",
    "search": "SearchConformance",
    "migrations": "MigrationsConformance",
}
"""The suites' short names, and the classes to subclass."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. *subject* is the checked part of the plugin, such as a channel's name; empty for the whole plugin."""

    plugin: str
    name: str
    suite: str
    level: Level
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level of one plugin; *missing* lists the failures that keep it from the next level."""

    plugin: str
    level: Level | None
    missing: tuple[str, ...]
    findings: tuple[Finding, ...]

    def line(self) -> str:
        """Write the level and the number of checks by outcome on one line."""
        stands = self.level or "does not load"
        ended = Counter(finding.outcome for finding in self.findings)
        counts = ", ".join(f"{ended[outcome]} {words}" for outcome, words in WORDS.items() if ended[outcome])
        return f"{self.plugin}: {stands} ({counts or 'no check has run'})"

    def reasons(self) -> Mapping[str, Sequence[str]]:
        """Return the reasons why checks did not apply, each with its checks; the most frequent reason is first."""
        grouped: dict[str, list[str]] = {}
        for finding in self.findings:
            if finding.outcome == "not_applicable":
                grouped.setdefault(finding.message, []).append(finding.name)
        return dict(sorted(grouped.items(), key=lambda item: -len(item[1])))


@dataclass(slots=True)
class Evidence:
    """All results about one plugin: its findings, the checks of each suite that ran, and the plugin's registrations."""

    findings: list[Finding] = field(default_factory=list[Finding])
    expected: dict[tuple[str, str], frozenset[tuple[str, str]]] = field(default_factory=dict)
    contributed: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


class Report:
    """Collects findings, and derives each plugin's level."""

    def __init__(self) -> None:
        self._evidence: dict[str, Evidence] = {}

    def __bool__(self) -> bool:
        return bool(self._evidence)

    def of(self, plugin: str) -> Evidence:
        """Return the evidence about *plugin*, which the caller may extend."""
        return self._evidence.setdefault(plugin, Evidence())

    def add(self, finding: Finding, *, expected: Iterable[tuple[str, str]] = ()) -> None:
        """Note *finding*; *expected* are the names and levels of all checks of its suite."""
        evidence = self.of(finding.plugin)
        evidence.findings.append(finding)
        key = (finding.suite, finding.subject)
        evidence.expected[key] = evidence.expected.get(key, frozenset()) | frozenset(expected)

    def verdicts(self) -> list[Verdict]:
        """Return the verdict on every plugin, sorted by name."""
        return [verdict_on(plugin, self._evidence[plugin]) for plugin in sorted(self._evidence)]

    def as_json(self) -> dict[str, Any]:
        """Return the report as ``--trunkline-report`` writes it."""
        plugins: dict[str, Any] = {}
        for verdict in self.verdicts():
            checks = [asdict(finding) for finding in verdict.findings]
            for check in checks:
                del check["plugin"]
                if not check["subject"]:
                    del check["subject"]
            missing = list(verdict.missing)
            plugins[verdict.plugin] = {"level": verdict.level, "missing": missing, "checks": checks}
        return {"trunkline": __version__, "plugins": plugins}


def verdict_on(plugin: str, evidence: Evidence) -> Verdict:
    """Return the level of *plugin*, and the failures that keep it from the next level."""
    findings = tuple(_settled(evidence.findings))
    reached: Level | None = None
    for level in LEVELS:
        missing = (*_missing_suites(evidence, level), *_unmet(findings, evidence, up_to=level))
        if missing:
            return Verdict(plugin, reached, missing, findings)
        reached = level
    return Verdict(plugin, reached, (), findings)


def _settled(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield one finding for each check and subject: the worst finding, with the total time of all."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.suite, finding.subject, finding.name), []).append(finding)
    for _, group in sorted(groups.items()):
        worst = min(group, key=lambda finding: _WORST_FIRST.index(finding.outcome))
        seconds = round(sum(finding.seconds for finding in group), 3)
        yield replace(worst, seconds=seconds)


def _missing_suites(evidence: Evidence, level: Level) -> Iterator[str]:
    suites = {suite for suite, _ in evidence.expected}
    if "plugin" not in suites:
        yield "no suite has judged the plugin itself; subclass trunkline.testing.PluginConformance"
    if level is LOADS:
        return
    for channel in evidence.contributed.get("channel", ()):
        if ("channel", channel) not in evidence.expected:
            yield f"no suite has judged the channel '{channel}'; subclass trunkline.testing.ChannelConformance"
    for suite in ("action", "search", "migrations"):
        if evidence.contributed.get(suite) and suite not in suites:
            names = ", ".join(evidence.contributed[suite])
            yield f"no suite has judged {names}; subclass trunkline.testing.{SUITES[suite]}"


def _unmet(findings: Iterable[Finding], evidence: Evidence, *, up_to: Level) -> Iterator[str]:
    levels = LEVELS[: LEVELS.index(up_to) + 1]
    seen: set[tuple[str, str, str]] = set()
    for finding in findings:
        seen.add((finding.suite, finding.subject, finding.name))
        if finding.outcome in UNMET and finding.level in levels:
            yield f"{finding.name}: {UNMET[finding.outcome]}{finding.message}"
    for (suite, subject), checks in sorted(evidence.expected.items()):
        for name, level in sorted(checks):
            if (suite, subject, name) not in seen and level in levels:
                yield f"{name}: did not run"
