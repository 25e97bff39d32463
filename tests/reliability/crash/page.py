"""The first table of ``docs/reliability.md``: what the last whole run found, between its markers."""

import os
import platform
import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from matrix import Outcome
from target import NEVER

from trunkline.runtime.faults import POINTS

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
SECTION = re.compile(r"(?<=<!-- crash: begin -->\n).*(?=<!-- crash: end -->)", re.DOTALL)
_HEAD = """
{date} · {machine} · {cases:,} cases at {points} points in {seconds:,.0f} s

| point | the process dies when | cases | at the point | accepted | delivered | exhausted | sent twice | lost |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
_FOOT = """
*At the point*: the others did not pass it as often as their seed asked, and were killed wherever they were. *Exhausted*: the flaky target refuses every {never}th event for good.

"""


def write_page(outcomes: Sequence[Outcome], *, seconds: float) -> None:
    """Write the section anew."""
    head = _HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=_machine(),
        cases=len(outcomes),
        points=len({outcome.case.point for outcome in outcomes}),
        seconds=seconds,
    )
    lines = [_row(f"`{point}`", meaning, _of(outcomes, point)) for point, meaning in POINTS.items()]
    lines.append(_row("**all**", "", outcomes))
    section = head + "\n".join(lines) + "\n" + _FOOT.format(never=NEVER)
    page = PAGE.read_text()
    if not SECTION.search(page):
        msg = f"{PAGE} has no markers to write between"
        raise ValueError(msg)
    PAGE.write_text(SECTION.sub(lambda _: section, page))


def _machine() -> str:
    """Describe where it ran, in a line."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def _of(outcomes: Sequence[Outcome], point: str) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.case.point == point]


def _row(name: str, meaning: str, outcomes: Sequence[Outcome]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    counts = (
        len(outcomes),
        sum(outcome.crashed for outcome in outcomes),
        sum(verdict.accepted for verdict in verdicts),
        sum(verdict.delivered for verdict in verdicts),
        sum(verdict.exhausted for verdict in verdicts),
        sum(verdict.duplicates for verdict in verdicts),
        sum(verdict.lost for verdict in verdicts),
    )
    return f"| {name} | {meaning} | {' | '.join(f'{count:,}' for count in counts)} |"
