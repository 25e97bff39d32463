"""Attempts to sign in at the provider: they are stored only in a sealed cookie of their browser."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson

from trunkline import Refused
from trunkline.routes import Sealer
from trunkline_portal.addresses import HOME

SECONDS = 600
"""Time limit for signing in at the provider."""
MOST = 3
"""Limit of a browser's attempts, each in its own tab; the oldest is dropped."""
MAX_CHARACTERS = 3_800
"""Limit of the sealed attempts: browsers drop a cookie of more than 4,096 bytes."""
_PURPOSE = "oidc attempts"


class AttemptRefused(Refused):
    """An answer belongs to no attempt of this browser."""

    status = 400
    title = "This sign-in was not begun here"

    def __init__(self) -> None:
        super().__init__("It was begun in another browser, or more than ten minutes ago. Begin it again.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The values that the provider's answer must match, and the page to show after the sign-in."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    next_path: str
    expires_ms: int

    @property
    def challenge(self) -> str:
        """The challenge of the verifier for the provider (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def begin(next_path: str, *, now_ms: int) -> Attempt:
    """Begin an attempt that ends at *next_path*."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, next_path, now_ms + SECONDS * 1000)


def seal(attempts: Sequence[Attempt], sealer: Sealer) -> str:
    """Return the cookie's value, with the newest attempts; one whose page has too long an address ends at the overview."""
    kept = list(attempts[-MOST:])
    while len(sealed := sealer.seal(orjson.dumps(kept), purpose=_PURPOSE)) > MAX_CHARACTERS:
        kept = kept[1:] or [replace(kept[0], next_path=HOME)]
    return sealed


def read(cookie: str, *, sealer: Sealer, now_ms: int) -> list[Attempt]:
    """Read the attempts that have not expired."""
    try:
        kept = orjson.loads(sealer.unseal(cookie, purpose=_PURPOSE))
    except ValueError:
        return []
    return [attempt for each in kept if (attempt := Attempt(**each)).expires_ms > now_ms]


def find(attempts: Sequence[Attempt], state: str) -> Attempt:
    """Find the attempt that *state* belongs to. Raises AttemptRefused."""
    for attempt in attempts:
        if hmac.compare_digest(attempt.state.encode(), state.encode()):
            return attempt
    raise AttemptRefused
