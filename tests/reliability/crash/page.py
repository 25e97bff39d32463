"""``docs/reliability.md``: what the last whole run found."""

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
_OTHERS = re.compile(r"## One company beside another\n.*?<!-- isolation: end -->\n", re.DOTALL)
"""What the isolation matrix writes on the same page."""
_HEAD = """# Reliability: the crash matrix, other faults, and one company beside another

What happens if the process dies *here*? The hub has {points} named fault points, one at each commit and each call to the outside: in accepting, carrying out actions, reading, delivering, settling, retrying, replaying, renewing subscriptions, removing deleted companies, handing over shards, and migrating. `make crash` kills a real process (SIGKILL, as kill -9) at each of them, on SQLite and on PostgreSQL, again and again, and judges what is left. A smaller run is part of continuous integration.

A case is one point, one seed, one database. Four writers send single events and batches for three companies, most with an `Idempotency-Key`, some not valid; four subscriptions take them: one takes everything, one filters, one fails, resets or is slow at times and now and then for good, one is paused and catches up; a replay sends everything to the first again. The process dies at the n-th passage of the point, n drawn from the seed. What had no answer and has a key is sent again. At the points of accepting and of actions a fifth client makes records through actions, with an `Idempotency-Key` or an `external_id`, and moves every other one to another status. At the points of renewing, lapsing and telling of gaps a client of MCP Events subscribes by webhook, renews its subscription, lets it lapse twice, subscribes anew with the newest cursor that it has, and is paused and resumed without what it missed. At the points of removing a company one is filled and deleted. In one case of eight, and wherever shards are given back, a second worker shares the load. The process is started again, and when everything has ended this must hold:

- each event for which the client saw a 2xx is in the log once, as it was answered; a batch is there whole or not at all; what was refused is not there, nor is anything else
- each record that an action made has its one event and each event its record, and what was answered is there, once
- the client of MCP Events has got every event, but those of which it was told that they are left out; it has one subscription, with nothing open
- nothing is left of the company that was deleted, and its receipt counts each event once
- positions have no gaps but where a deleted company had its events, the events of a writer stand in the order in which it sent them, and a poll gives each event once
- the ledger has exactly one delivery for each event and each subscription that it matches; all have ended, with each attempt logged
- the receiver, which knows nothing of the hub, got each of them, with the bytes that are polled, and exactly the attempts that the ledger names
- what arrived twice had been in flight at the crash, or had ended in the last second before it, and arrived no more than twice
- what met a kept connection that the receiver reset may have been sent once more, on a fresh one, in the same attempt and with the same `webhook-id`

Waits are shortened so that a case takes two seconds: leases to 0.6 s (3 s where two workers share), the wait before a slow delivery gets its row to 0.3 s. The last second before the crash is judged with 1.5 s of tolerance, since the machine may be busy. What this does not try: a machine that loses power, which is the database's business, and a disk that fails.

## The last run

{date} · {machine} · {cases} cases in {seconds:.0f} s

| point | the process dies when | cases | at the point | accepted | delivered | exhausted | sent twice | lost |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
_FOOT = """
*At the point*: the others did not pass it as often as their seed asked, and were killed wherever they were. *Exhausted*: the flaky target refuses every {never}th event for good.

## Other faults

Real processes under load again, each in a suite that continuous integration runs (`tests/reliability/test_faults_*.py`, `test_outage.py`):

| fault | what holds |
| --- | --- |
| PostgreSQL is stopped and started | calls get 503 with `Retry-After`, nothing is restarted, deliveries flow again within 5 s, nothing is lost |
| connections are cut in the middle of transactions | nothing is lost, nothing is stored twice |
| a worker is frozen (SIGSTOP) past its lease and woken | it settles nothing and moves no cursor |
| the clock is set forward and back an hour, the hub's and the database's | nothing is lost, and nothing waits for the hour; only a clock that was ahead for less than the 1.5 s between two heartbeats goes unnoticed |
| the disk under SQLite is full, or a quota is | callers are told, nothing acknowledged is lost, everything flows again when there is room |
| targets hang, drip, send endless headers or 100 MB, reset, speak garbage | each attempt fails within its time limit, memory stays bounded, nobody else waits |
| a thousand subscriptions are changed while events flow | each gets exactly what it asked for at the time |
| a subscription is deleted while its deliveries are in flight | they all end |
| old and new processes share a database while it is migrated | nothing is lost, either version delivers |

The dispatcher's decisions are also run on virtual time, with simulated targets, kills, freezes, outages and clocks: 2,400 seeds in under a minute, of which a failing one prints the command that repeats it (`tests/reliability/simulation`).

{others}
## Repeating a case

A case that fails prints the command that repeats it, such as `{command}`. The plan, the point's passage and the load are the same each time; what the machine does between them is not.

The points are Python audit events ([PEP 578](https://peps.python.org/pep-0578/)) named `trunkline.fault`; with no hook installed, passing one costs some 60 ns. `core/trunkline/runtime/faults.py` lists them, `tests/reliability/crash` is the harness.
"""


def write_page(outcomes: Sequence[Outcome], *, seconds: float) -> None:
    """Write the page anew."""
    head = _HEAD.format(
        points=len(POINTS),
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        cases=len(outcomes),
        seconds=seconds,
    )
    lines = [_row(f"`{point}`", meaning, _of(outcomes, point)) for point, meaning in POINTS.items()]
    lines.append(_row("**all**", "", outcomes))
    others = _OTHERS.search(PAGE.read_text())
    foot = _FOOT.format(
        never=NEVER,
        command=min(o.case.command for o in outcomes),
        others=others[0] if others else "",
    )
    PAGE.write_text(head + "\n".join(lines) + "\n" + foot)


def machine() -> str:
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
