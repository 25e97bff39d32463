"""The format of times in answers and events. No I/O, no clock."""

from datetime import UTC, datetime


def utc_text(epoch_ms: int) -> str:
    """Write *epoch_ms* (Unix milliseconds) as ISO 8601 UTC with ``Z``, always with three digits of a second."""
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03d}Z"
