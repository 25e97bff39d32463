"""Detects steps of the clock that is used to compute the age of data: the clock is compared with the elapsed time.

Elapsed time is read from another clock, which cannot be set and runs on while the machine sleeps.
"""

import time
from pathlib import Path

from msgspec import Struct, structs

TOLERANCE_MS = 5 * 60 * 1000
"""The clock has stepped if its movement differs from the elapsed time by more than this."""
SETTLED_MS = 24 * 60 * 60 * 1000
"""The time without a step after which a clock that has stepped is trusted again.

If the elapsed time is unknown, as after a restart of the machine or a move to another machine, a movement forward
counts as a step only if it is larger than this.
"""
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Reading(Struct, frozen=True):
    """The clock read *now_ms* (Unix), *up_ms* after the boot *boot_id*, which is empty if the system has none."""

    now_ms: int
    boot_id: str
    up_ms: int


class ClockState(Struct, frozen=True):
    """Whether the clock is trusted after the reading *seen*, which is None before the first reading.

    *step_ms* is the size of a step forward, None while the clock is trusted. *steady_ms* is the time without another
    step since that step.
    """

    seen: Reading | None = None
    step_ms: int | None = None
    steady_ms: int = 0

    @property
    def fault(self) -> str | None:
        """Return the fault and the remedy; None if the clock is trusted."""
        if self.step_ms is None:
            return None
        return (
            f"stepped forward by {_span(self.step_ms)}: nothing is deleted or ended because of its age until the clock has been "
            "steady for a day, or 'trunkline clock confirm' says that it is right"
        )


def up_ms() -> int:
    """Return this machine's uptime in milliseconds, including sleep."""
    return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000


def read_boot() -> str:
    """Return the id of the machine's current boot; empty if the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def judge(state: ClockState, reading: Reading, *, own: Reading | None = None) -> ClockState:
    """Decide whether the clock is trusted after *reading*.

    *own* is the last reading of this process; it gives the elapsed time if the reading in *state* is from another boot or machine.
    """
    before = state.seen
    if before is None:
        return structs.replace(state, seen=reading)
    if before.boot_id == reading.boot_id != "":
        own = before
    if own is None:  # the elapsed time is unknown
        step_ms = reading.now_ms - before.now_ms
        has_stepped = step_ms > SETTLED_MS or step_ms < -TOLERANCE_MS
    else:
        step_ms = (reading.now_ms - own.now_ms) - (reading.up_ms - own.up_ms)
        has_stepped = abs(step_ms) > TOLERANCE_MS
    if has_stepped and step_ms > 0:
        return ClockState(reading, step_ms)
    if state.step_ms is None:
        return ClockState(reading)
    if has_stepped:  # set back
        return ClockState(reading, state.step_ms)
    # Several processes count: each adds the time since the last reading of any of them.
    passed_ms = 0 if own is None else min(reading.up_ms - own.up_ms, reading.now_ms - before.now_ms)
    steady_ms = state.steady_ms + max(passed_ms, 0)
    return ClockState(reading) if steady_ms >= SETTLED_MS else ClockState(reading, state.step_ms, steady_ms)


def _span(ms: int) -> str:
    hours = ms / 3_600_000
    if hours < 1:
        return f"{ms // 60_000} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
