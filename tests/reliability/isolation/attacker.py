"""The attacking process: it reports ready, reads an order from standard input, runs one row, and writes its notes.

It runs with a lower CPU priority (nice).
"""

import asyncio
import contextlib
import gc
import json
import os
import sys
from collections import Counter
from typing import Any

from attack import Attack
from furniture import Company
from rows import all_rows
from scale import SCALES

READY = "ready"
GRACE_SECONDS = 2.0
"""Time for calls that are in flight when the attack ends."""


async def attack(order: dict[str, Any]) -> Counter[str]:
    """Carry out *order*; return the notes."""
    row = {row.name: row for row in all_rows()}[order["row"]]
    companies = [Company(**company) for company in order["companies"]]
    means = Attack(order["url"], companies, SCALES[order["scale"]], seconds=order["seconds"])
    async with means:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(order["seconds"] + GRACE_SECONDS):
                await row.act(means)
    return means.noted


def main() -> None:
    os.nice(10)
    gc.freeze()
    print(READY, flush=True)
    order = json.loads(sys.stdin.readline())
    try:
        noted = asyncio.run(attack(order))
    except Exception as error:  # the matrix tells the end
        noted = Counter({f"broken: {type(error).__name__}: {error}": 1})
    print(json.dumps(noted), flush=True)
    os._exit(0)  # do not wait for open connections


if __name__ == "__main__":
    main()
