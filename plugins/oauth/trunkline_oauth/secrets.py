"""Secrets: random, with a prefix for their kind. They are found by their digest. Pure except for randomness."""

import hashlib
import secrets
from base64 import urlsafe_b64encode

APP_SECRET, CODE, ACCESS, REFRESH = "oas_", "oac_", "oat_", "ort_"


def new(kind: str) -> str:
    """Make a secret of 32 random bytes with the prefix *kind*."""
    return f"{kind}{secrets.token_urlsafe(32)}"


def digest_of(secret: str) -> str:
    """Return the digest under which *secret* is stored; one hash is enough for a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def successor_of(refresh_token: str, *, salt: str) -> str:
    """Return the refresh token that follows *refresh_token*.

    The result depends only on the arguments, so a client that lost the answer gets the same token again, and so do two
    concurrent requests. The next token cannot be computed without *salt*, which only the hub has.
    """
    hashed = hashlib.sha256(f"{salt}.{refresh_token}".encode()).digest()
    return f"{REFRESH}{urlsafe_b64encode(hashed).rstrip(b'=').decode()}"


def challenge_of(verifier: str) -> str:
    """Return the challenge of a PKCE verifier (RFC 7636, 4.2: S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
