"""The first table of ``docs/internals/reliability.md``: the results of the last whole run, between markers."""

import os
import platform
import re
import sqlite3
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from matrix import Outcome

from trunkline_kit.fault_points import POINTS

PAGE = Path(__file__).parents[3] / "docs" / "internals" / "reliability.md"
SECTION = re.compile(r"(?<=<!-- crash: begin -->\n).*(?=<!-- crash: end -->)", re.DOTALL)
_HEAD = """
{date} · {machine} · {cases:,} cases at {points} points in {seconds:,.0f} s

| step | points | cases | sent twice | lost |
| --- | ---: | ---: | ---: | ---: |
"""
_FOOT = """
The process died at its point in {crashed:,} of the cases, and in the others elsewhere. `kit/trunkline_kit/fault_points.py` explains each point.

"""


def write_page(outcomes: Sequence[Outcome], *, seconds: float) -> None:
    head = _HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=_machine(),
        cases=len(outcomes),
        points=len({outcome.case.point for outcome in outcomes}),
        seconds=seconds,
    )
    lines = [
        _row(f"`{step}`", points, [outcome for outcome in outcomes if outcome.case.point in points])
        for step, points in steps().items()
    ]
    lines.append(_row("**all**", POINTS, outcomes))
    section = (
        head + "\n".join(lines) + "\n" + _FOOT.format(crashed=sum(outcome.crashed for outcome in outcomes))
    )
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


def steps() -> dict[str, list[str]]:
    """Group the points by the step before their dot."""
    found: dict[str, list[str]] = {}
    for point in POINTS:
        found.setdefault(point.partition(".")[0], []).append(point)
    return found


def _row(name: str, points: Collection[str], outcomes: Sequence[Outcome]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    twice, lost = sum(verdict.duplicates for verdict in verdicts), sum(verdict.lost for verdict in verdicts)
    return f"| {name} | {len(points)} | {len(outcomes):,} | {twice:,} | {lost:,} |"
