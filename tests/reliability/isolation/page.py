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
from verdict import Verdict

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
SECTION = re.compile(r"(?<=<!-- isolation: begin -->\n).*(?=<!-- isolation: end -->)", re.DOTALL)
_HEAD = """
{date} · {machine} · {cases} cases, {held} of which held

| row | what somebody does | p99 on SQLite | slowest | memory | p99 on PostgreSQL | slowest | memory |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""
_FOOT = """
*p99*: of the victim's calls and pushes, before the attack → under it → 5 s after it, in ms. *Slowest*: of them all from the attack on, in seconds. *Memory*: by how much the process grew at most, in MiB. **Bold**: did not hold, and stands below.
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
    section = head + "\n".join(lines) + "\n" + _FOOT + _faults(rows, found)
    page = PAGE.read_text()
    if not SECTION.search(page):
        msg = f"{PAGE} has no markers to write between"
        raise ValueError(msg)
    PAGE.write_text(SECTION.sub(lambda _: section, page))


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
    """Tell of each row that did not hold, and what a proxy in front must do where the hub alone cannot."""
    lines: list[str] = []
    for row in rows:
        faults = [
            f"{engine}: {fault}"
            for engine in ENGINES
            for fault in getattr(found.get(Case(row.name, engine)), "faults", ())
        ]
        if faults:
            remedy = f" A proxy in front must {row.proxy}." if row.proxy else ""
            lines.append(f"- `{row.name}`: {'; '.join(faults)}.{remedy}")
    if not lines:
        return "\nEvery row held.\n\n"
    return "\nWhat did not hold:\n\n" + "\n".join(lines) + "\n\n"
