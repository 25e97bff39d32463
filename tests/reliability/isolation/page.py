"""The second table of ``docs/reliability.md``: what the last whole run found, between its markers."""

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
from scale import RECOVERY_SECONDS
from verdict import Figures, Verdict

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
SECTION = re.compile(r"(?<=<!-- isolation: begin -->\n).*(?=<!-- isolation: end -->)", re.DOTALL)
_HEAD = """
{date} · {machine} · {cases} cases, {held} of which held

| row | what somebody does | p99 on SQLite | slowest | memory | p99 on PostgreSQL | slowest | memory |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""
_FOOT = """
*p99*: of the victim's calls and pushes, at the hub when it was left alone → under the attack → after it, in ms. *Slowest*: of them all from the attack on, in seconds. *Memory*: by how much the process grew at most since the hub was new, in MiB. **Bold**: did not hold, and stands below.

{hubs} The hub was at rest again {free:.1f} s after the attack at the median, and not yet after {longest:.0f} s in {busy} cases, where it was looked at all the same.
"""


def write_page(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> None:
    """Write the section anew."""
    found = {outcome.case: outcome.verdict for outcome in outcomes}
    head = _HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=_machine(),
        cases=len(outcomes),
        held=sum(not verdict.faults for verdict in found.values()),
    )
    lines = [_line(row, found) for row in rows]
    section = head + "\n".join(lines) + "\n" + _foot(outcomes) + _faults(rows, found) + _behind(outcomes)
    page = PAGE.read_text()
    if not SECTION.search(page):
        msg = f"{PAGE} has no markers to write between"
        raise ValueError(msg)
    PAGE.write_text(SECTION.sub(lambda _: section, page))


def _foot(outcomes: Sequence[Outcome]) -> str:
    """Say how the columns read, how much quiet hubs differ, and how soon they were at rest again."""
    quiet = {
        engine: sorted(
            {outcome.verdict.quiet for outcome in outcomes if outcome.case.engine == engine}, key=_p99
        )
        for engine in ENGINES
    }
    hubs = "; ".join(
        f"{len(figures)} on {engine}, p99 from {_p99(figures[0]):.0f} to {_p99(figures[-1]):.0f} ms, "
        f"{_p99(figures[len(figures) // 2]):.0f} at the median"
        for engine, figures in quiet.items()
        if figures
    )
    free = sorted(outcome.verdict.free_seconds for outcome in outcomes)
    return _FOOT.format(
        hubs=f"Hubs that were left alone: {hubs}.",
        free=free[len(free) // 2],
        longest=RECOVERY_SECONDS,
        busy=sum(seconds >= RECOVERY_SECONDS for seconds in free),
    )


def _p99(figures: Figures) -> float:
    return figures.p99 * 1000


def _behind(outcomes: Sequence[Outcome]) -> str:
    """Tell which rows held on a hub of their own only."""
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
    cells = [cell for engine in ENGINES for cell in _cells(found.get(Case(row.name, engine)))]
    return f"| `{row.name}` | {row.sentence.rstrip('.')} | {' | '.join(cells)} |"


def _cells(verdict: Verdict | None) -> tuple[str, str, str]:
    if verdict is None:
        return ("", "", "")
    phases = (verdict.quiet, verdict.attacked, verdict.after)
    p99 = " → ".join(f"{phase.p99 * 1000:.0f}" for phase in phases)
    slowest = max(verdict.slowest_by_kind.values(), default=0.0)
    return (f"**{p99}**" if verdict.faults else p99, f"{slowest:.2f}", f"{verdict.memory_mib:+.0f}")


def _faults(rows: Sequence[Row], found: Mapping[Case, Verdict]) -> str:
    """Tell of each row that did not hold, and what an operator can do where the hub alone cannot."""
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
        return "\nEvery row held.\n\n"
    return "\nWhat did not hold:\n\n" + "\n".join(lines) + "\n\n"
