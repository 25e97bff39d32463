"""Steadiness: whether the clock that decides about age has moved as far as time has passed.

Time that passes is read from a clock that nobody sets, and that runs on while the machine sleeps. Pure, but for ``read_boot``.
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
class Standing:
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


def step_between(before: Reading, after: Reading) -> int:
    """Tell how far the clock stepped between two readings, in milliseconds; 0 if it was steady, less if it was set back."""
    moved = after.now_ms - before.now_ms
    if before.boot_id and before.boot_id == after.boot_id:
        step = moved - (after.up_ms - before.up_ms)
        return step if abs(step) > TOLERANCE_MS else 0
    return moved if moved > SETTLED_MS or moved < -TOLERANCE_MS else 0


def judge(standing: Standing, reading: Reading, *, own: Reading | None = None) -> Standing:
    """Decide how far the clock is trusted after *reading*.

    *own* is the last reading of this process: it tells how much time has passed if another machine made that of *standing*.
    """
    before = standing.seen
    if before is None:
        return replace(standing, seen=reading)
    if own is not None and own.boot_id == reading.boot_id != before.boot_id:
        step, passed = step_between(own, reading), reading.up_ms - own.up_ms
    else:
        step, passed = step_between(before, reading), reading.now_ms - before.now_ms
    if step > 0:
        return Standing(reading, step)
    if standing.step_ms is None:
        return Standing(reading)
    # Several processes count: each adds what has passed since the last of them has.
    steady_ms = 0 if step else standing.steady_ms + max(min(passed, reading.now_ms - before.now_ms), 0)
    return Standing(reading) if steady_ms >= SETTLED_MS else Standing(reading, standing.step_ms, steady_ms)


def _span(ms: int) -> str:
    hours = ms / 3_600_000
    return (
        f"{hours / 24:.1f} days"
        if hours >= 48
        else f"{hours:.1f} hours"
        if hours >= 1
        else f"{ms // 60_000} minutes"
    )
