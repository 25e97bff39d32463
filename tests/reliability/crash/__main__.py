"""Crash the hub at every fault point and check the state afterwards: ``python tests/reliability/crash --help``."""

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path

from journal import Journal
from matrix import ENGINES, Matrix, Outcome, cases_of
from page import write_page

from trunkline_kit.fault_points import POINTS


def main() -> int:
    parser = argparse.ArgumentParser(description="Crash the hub at every fault point and judge what is left.")
    parser.add_argument("--point", action="append", choices=POINTS, help="only this one; may be repeated")
    parser.add_argument("--engine", choices=ENGINES, help="only this database; both in turn otherwise")
    parser.add_argument("--seeds", type=int, default=8, metavar="N", help="seeds 1 to N for each point")
    parser.add_argument("--seed", type=int, metavar="N", help="only this seed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome to FILE")
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="note each outcome in FILE as it comes, and run no case whose outcome stands there already for this code",
    )
    parser.add_argument("--write-docs", action="store_true", help="write docs/internals/reliability.md")
    chosen = parser.parse_args()
    seeds = [chosen.seed] if chosen.seed is not None else range(1, chosen.seeds + 1)
    cases = cases_of(chosen.point or list(POINTS), seeds, chosen.engine)
    random.Random(0).shuffle(cases)  # shuffled, so that slow points are not neighbours
    with Journal(chosen.journal) as journal:
        outcomes, seconds = asyncio.run(run(cases, journal))
    missed = sorted({case.point for case in cases} - {o.case.point for o in outcomes if o.crashed})
    bad = [outcome for outcome in outcomes if outcome.verdict.faults]
    for point in missed:
        print(f"never reached: {point}")
    print(
        f"{len(outcomes)} cases at {len({case.point for case in cases})} points in {seconds:.0f} s: "
        f"{sum(o.crashed for o in outcomes)} crashed at their point, "
        f"{sum(o.verdict.accepted for o in outcomes)} events accepted, "
        f"{sum(o.verdict.delivered for o in outcomes)} deliveries, "
        f"{sum(o.verdict.duplicates for o in outcomes)} sent twice, "
        f"{sum(o.verdict.lost for o in outcomes)} lost, {len(bad)} cases failed"
    )
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes]))
    if chosen.write_docs and not bad and not missed:
        write_page(outcomes, seconds=seconds)
    return 1 if bad or missed else 0


async def run(cases, journal: Journal) -> tuple[list[Outcome], float]:
    """Run the cases that are not in the journal; return all outcomes and their total seconds."""
    known = [journal.known[case] for case in cases if case in journal.known]
    began = time.monotonic()

    def note(outcome: Outcome) -> None:
        tell(outcome)
        journal.note(outcome, seconds=time.monotonic() - began)

    async with Matrix() as matrix:
        fresh = await matrix.run([case for case in cases if case not in journal.known], note)
    return known + fresh, journal.seconds + time.monotonic() - began


def tell(outcome: Outcome) -> None:
    if outcome.verdict.faults:
        print(f"FAILED  {outcome.case.command}")
        for fault in outcome.verdict.faults:
            print(f"    {fault}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
