"""Finds out whether the log can be written: from recent appends, or else from test appends that leave no rows."""

import logging
import time
from collections.abc import Awaitable, Callable

from trunkline.errors import StoreUnavailable, WritesRefused
from trunkline.model.times import utc_text_of_ms
from trunkline.store import operational, rehearsal
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.operational import OPERATORS, News

_log = logging.getLogger(__name__)


class Writability:
    """Finds out whether this process can write the log in *database*."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_appended = False
        self.fault: str | None = None
        """The reason why the log cannot be written, and the remedy; None while it can."""
        self.refused_since_ms: int | None = None
        """When the first append was refused (Unix ms), if that has not been reported yet."""

    def appended(self) -> None:
        """Note that an append was committed."""
        self._has_appended = True
        self.refused_since_ms = None
        self._note(None)

    def refused(self, error: WritesRefused) -> None:
        """Note that an append failed with *error*."""
        self._has_appended = False
        self.refused_since_ms = self.refused_since_ms or time.time_ns() // 1_000_000
        self._note(f"{error.reason}: {error.remedy}")

    async def tell(self, connection: Connection) -> None:
        """Report the time since which no append succeeded, in the transaction of the first append that succeeds again.

        The report is lost if the process is killed.
        """
        if self.refused_since_ms is not None:
            facts = {
                "reason": self.fault or "the log could not be written",
                "since_utc": utc_text_of_ms(self.refused_since_ms),
                "until_utc": utc_text_of_ms(time.time_ns() // 1_000_000),
            }
            await operational.tell(connection, [News("hub.cannot_store", OPERATORS, facts)])

    async def look(self) -> None:
        """Check whether an append would succeed, unless an append succeeded since the last check.

        Without a known fault, only the disk space is checked. A known fault is cleared only by an append, real or rehearsed,
        because a load balancer that sees the fault sends no more events.
        """
        if self._has_appended:
            self._has_appended = False
            return
        fault = self.fault or await self._try(rehearsal.take_room)
        self._note(fault and await self._try(rehearsal.rehearse_append))

    async def _try(self, step: Callable[[Connection], Awaitable[None]]) -> str | None:
        try:
            async with self._database.write() as connection:
                await step(connection)
        except WritesRefused as error:
            return f"{error.reason}: {error.remedy}"
        except StoreUnavailable:
            return "the database does not answer"
        return None

    def _note(self, fault: str | None) -> None:
        if fault is not None and self.fault is None:
            _log.error("the log cannot be written: %s", fault)
        elif fault is None and self.fault is not None:
            _log.warning("the log can be written again")
        self.fault = fault
