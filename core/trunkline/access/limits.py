"""Rate limits: how many calls a key may make in a minute, by bucket.

The window is the minute of the clock. Calls are counted in the process, or for all processes together in Redis, where
simultaneous calls share one round trip. While Redis is unavailable each process continues from the last known number, and no
call fails because of it.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self

from msgspec import Struct

from trunkline.errors import RateLimited, SettingsInvalid
from trunkline.settings import Limits as LimitSettings

if TYPE_CHECKING:
    from trunkline.access.shared_limits import SharedCounter

Bucket = Literal["read", "write", "admin"]

_WINDOW_SECONDS = 60


class Allowance(Struct, frozen=True):
    """The calls that a key has left in *bucket*; *reset_s* is the Unix second of its reset."""

    limit: int
    remaining: int
    reset_s: int
    bucket: str

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the ``X-RateLimit-…`` headers of an answer in ASGI form."""
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % self.reset_s),
            (b"x-ratelimit-window", b"1m"),
            (b"x-ratelimit-policy", f"{self.bucket}:{self.limit}/1m".encode()),
        ]


class Limits:
    """Counts calls. *now* gives the Unix time in seconds."""

    def __init__(self, settings: LimitSettings, *, now: Callable[[], float] = time.time) -> None:
        rates = {"read": settings.read, "write": settings.write, "admin": settings.admin}
        self._allowed = {bucket: int(rate.partition("/")[0]) for bucket, rate in rates.items()}
        self._enabled = settings.enabled
        self._now = now
        self._minute = 0
        self._counts: dict[tuple[str, str], int] = {}
        self._shared = _shared_counter(settings.storage_url) if settings.storage_url else None

    async def __aenter__(self) -> Self:
        if self._shared is not None:
            await self._shared.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        if self._shared is not None:
            await self._shared.__aexit__(*details)

    async def count(self, holder: str, bucket: str, *, per_minute: int | None = None) -> None:
        """Count a plugin's action for *holder* (``contract.CallLimits``). Raises RateLimited."""
        if per_minute is None and bucket not in self._allowed:
            msg = f"'{bucket}' is not a bucket of the API ({', '.join(self._allowed)}): say how many are allowed per minute"
            raise ValueError(msg)
        await self.hit(holder, bucket, per_minute=per_minute)

    async def hit(self, key_id: str, bucket: str, *, per_minute: int | None = None) -> Allowance | None:
        """Count one call of a key; None if limits are off. *per_minute* limits a bucket that is not in the settings.

        Raises RateLimited: the key has used up its minute.
        """
        if not self._enabled:
            return None
        now = self._now()
        minute = int(now) // _WINDOW_SECONDS
        shared = None
        if self._shared is not None:
            shared = await self._shared.increment(f"{bucket}:{key_id}:{minute}")
        # This takes 0.2 µs. The memory storage of the library ``limits`` takes 11 µs with 50 keys and 89 µs with 1,000, as
        # each hit starts a task that reads every key.
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        known = self._counts.get((bucket, key_id), 0)
        count = known + 1 if shared is None else shared
        self._counts[bucket, key_id] = max(known, count)
        limit = self._allowed[bucket] if per_minute is None else per_minute
        reset_s = (minute + 1) * _WINDOW_SECONDS
        allowance = Allowance(limit, max(limit - count, 0), reset_s, bucket)
        if count > limit:
            who = "This API key" if per_minute is None else "You"  # else an address or a company
            refusal = RateLimited(who, bucket=bucket, limit=limit, retry_after_seconds=reset_s - int(now))
            refusal.headers |= {name.decode(): value.decode() for name, value in allowance.headers()}
            raise refusal
        return allowance


def _shared_counter(url: str) -> "SharedCounter":
    """Make the counter in Redis. Raises SettingsInvalid if its client is not installed."""
    try:
        from trunkline.access.shared_limits import SharedCounter  # noqa: PLC0415 - here, as the client is an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "redis":
            raise
        msg = "Setting 'limits.storage_url': needs the client for Redis; install it with: pip install 'trunkline[redis]'"
        raise SettingsInvalid(msg) from None
    return SharedCounter(url)
