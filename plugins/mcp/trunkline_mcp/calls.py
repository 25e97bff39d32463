"""The calls of agents: each becomes a metric, a line in the log, and a row for the portal.

Rows are written once a second, in batches, so that no call waits for them. If the hub is killed, the rows of the last
second are lost. Rows are removed by the hub's retention, and earlier if a company has more than ``KEPT``.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal

from trunkline import PluginContext
from trunkline.routes import TrunklineError
from trunkline_mcp import call_store
from trunkline_mcp.call_store import CalledTool

if TYPE_CHECKING:
    from trunkline.routes import Caller

KEPT = 1_000
"""The number of calls that are kept for each company; up to ``TRIMMED_AFTER`` more may exist until the next trim."""
TRIMMED_AFTER = 100
"""Number of new calls of a company after which its oldest calls are trimmed."""
WRITTEN_SECONDS = 1.0
"""The time for which calls are collected before one transaction writes them."""
BATCH = 500
WAITING = 10_000
"""Limit of calls that wait to be written, a tenth of it for a company. Calls above the limit are only logged and counted."""
WAITING_OF_COMPANY = WAITING // 10
PURGED_SECONDS = 300.0
MAX_NAME = 100
_DAY_MS = 24 * 60 * 60 * 1000

Outcome = Literal["done", "refused", "failed", "forbidden", "unknown", "left"]
"""The outcome of a call: carried out; refused because of its arguments; failed on our side; forbidden by the key's scopes;
unknown tool; or the agent left before the end, and the call may have had an effect."""


class CallLog:
    """Records calls. They are written to the database while the context ``running`` is entered.

    Recording a call takes 2.5 µs. Writing takes 20 to 40 µs a call in batches of a hundred and more, and 1.3 ms for a
    single call (Python 3.11, SQLite).
    """

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._waiting: deque[CalledTool] = deque()
        self._waiting_of: Counter[int] = Counter()
        self._written_of: Counter[int] = Counter()
        self._lost = 0
        self._is_away = False
        self._wanted, self._ending = asyncio.Event(), asyncio.Event()

    def note(self, caller: "Caller", tool: str | None, outcome: Outcome, *, seconds: float) -> None:
        """Record a call that has ended; *tool* is None if the call named an unknown tool."""
        principal = caller.principal
        self._context.log.info(
            "tool '%s' was called" if tool else "a tool that is not there was called%s",
            tool or "",
            extra={
                "company_id": caller.company_id,
                "key_id": principal.key_id,
                "outcome": outcome,
                "duration_ms": round(seconds * 1000, 2),
            },
        )
        if len(self._waiting) >= WAITING or self._waiting_of[caller.company_id] >= WAITING_OF_COMPANY:
            self._lost += 1
            return
        call = CalledTool(
            company_id=caller.company_id,
            key_id=principal.key_id,
            key_name=principal.name[:MAX_NAME],
            tool=tool,
            outcome=outcome,
            duration_us=round(seconds * 1_000_000),
            called_ms=self._context.clock.now_ms(),
        )
        self._waiting.append(call)
        self._waiting_of[caller.company_id] += 1
        self._wanted.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Context manager that writes calls while it is entered; on exit it writes the calls that are still waiting."""
        task = asyncio.create_task(self._run(), name="mcp-calls")
        try:
            yield
        finally:
            self._ending.set()
            self._wanted.set()
            await task
            await self.write()

    async def write(self) -> None:
        """Write the waiting calls in batches; if the database refuses a batch, it stays queued for the next time."""
        try:
            while batch := list(self._waiting)[:BATCH]:
                async with self._context.database.write() as connection:
                    await call_store.add(connection, batch)
                await self._trim(self._leave(batch))
        except TrunklineError as error:
            if not self._is_away:
                self._context.log.warning("calls of tools wait to be written: %s", error)
            self._is_away = True
        else:
            self._is_away = False
        if self._lost:
            self._context.log.warning("%d calls of tools are not among those of the portal", self._lost)
            self._lost = 0

    async def purge(self) -> None:
        """Remove calls that are older than the hub's retention."""
        deployment = self._context.deployment
        before_ms = deployment.aged_ms(self._context.clock.now_ms()) - deployment.retention_days * _DAY_MS
        with suppress(TrunklineError):
            removed = BATCH
            while removed == BATCH:
                async with self._context.database.write() as connection:
                    removed = await call_store.purge(connection, before_ms=before_ms, limit=BATCH)

    def _leave(self, batch: list[CalledTool]) -> list[int]:
        """Remove *batch* from the waiting calls. Returns the companies whose oldest calls must be trimmed now."""
        for _ in batch:
            self._waiting.popleft()
        due: list[int] = []
        for company_id, number in Counter(call.company_id for call in batch).items():
            self._waiting_of[company_id] -= number
            if not self._waiting_of[company_id]:
                del self._waiting_of[company_id]
            is_new = company_id not in self._written_of
            self._written_of[company_id] += number
            if is_new or self._written_of[company_id] >= TRIMMED_AFTER:
                self._written_of[company_id] = 0
                due.append(company_id)
        return due

    async def _trim(self, company_ids: list[int]) -> None:
        for company_id in company_ids:
            removed = BATCH
            while removed == BATCH:
                async with self._context.database.write() as connection:
                    removed = await call_store.trim(connection, company_id, keep=KEPT, limit=BATCH)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        purged_at = loop.time()
        while True:
            await _until(self._wanted, seconds=PURGED_SECONDS)
            await _until(self._ending, seconds=WRITTEN_SECONDS)
            if self._ending.is_set():
                return
            self._wanted.clear()
            await self.write()
            if self._waiting:
                self._wanted.set()
            if loop.time() - purged_at >= PURGED_SECONDS:
                purged_at = loop.time()
                await self.purge()


async def _until(event: asyncio.Event, *, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
