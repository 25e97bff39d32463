"""The clock guard: after the database's clock has jumped forward, nothing is removed or ended because of its age.

The guard's state is one row in the database, so a jump affects every process, even one that starts later.
"""

import asyncio
import logging
import time
from typing import Self

from msgspec import structs

from trunkline.runtime import steadiness
from trunkline.runtime.background import Background
from trunkline.runtime.steadiness import ClockState, Reading
from trunkline.store import due, sql
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.sql import text

LOOK_SECONDS = 5.0
WRITE_MS = 60_000
"""Maximum age of the stored state while a process runs and the clock is trusted."""
PUT_OFF_AT_ONCE = 1000
"""The number of deliveries put off in one transaction."""
APART_SECONDS = 60.0
"""A difference above this between this machine's clock and the database's is logged."""
IS_TRUSTED = "(SELECT step_ms FROM clock WHERE id = 1) IS NULL"
"""SQL condition: the database's clock is trusted."""
_log = logging.getLogger(__name__)


class ClockGuard:
    """Watches the database's clock; once entered, it reads the clock every ``LOOK_SECONDS``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._boot_id = steadiness.read_boot()
        self._own: Reading | None = None
        self._state = ClockState()
        self._offset_ms = _wall_ms() - steadiness.up_ms()
        """This machine's clock minus its uptime, at the last check."""
        self.ahead_seconds = 0.0
        """Seconds by which this machine's clock was ahead of the database's at the last check."""
        self._is_apart = False
        self._looking = asyncio.Lock()
        self._background = Background(
            "the look at the clock", self.look, seconds=LOOK_SECONDS, first_seconds=LOOK_SECONDS
        )

    async def __aenter__(self) -> Self:
        await self.look()
        await self._background.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._background.__aexit__(*details)

    @property
    def is_trusted(self) -> bool:
        """Whether rows may be removed or ended because of their age. It needs no query.

        A jump of this machine's own clock is noticed at once; an embedded database uses that clock.
        """
        return self._state.step_ms is None and not self._has_stepped_here()

    async def keep_up(self) -> None:
        """Check the database's clock now, if this machine's clock has jumped since the last check.

        Call this function before reading due times. Raises StoreUnavailable.
        """
        if self._has_stepped_here():
            await self.look()

    def _has_stepped_here(self) -> bool:
        return _wall_ms() - steadiness.up_ms() - self._offset_ms > steadiness.TOLERANCE_MS

    def aged_ms(self, now_ms: int) -> int:
        """Correct *now_ms*, the time (Unix ms) of this machine's clock, for comparisons with expiry times.

        The result is 0 while the database's clock is not trusted, so nothing expires. If this machine's clock is ahead
        of the database's, the difference is subtracted.
        """
        return now_ms - max(int(self.ahead_seconds * 1000), 0) if self.is_trusted else 0

    @property
    def fault(self) -> str | None:
        """The reason why the clock is not trusted, with the remedy; None if it is trusted."""
        return self._state.fault

    async def look(self) -> int | None:
        """Check the database's clock. Returns its time (Unix ms); None if it is not trusted. Raises StoreUnavailable."""
        async with self._looking:
            async with self._database.read() as connection:
                began_ms = _wall_ms()
                kept, reading = await read(connection, self._boot_id)
                self._compare(began_ms, reading.now_ms, _wall_ms())
            state = steadiness.judge(kept, reading, own=self._own)
            is_old = kept.seen is None or abs(reading.now_ms - kept.seen.now_ms) >= WRITE_MS
            if is_old or state.step_ms is not None or kept.step_ms is not None:
                async with self._database.write() as connection:
                    kept, reading = await read(connection, self._boot_id, locks=True)
                    state = steadiness.judge(kept, reading, own=self._own)
                    await write(connection, state)
                if state.step_ms is not None and state.step_ms != kept.step_ms:
                    await self._put_off(reading.now_ms, state.step_ms)
            self._own = reading
            self._offset_ms = _wall_ms() - steadiness.up_ms()
            was, self._state = self._state, state
            if state.fault is not None and was.step_ms != state.step_ms:
                _log.warning("the database's clock %s", state.fault)
            elif state.fault is None and was.fault is not None:
                _log.info("the database's clock is trusted again: what is old enough is removed from now on")
            return reading.now_ms if state.step_ms is None else None

    async def _put_off(self, now_ms: int, step_ms: int) -> None:
        """Postpone the deliveries that became due only because of the jump; otherwise all of them would start at once."""
        for kind in due.KINDS:
            rows = PUT_OFF_AT_ONCE
            while rows == PUT_OFF_AT_ONCE:
                async with self._database.write() as connection:
                    rows = await due.put_off(
                        connection, kind, until_ms=now_ms, step_ms=step_ms, limit=PUT_OFF_AT_ONCE
                    )

    def _compare(self, began_ms: int, theirs_ms: int, ended_ms: int) -> None:
        """Compare this machine's clock with the database's, which was read between *began_ms* and *ended_ms*."""
        ahead_ms = max(began_ms - theirs_ms, 0) or min(ended_ms - theirs_ms, 0)
        self.ahead_seconds = ahead_ms / 1000
        is_apart = abs(self.ahead_seconds) > APART_SECONDS
        if is_apart and not self._is_apart:
            _log.warning(
                "this machine's clock is %.0f s %s the database's: signatures have this machine's time, all else the database's; "
                "have both machines set their clocks by NTP",
                abs(self.ahead_seconds),
                "ahead of" if ahead_ms > 0 else "behind",
            )
        self._is_apart = is_apart


async def read(connection: Connection, boot_id: str, *, locks: bool = False) -> tuple[ClockState, Reading]:
    """Read the stored state of the clock, and its current time. *locks* keeps other processes from changing the state."""
    locking = sql.for_update(connection, of="c") if locks else ""
    statement = text(
        f"SELECT c.now_ms, c.boot_id, c.up_ms, c.step_ms, c.steady_ms FROM clock AS c WHERE c.id = 1 {locking}"
    )
    row = (await connection.execute(statement)).first()
    reading = Reading(await sql.clock_ms(connection), boot_id, steadiness.up_ms())
    return (ClockState() if row is None else ClockState(Reading(*row[:3]), *row[3:])), reading


async def write(connection: Connection, state: ClockState) -> None:
    """Store *state*, which must have a reading."""
    assert state.seen is not None
    statement = text(
        "INSERT INTO clock (id, now_ms, boot_id, up_ms, step_ms, steady_ms) "
        "VALUES (1, :now_ms, :boot_id, :up_ms, :step_ms, :steady_ms) ON CONFLICT (id) DO UPDATE SET "
        "now_ms = :now_ms, boot_id = :boot_id, up_ms = :up_ms, step_ms = :step_ms, steady_ms = :steady_ms"
    )
    await connection.execute(
        statement,
        {**structs.asdict(state.seen), "step_ms": state.step_ms, "steady_ms": state.steady_ms},
    )


async def confirm(connection: Connection) -> bool:
    """Mark the clock's current time as trusted. Returns whether the clock was not trusted before."""
    kept, reading = await read(connection, steadiness.read_boot(), locks=True)
    await write(connection, ClockState(reading))
    return steadiness.judge(kept, reading).step_ms is not None


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
