"""Times as text: ISO 8601 in UTC with ``Z``, as in every answer."""

import re
import time
from datetime import UTC, datetime

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def read_time(text: str) -> str | None:
    """Convert an ISO 8601 time with an offset to UTC with ``Z``, and keep the fraction digits; None for other texts."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat()}{fraction}Z"


def epoch_ms_of(text: str) -> int | None:
    """Convert an ISO 8601 time with an offset to Unix milliseconds; None for any other text."""
    moment = read_time(text)
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)


def utc_text_of_ms(epoch_ms: int) -> str:
    """Write *epoch_ms* (Unix milliseconds) as ISO 8601 UTC with ``Z``, always with three fraction digits."""
    seconds, milliseconds = divmod(epoch_ms, 1000)
    year, month, day, hour, minute, second, *_ = time.gmtime(seconds)  # a third of datetime's time
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}Z"


def utc_or_none(epoch_ms: int | None) -> str | None:
    """Write *epoch_ms* as ``utc_text_of_ms`` does; None if it is None."""
    return None if epoch_ms is None else utc_text_of_ms(epoch_ms)
