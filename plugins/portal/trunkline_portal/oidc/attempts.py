"""Attempts to sign in at the provider: each is stored only in a sealed cookie of its browser."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field

import orjson

from trunkline import Refused
from trunkline.routes import Sealer

SECONDS = 600
"""Time limit for signing in at the provider."""
_PURPOSE = "oidc"


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

    def seal(self, sealer: Sealer) -> str:
        """Return the cookie's value."""
        return sealer.seal(orjson.dumps(asdict(self)), purpose=_PURPOSE)


def begin(next_path: str, *, now_ms: int) -> Attempt:
    """Begin an attempt that ends at *next_path*."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, next_path, now_ms + SECONDS * 1000)


def find(cookie: str, state: str, *, sealer: Sealer, now_ms: int) -> Attempt:
    """Find the attempt that *state* belongs to. Raises AttemptRefused."""
    try:
        attempt = Attempt(**orjson.loads(sealer.unseal(cookie, purpose=_PURPOSE)))
    except ValueError:
        raise AttemptRefused from None
    if attempt.expires_ms <= now_ms or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise AttemptRefused
    return attempt
