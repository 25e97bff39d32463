"""``make bench``: every suite or some, each figure beside its baseline from the same run."""

import argparse
import dataclasses
import datetime as dt
import importlib
import json
import signal
import sys
import time
from types import ModuleType

from benchmarks import machine, report
from benchmarks.results import Options, Row

SUITES = (
    "push",
    "profile",
    "scaling",
    "takeover",
    "replay",
    "return",
    "outage",
    "subscribing",
    "accept",
    "batches",
    "calls",
    "steady",
    "latency",
    "outbox",
    "polls",
    "consuming",
    "matching",
    "companies",
    "fairness",
    "pages",
    "portal",
    "agents",
)
LONG_SUITES = ("soak",)
"""Suites that run only if they are named."""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that started processes are stopped
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=(*SUITES, *LONG_SUITES),
        metavar="SUITE",
        help=", ".join((*SUITES, *LONG_SUITES)),
    )
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind; the median counts")
    parser.add_argument("--scale", type=float, default=1.0, help="how much to measure: 0.01 tries the suites")
    parser.add_argument("--json", action="store_true", help="print for machines")
    parser.add_argument(
        "--write-docs", action="store_true", help="write the sections of docs/internals/performance.md"
    )
    chosen = parser.parse_args()
    options = Options(chosen.scale, chosen.rounds)
    rows_by_suite: dict[str, list[Row]] = {}
    for suite in chosen.only or SUITES:
        began = time.monotonic()
        rows = rows_by_suite[suite] = module_of(suite).run(options)
        how = _how(options, seconds=time.monotonic() - began)
        if not chosen.json:
            print(f"{report.table(rows)}\n{how}\n", flush=True)
        if chosen.write_docs:
            report.write(suite, report.section(rows, how=how))
    if chosen.json:
        print(json.dumps({"machine": machine.describe(), "suites": _plain(rows_by_suite)}))


def module_of(suite: str) -> ModuleType:
    """Import the module of *suite*; the suite ``return`` has a module of another name, as ``return`` is a keyword."""
    return importlib.import_module(f"benchmarks.{'returning' if suite == 'return' else suite}")


def _how(options: Options, *, seconds: float) -> str:
    """Describe the options, the time and the machine of a measurement."""
    scale = "" if options.scale == 1 else f", scale {options.scale:g}"
    today = dt.datetime.now(tz=dt.UTC).date()
    return f"rounds: {options.rounds}{scale}, {today}, {machine.describe()}, {seconds:.0f} s"


def _plain(rows_by_suite: dict[str, list[Row]]) -> dict[str, list[dict[str, object]]]:
    return {suite: [dataclasses.asdict(row) for row in rows] for suite, rows in rows_by_suite.items()}


if __name__ == "__main__":
    main()
