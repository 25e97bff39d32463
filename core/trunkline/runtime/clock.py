"""The wall clock of this process. Leases and due times use the database's instead (``store.sql.now_ms``)."""

import time

from trunkline.model.times import utc_text_of_ms


class SystemClock:
    """The time of this machine's clock."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def now_text() -> str:
    """The time as ISO 8601 UTC with ``Z``, to the millisecond."""
    return utc_text_of_ms(now_ms())
