"""Appends operational events to the log, and checks for conditions that no other transaction notices.

Each step is one transaction, so no event is lost or repeated if the process is killed.
"""

import time
from collections.abc import Callable, Mapping

from trunkline.model.times import utc_text_of_ms
from trunkline.runtime import faults
from trunkline.store import conditions, operational
from trunkline.store.database import Database
from trunkline.store.operational import News
from trunkline.store.wakeup import Signal, Wakeup

MINUTES_SECONDS = 5.0
"""How often to check for conditions to report, and for minutes whose counts are complete (``operational.gather``)."""
CERTIFICATE_SECONDS = 14 * 24 * 60 * 60
"""How long before its expiry a certificate is reported."""


Certificates = Callable[[], Mapping[tuple[int, str, int], int]]
"""Gives the expiry times of targets' certificates (Unix seconds), by tenant, host and port."""


class Publishing:
    """Appends noted operational events to the log, and wakes its readers through *log*.

    Set ``signal`` after noting one.
    """

    def __init__(self, database: Database, log: Wakeup, *, certificates: Certificates) -> None:
        self._database = database
        self._certificates = certificates
        self._wakeup = log
        self._looked = 0.0
        self._told: set[tuple[tuple[int, str, int], int]] = set()
        self.signal = Signal()

    async def step(self) -> float:
        """Publish the noted events. Returns the seconds until the next check for conditions. Raises StoreUnavailable."""
        if time.monotonic() - self._looked >= MINUTES_SECONDS:
            self._looked = time.monotonic()
            await self.look()
        while await self._publish():
            self._wakeup.announce()
        return MINUTES_SECONDS

    async def look(self) -> None:
        """Report conditions that have begun, and the counts of minutes that have ended. Raises StoreUnavailable."""
        async with self._database.read() as connection:
            has_gathered = await operational.has_gathered(connection)
            found = await conditions.look(connection)
        if has_gathered:
            async with self._database.write() as connection:
                await operational.tell_gathered(connection)
        if found.has_changes:
            async with self._database.write() as connection:
                await conditions.note(connection, found)
        before = time.time() + CERTIFICATE_SECONDS
        if (
            ending := {target: ends for target, ends in self._certificates().items() if ends < before}.items()
            - self._told
        ):
            async with self._database.write() as connection:
                for (company_id, host, port), ends in ending:
                    facts = {"host": host, "port": port, "expires_utc": utc_text_of_ms(ends * 1000)}
                    news = News("target.certificate_expiring", company_id, facts)
                    await operational.tell_once(
                        connection, news, subject=f"{company_id} {host}:{port} {ends}"
                    )
            self._told |= ending

    async def _publish(self) -> int:
        async with self._database.read() as connection:
            if not await operational.has_news(connection):
                return 0
        async with self._database.write() as connection:
            published = await operational.publish(connection)
            faults.point("news.before_commit")
        faults.point("news.after_commit")
        return published
