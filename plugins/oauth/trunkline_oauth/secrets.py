"""What is secret here: how it is made, told apart by its beginning, and known again by its digest. Pure, but for chance."""

import hashlib
import secrets
from base64 import urlsafe_b64encode

APP_SECRET, CODE, ACCESS, REFRESH = "oas_", "oac_", "oat_", "ort_"
_BYTES = 32


def new(kind: str) -> str:
    """Make a secret of 32 random bytes that begins with *kind*."""
    return f"{kind}{secrets.token_urlsafe(_BYTES)}"


def digest_of(secret: str) -> str:
    """Give what is stored of *secret*: with 256 random bits in it, one hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def successor_of(refresh_token: str, *, salt: str) -> str:
    """Give the refresh token that follows *refresh_token*.

    It is the same whenever it is asked for, so that a client whose answer was lost, or two that ask at once, come to one
    token. Without *salt*, which only the hub has, nobody comes from one to the next.
    """
    hashed = hashlib.sha256(f"{salt}.{refresh_token}".encode()).digest()
    return f"{REFRESH}{urlsafe_b64encode(hashed).rstrip(b'=').decode()}"


def challenge_of(verifier: str) -> str:
    """Give the challenge of a PKCE verifier (RFC 7636, 4.2: S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
