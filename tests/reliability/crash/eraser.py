"""A company that is deleted on a deployment that crashes meanwhile.

Afterwards no row of the company may be left, and the receipt must count each of its events once, even if the removal was interrupted.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from calls import Call, answer_of

COMPANY = 5
"""The company that is deleted."""
IN_TEST = -COMPANY
"""The company's test environment, which is deleted with it."""
OPERATOR = 0
"""The company of the key that deletes ``COMPANY``."""
BATCHES, EVENTS = 3, 15
SHORT_ROWS = 7
"""Rows that are removed at once; a low number, so that there are many steps."""
TABLES = ("events", "subscriptions", "api_keys", "replays", "companies")
LEFT = " UNION ALL ".join(
    f"SELECT '{table}', count(*) FROM {table} WHERE company_id IN ({COMPANY}, {IN_TEST})"
    + (" AND target_url <> ''" if table == "subscriptions" else "")
    for table in TABLES
)


class Eraser:
    """Fills ``COMPANY`` and deletes it; calls without an answer are sent again."""

    def __init__(self, case: int, chance: random.Random, event: dict[str, Any]) -> None:
        self._case = case
        self._chance = random.Random(chance.random())
        self._event = event
        self.receipt: dict[str, Any] = {}
        self.surprises: list[str] = []
        self.removed = 0

    async def run(self, call: Call) -> None:
        """Give each environment of the company a subscription that fails, and events; then delete it."""
        for company in (COMPANY, IN_TEST):
            hook = {"target_url": f"http://127.0.0.1:9/doomed/{company}", "event_types": ["*"]}
            await self._send(call, "POST", "/webhooks/subscriptions", hook, company=company)
        for number in range(BATCHES):
            body, company = {"events": [self._event] * EVENTS}, IN_TEST if number % 2 else COMPANY
            key = f"{self._case}-doomed-{number}"
            await self._send(call, "POST", "/events/batch", body, company=company, key=key)
            await asyncio.sleep(self._chance.uniform(0, 0.05))
        self.receipt = await self._send(call, "DELETE", f"/companies/{COMPANY}", None, company=OPERATOR)

    async def _send(
        self,
        call: Call,
        method: str,
        path: str,
        body: Any,
        *,
        company: int = COMPANY,
        key: str | None = None,
    ) -> dict[str, Any]:
        status, answer = await answer_of(call, method, path, body, company=company, key=key)
        if status not in {200, 201, 202}:
            self.surprises.append(f"{method} {path} was answered with {status}: {answer}")
        return answer

    def check(self, erasures: Sequence[Any], left: Sequence[Any]) -> Iterator[str]:
        """Judge the rows of *erasures* (id, removed, whether completed) and the rows *left* (``LEFT``); give every fault."""
        yield from self.surprises
        if [row[0] for row in erasures] != [self.receipt.get("id")]:
            yield f"the receipt is {self.receipt}, erasures are {list(erasures)}"
            return
        _, removed, completed = erasures[0]
        if not completed:
            yield "the erasure has not ended"
        counts = orjson.loads(removed)
        self.removed = counts.get("events", 0)
        told = self.removed - BATCHES * EVENTS  # keys' rows, which the log has as well
        if not 0 <= told <= counts.get("api_keys", 0):
            yield f"{BATCHES * EVENTS} events were accepted, the receipt counts {removed}"
        if rows := {table: count for table, count in left if count}:
            yield f"left of the deleted company: {rows}"
