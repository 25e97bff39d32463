"""A clock that a test can set forward."""

from datetime import timedelta

from trunkline.runtime.clock import SystemClock


class MovableClock:
    """The system's time plus an offset that a test can increase.

    Plugins get this clock as ``context.clock``. Leases and retries use the database's time instead.
    """

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self._system.now_ms() + self._ahead_ms

    def advance(self, by: timedelta) -> None:
        """Set the clock forward."""
        self._ahead_ms += max(0, round(by.total_seconds() * 1000))
