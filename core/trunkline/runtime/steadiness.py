"""Steadiness: whether the clock that decides about age has moved as far as time has passed.

Time that passes is read from a clock that nobody sets, and that runs on while the machine sleeps.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

TOLERANCE_MS = 5 * 60 * 1000
"""A clock that has moved by more than this beyond the time that has passed has stepped."""
SETTLED_MS = 24 * 60 * 60 * 1000
"""A clock that has stepped is trusted again once it has been steady for so long. It is also how far a clock may have moved if
nobody knows how much time has passed: the machine was started anew, or the hub came from another one."""
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Reading:
    """The clock said *now_ms* (Unix) when the machine had been up for *up_ms* since the start that *boot_id* names.

    *boot_id* is empty if the system does not tell it.
    """

    now_ms: int
    boot_id: str
    up_ms: int


@dataclass(frozen=True, slots=True)
class ClockState:
    """How far the clock is trusted, after the reading *seen*: None before the first one.

    *step_ms* is how far the clock has stepped forward, and None while it is trusted. *steady_ms* is how long it has been steady
    since that step.
    """

    seen: Reading | None = None
    step_ms: int | None = None
    steady_ms: int = 0

    @property
    def fault(self) -> str | None:
        """Say what is the matter and how to go on; None if the clock is trusted."""
        if self.step_ms is None:
            return None
        return (
            f"stepped forward by {_span(self.step_ms)}: nothing is deleted or ended because of its age until the clock has been "
            "steady for a day, or 'trunkline clock confirm' says that it is right"
        )


def up_ms() -> int:
    """Give how long this machine has been up, in milliseconds, its sleep included."""
    return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000


def read_boot() -> str:
    """Give the id of this start of the machine; empty if the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def judge(state: ClockState, reading: Reading, *, own: Reading | None = None) -> ClockState:
    """Decide how far the clock is trusted after *reading*.

    *own* is the last reading of this process: it tells how much time has passed if that of *state* is of another start, or of
    another machine.
    """
    before = state.seen
    if before is None:
        return replace(state, seen=reading)
    if before.boot_id == reading.boot_id != "":
        own = before
    step_ms = _step_since(before, reading) if own is None else _step_in(own, reading)
    if step_ms > 0:
        return ClockState(reading, step_ms)
    if state.step_ms is None:
        return ClockState(reading)
    if step_ms < 0:
        return ClockState(reading, state.step_ms)
    # Several processes count: each adds what has passed since the last of them has.
    passed_ms = 0 if own is None else min(reading.up_ms - own.up_ms, reading.now_ms - before.now_ms)
    steady_ms = state.steady_ms + max(passed_ms, 0)
    return ClockState(reading) if steady_ms >= SETTLED_MS else ClockState(reading, state.step_ms, steady_ms)


def _step_in(before: Reading, after: Reading) -> int:
    """Tell how far the clock stepped between two readings of one start, in ms: less than 0 if it was set back."""
    step_ms = (after.now_ms - before.now_ms) - (after.up_ms - before.up_ms)
    return step_ms if abs(step_ms) > TOLERANCE_MS else 0


def _step_since(before: Reading, after: Reading) -> int:
    """Tell the same of two readings between which nobody knows how much time has passed."""
    moved_ms = after.now_ms - before.now_ms
    return moved_ms if moved_ms > SETTLED_MS or moved_ms < -TOLERANCE_MS else 0


def _span(ms: int) -> str:
    hours = ms / 3_600_000
    return (
        f"{hours / 24:.1f} days"
        if hours >= 48
        else f"{hours:.1f} hours"
        if hours >= 1
        else f"{ms // 60_000} minutes"
    )
