"""The public keys that the hub publishes; they are read again when they change."""

import base64
import threading
import time
from collections.abc import Sequence

import httpx2

_LASTS_SECONDS = 3600
_AGAIN_SECONDS = 30


class Jwks:
    """The keys of a company's ``/.well-known/jwks.json``, kept for an hour.

    After a signature by an unknown key the keys are read again, at most every 30 seconds, so a rotated key is accepted
    at once. If the hub is unavailable, the previous keys stay in use.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 5) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._keys: Sequence[str] = ()
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._lock = threading.Lock()

    def keys(self, *, again: bool = False) -> Sequence[str]:
        """Return the public keys (``whpk_…``). If the previous keys did not verify, set *again* to read them again.

        Raises:
            httpx2.HTTPError: the keys cannot be read, and have never been read before.
        """
        with self._lock:
            now = time.monotonic()
            is_old = self._read_at is None or now - self._read_at > _LASTS_SECONDS
            may_try = self._tried_at is None or now - self._tried_at > _AGAIN_SECONDS
            if (is_old or again) and (may_try or self._read_at is None):
                self._tried_at = now
                try:
                    answer = httpx2.get(self._url, timeout=self._timeout_seconds).raise_for_status()
                    self._keys = [
                        _public_key(key["x"]) for key in answer.json()["keys"] if key.get("crv") == "Ed25519"
                    ]
                    self._read_at = now
                except (httpx2.HTTPError, ValueError, KeyError):
                    if self._read_at is None:
                        raise
            return self._keys


def _public_key(x: str) -> str:
    return "whpk_" + base64.b64encode(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))).decode()
