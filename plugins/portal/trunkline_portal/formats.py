"""The format of values on pages: times, numbers, durations, states."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z)", re.ASCII)
NOTHING = "no data"
"""Shown in place of a missing figure."""
_STATES: Mapping[str, Sequence[str]] = {
    "good": ("active", "delivering", "delivered", "ok", "done", "completed", "valid"),
    "warn": ("paused", "retry", "retrying", "throttled", "held", "quarantined", "unused_key"),
    "bad": ("failing", "exhausted", "rejected", "failed", "gone", "disabled", "revoked"),
    "info": ("pending", "running", "replay", "queued"),
}
"""The states of each tone; all other states are neutral."""
_TONES = {state: tone for tone, states in _STATES.items() for state in states}


def tone_of(state: str) -> str:
    """Return the tone of a state: ``good``, ``bad``, ``warn``, ``info`` (in progress) or ``plain``."""
    return _TONES.get(state, "plain")


def moment(value: float | str | datetime) -> datetime:
    """Read a time: Unix milliseconds, or ISO 8601."""
    match value:
        case datetime():
            return value.astimezone(UTC)
        case str():
            return datetime.fromisoformat(value).astimezone(UTC)
        case _:
            return datetime.fromtimestamp(value / 1000, tz=UTC)


def time(value: float | str | datetime | None, *, none: str = "never") -> Markup:
    """Show a time in UTC, or *none* for None.

    In lists, the script shows the reader's clock time instead; elsewhere it shows the age of the time.
    """
    if value is None:
        return Markup('<span class="muted">{}</span>').format(none)
    at = moment(value)
    text = f"{at.day} {at:%b %Y, %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), text, text
    )


def with_times(text: str) -> Markup:
    """Show *text*, with its times (ISO 8601, UTC) formatted by ``time``."""
    parts = _TIME.split(text)
    return Markup("").join(time(part) if number % 2 else part for number, part in enumerate(parts))


def number(value: float | None) -> str:
    """Write a number with separated thousands."""
    if value is None:
        return NOTHING
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def percent(share: float | None, *, decimals: int = 2) -> str:
    """Write a share (0 to 1) in percent; only a share of exactly 0 or 1 is written as 0 or 100."""
    if share is None:
        return NOTHING
    if share in {0, 1}:
        return f"{share:.0%}"
    least = 10.0 ** -(decimals + 2)
    return f"{min(max(share, least), 1 - least):.{decimals}%}"


def duration(milliseconds: float | None) -> str:
    """Write a duration in a suitable unit."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    if minutes < 60:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def lasting(milliseconds: float) -> str:
    """Write how long a state has lasted, in one unit: ``19 hours``."""
    seconds = max(int(milliseconds / 1000), 1)
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    unit, count = next((unit, seconds // length) for unit, length in units if seconds >= length)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def size(octets: int) -> str:
    """Write a size."""
    return f"{octets:,} B" if octets < 1024 else f"{octets / 1024:,.1f} KiB"


def words(name: str) -> str:
    """Write a name of the API as words: ``unused_key`` is "unused key"."""
    return name.replace("_", " ")
