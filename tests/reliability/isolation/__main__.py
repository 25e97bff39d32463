"""Attack the hub by every row, beside a victim: ``python tests/reliability/isolation --help``."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deployment import ENGINES
from journal import Journal
from matrix import Case, Matrix, Outcome
from page import write_page
from row import Row
from rows import all_rows
from scale import PART, WHOLE, Scale


def main() -> int:
    rows = {row.name: row for row in all_rows()}
    parser = argparse.ArgumentParser(
        description="Attack the hub in every way that the rows know, beside a victim."
    )
    parser.add_argument(
        "--row", action="append", choices=rows, metavar="ROW", help="only this one; may be repeated"
    )
    parser.add_argument("--engine", choices=ENGINES, help="only this database; both otherwise")
    parser.add_argument(
        "--part", action="store_true", help="small, and only the rows that CI runs unless --row says which"
    )
    parser.add_argument("--list", action="store_true", help="list the rows and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome to FILE")
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="note outcomes in FILE, and run no case that stands there",
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="write the table of docs/internals/reliability.md"
    )
    chosen = parser.parse_args()
    if chosen.list:
        print("\n".join(f"{row.name:36} {row.sentence}" for row in rows.values()))
        return 0
    scale = PART if chosen.part else WHOLE
    cases = cases_of(
        [rows[name] for name in chosen.row or rows], chosen.engine, is_part=chosen.part and not chosen.row
    )
    began = time.monotonic()
    with Journal(chosen.journal) as journal:
        outcomes = asyncio.run(run(cases, scale=scale, journal=journal))
    bad = [outcome for outcome in outcomes if outcome.verdict.faults and not rows[outcome.case.row].remedy]
    print(f"{len(outcomes)} cases in {time.monotonic() - began:.0f} s, {len(bad)} did not hold")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes]))
    if chosen.write_docs:
        write_page(outcomes, list(rows.values()))
    return 1 if bad else 0


def cases_of(rows: Sequence[Row], engine: str | None, *, is_part: bool) -> list[tuple[Row, str]]:
    """Give the pairs of row and database to run, grouped by shared hubs; a part of the matrix has only some rows."""
    engines = [engine] if engine else ENGINES
    grounds = list(dict.fromkeys(row.ground for row in rows))
    together = sorted(rows, key=lambda row: grounds.index(row.ground))
    return [(row, each) for each in engines for row in together if not is_part or each in row.in_part]


async def run(cases: Sequence[tuple[Row, str]], *, scale: Scale, journal: Journal) -> list[Outcome]:
    """Run the cases that are not in the journal; return every outcome."""
    outcomes: list[Outcome] = []
    async with Matrix(scale) as matrix:
        for row, engine in cases:
            outcome = journal.known.get((Case(row.name, engine), scale.name))
            if outcome is None:
                outcome = await matrix.run_one(row, engine)
                journal.note(outcome)
                tell(outcome, row)
            outcomes.append(outcome)
    return outcomes


def tell(outcome: Outcome, row: Row) -> None:
    """Print a line about *outcome* and its faults."""
    verdict = outcome.verdict
    held = "held  " if not verdict.faults else "known " if row.remedy else "FAILED"
    print(
        f"{held}  {row.name:34} {outcome.case.engine:10} p99 {verdict.quiet.p99 * 1000:4.0f} → "
        f"{verdict.attacked.p99 * 1000:5.0f} → {verdict.after.p99 * 1000:4.0f} ms, slowest {verdict.attacked.slowest:5.2f} s, "
        f"free after {verdict.free_seconds:3.1f} s, "
        f"{verdict.memory_mib:+5.0f} MiB, CPU {verdict.cpu_share:.0%} → {verdict.cpu_share_after:.0%}  {verdict.attack}",
        flush=True,
    )
    for fault in verdict.faults:
        print(f"        {fault}", flush=True)
    if outcome.behind:
        print(f"        tried twice: {outcome.behind}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
