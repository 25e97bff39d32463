"""A clock that a test can set forward."""

from datetime import timedelta

from trunkline.runtime.clock import SystemClock


class MovableClock:
    """The system's time plus an offset that a test can increase.

    Given to a hub it is the ``context.clock`` of its plugins. Leases and retries go by the database's time, whatever it says.
    """

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self._system.now_ms() + self._ahead_ms

    def advance(self, by: timedelta) -> None:
        """Go forward *by* so much. It never goes back."""
        self._ahead_ms += max(0, round(by.total_seconds() * 1000))
