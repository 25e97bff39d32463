"""The second table of ``docs/internals/reliability.md``: the results of the last whole run, between markers."""

import os
import platform
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from deployment import ENGINES
from matrix import Case, Outcome
from row import Row
from verdict import Verdict

PAGE = Path(__file__).parents[3] / "docs" / "internals" / "reliability.md"
SECTION = re.compile(r"(?<=<!-- isolation: begin -->\n).*(?=<!-- isolation: end -->)", re.DOTALL)
SHOWN = 10
"""Number of rows on the page: the rows with the longest times under attack."""
_HEAD = """
{date} · {machine} · {cases} cases, {held} of which held

| row | SQLite | PostgreSQL |
| --- | ---: | ---: |
"""
_FOOT = """
The ten rows with the longest p99 of the victim's calls and pushes, in ms: before the attack/under it/after it. **Bold**: did not hold.

"""


def write_page(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> None:
    found = {outcome.case: outcome.verdict for outcome in outcomes}
    head = _HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=_machine(),
        cases=len(outcomes),
        held=sum(not verdict.faults for verdict in found.values()),
    )
    worst = sorted(rows, key=lambda row: _p99_under_attack(row, found), reverse=True)[:SHOWN]
    lines = [_line(row, found) for row in worst]
    section = head + "\n".join(lines) + "\n" + _FOOT + _faults(rows, found) + _behind(outcomes)
    page = PAGE.read_text()
    if not SECTION.search(page):
        msg = f"{PAGE} has no markers to write between"
        raise ValueError(msg)
    PAGE.write_text(SECTION.sub(lambda _: section, page))


def _behind(outcomes: Sequence[Outcome]) -> str:
    """Name the rows that held only on a new hub."""
    lines = [
        f"- `{outcome.case.row}` on {outcome.case.engine}, {outcome.behind}"
        for outcome in outcomes
        if outcome.behind and not outcome.verdict.faults
    ]
    if not lines:
        return ""
    return "What held on a hub of its own, and not behind other rows:\n\n" + "\n".join(lines) + "\n\n"


def _machine() -> str:
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def _line(row: Row, found: Mapping[Case, Verdict]) -> str:
    return f"| `{row.name}` | {' | '.join(_cell(found.get(Case(row.name, engine))) for engine in ENGINES)} |"


def _p99_under_attack(row: Row, found: Mapping[Case, Verdict]) -> float:
    verdicts = [found.get(Case(row.name, engine)) for engine in ENGINES]
    return max((verdict.attacked.p99 for verdict in verdicts if verdict is not None), default=0)


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    p99 = "/".join(f"{phase.p99 * 1000:.0f}" for phase in (verdict.quiet, verdict.attacked, verdict.after))
    return f"**{p99}**" if verdict.faults else p99


def _faults(rows: Sequence[Row], found: Mapping[Case, Verdict]) -> str:
    """List the rows that did not hold, and the operator's remedies."""
    lines: list[str] = []
    for row in rows:
        faults = [
            f"{engine}: {fault}"
            for engine in ENGINES
            for fault in getattr(found.get(Case(row.name, engine)), "faults", ())
        ]
        if faults:
            lines.append(f"- `{row.name}`: {'; '.join(faults)}. {row.remedy}".rstrip())
    if not lines:
        return "Every row held.\n\n"
    return "What did not hold:\n\n" + "\n".join(lines) + "\n\n"
