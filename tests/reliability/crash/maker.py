"""A company that makes subscriptions with idempotency keys on a deployment that crashes meanwhile.

Afterwards each key must have made one subscription at most, and each subscription in an answer must exist.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
import orjson
from actor import COMPANY
from calls import Call

COUNT = 8
TRIES = 3
"""Tries of a request; if its answer was lost in the crash, the hub refuses the key until the key's lease has ended."""
MADE = f"SELECT id, description FROM subscriptions WHERE company_id = {COMPANY}"


class Maker:
    """Makes subscriptions for ``COMPANY``; calls without an answer are sent again."""

    def __init__(self, case: int, chance: random.Random) -> None:
        self._case = case
        self._chance = random.Random(chance.random())
        self.made: dict[str, str] = {}
        """The id in the answer to each key."""
        self.surprises: list[str] = []

    async def run(self, call: Call) -> None:
        """Make each subscription, and repeat each request that was answered."""
        for number in range(COUNT):
            key = f"{self._case}-made-{number}"
            for _ in range(2):
                await self._make(call, key)

    async def _make(self, call: Call, key: str) -> None:
        body = {"target_url": "http://127.0.0.1:9/made", "event_types": ["*"], "description": key}
        for _ in range(TRIES):
            await asyncio.sleep(self._chance.uniform(0, 0.02))
            try:
                async with asyncio.timeout(2):
                    status, answer = await call(
                        "POST", "/webhooks/subscriptions", orjson.dumps(body), company=COMPANY, key=key
                    )
            except (aiohttp.ClientError, TimeoutError):
                continue
            if status == 201:
                if self.made.setdefault(key, answer["id"]) != answer["id"]:
                    self.surprises.append(f"{key} was answered with {self.made[key]}, then {answer['id']}")
                return
            if status not in {409, 503}:
                self.surprises.append(f"{key} was answered with {status}: {answer}")
                return

    def check(self, rows: Sequence[Any]) -> Iterator[str]:
        """Compare the answers with the subscriptions (``MADE``); give every fault."""
        if twice := [key for key, count in Counter(row.description for row in rows).items() if count > 1]:
            yield f"one key has made several subscriptions: {twice}"
        if lost := self.made.items() - {(row.description, row.id) for row in rows}:
            yield f"made, but not there as answered: {sorted(lost)}"
        if len(self.made) < COUNT - 1:
            yield f"one crash has cost the answers of {COUNT - len(self.made)} keys"
