"""A configured issuer of tokens: its metadata, its keys (JWKS), and the verification of its tokens.

Documents are read when they are needed. Keys are read again when a token names an unknown key, at most once in
``PAUSE_SECONDS``. A token with a known key never waits for a new reading.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

import orjson

from trunkline.contract import HttpClient, HttpResponse, OpenOrigin
from trunkline.errors import BodyInvalid, Refused, TrunklineError, Unauthenticated
from trunkline.runtime.strict_json import read_json

if TYPE_CHECKING:
    import jwt

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""The accepted signature algorithms: only those with a key pair, never a shared secret and never ``none``."""
LEEWAY_SECONDS = 30
TIMEOUT_SECONDS = 5.0
KEPT_SECONDS = 3_600
"""How long documents are used before they are read again; keys are then read in the background."""
KEYS_MAX_AGE_SECONDS = 86_400
"""How long keys are valid while they cannot be read again; the default of ``keys_max_age``."""
PAUSE_SECONDS = 30
"""The minimum time between two readings, however many unknown keys tokens name."""
MAX_ORIGINS = 4
"""The number of origins that an issuer's metadata may name: its own, and a few more, because large issuers use several."""
_ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "end_session_endpoint",
    "revocation_endpoint",
)
_SENTENCES = {
    "ExpiredSignatureError": "This {kind} has expired; get a new one.",
    "ImmatureSignatureError": "This {kind} is not valid yet.",
    "InvalidAudienceError": "This {kind} is for somebody else: its audience is not this server.",
    "InvalidIssuerError": "This {kind} is of another issuer.",
    "MissingRequiredClaimError": "This {kind} lacks a claim that it needs: iss, aud, sub and exp.",
}
"""Messages, keyed by the names of PyJWT's errors, because PyJWT is only imported if there is an issuer."""
_INVALID = "This {kind} is not valid: its form, its signature or its algorithm is not one that counts here."
_FAILURES = (OSError, TimeoutError, TrunklineError, ValueError, KeyError, TypeError)

Document = TypeVar("Document")


class IssuerUnavailable(Refused):
    """The issuer cannot be read now, so its tokens cannot be verified."""

    status = 503
    title = "Service unavailable"

    def __init__(self) -> None:
        super().__init__("The issuer of access tokens, or its keys, cannot be read now; try again in 30 s.")
        self.headers = {"Retry-After": "30"}


class _DocumentMissing(ValueError):
    """The issuer has no document at the address."""


class _Kept(Generic[Document]):
    """A cached document. *read* may raise one of ``_FAILURES``, which is passed to *failed*."""

    def __init__(
        self, read: Callable[[], Awaitable[Document]], *, failed: Callable[[Exception], None]
    ) -> None:
        self._read = read
        self._failed = failed
        self._document: Document | None = None
        self._read_at = self._tried_at = -float("inf")
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[Document | None] | None = None

    async def get(
        self, *, max_age_seconds: float, is_enough: Callable[[Document], bool] = lambda _: True
    ) -> Document | None:
        """Return the document; read it again first if it is too old or not *is_enough*.

        If that fails, the previous document is returned.
        """
        if not self._lacks(max_age_seconds, is_enough):
            return self._document
        async with self._lock:
            may_try = time.monotonic() >= self._tried_at + PAUSE_SECONDS
            if may_try and self._lacks(max_age_seconds, is_enough):
                self._tried_at = time.monotonic()
                try:
                    self._document = await self._read()
                    self._read_at = time.monotonic()
                except _FAILURES as error:
                    self._failed(error)
        return self._document

    def known(self, *, max_age_seconds: float) -> Document | None:
        """Return the document; None if it was last read more than *max_age_seconds* ago."""
        return self._document if self.age_seconds <= max_age_seconds else None

    def renew_beside(self, *, max_age_seconds: float) -> None:
        """Begin to read the document again in the background if it is older than *max_age_seconds*."""
        may_try = time.monotonic() >= self._tried_at + PAUSE_SECONDS
        is_free = self._renewal is None or self._renewal.done()
        if self.age_seconds > max_age_seconds and may_try and is_free:
            self._renewal = asyncio.create_task(self.get(max_age_seconds=max_age_seconds))

    @property
    def age_seconds(self) -> float:
        """The age of the document; infinite if it was never read."""
        return time.monotonic() - self._read_at

    @property
    def is_fresh(self) -> bool:
        """Return whether the last reading succeeded."""
        return self._read_at >= self._tried_at

    def _lacks(self, max_age_seconds: float, is_enough: Callable[[Document], bool]) -> bool:
        known = self.known(max_age_seconds=max_age_seconds)
        return known is None or not is_enough(known)


class Issuer:
    """The issuer at *url*; its keys are at *jwks_url*, or at the address in its metadata. Only its own origins can be called.

    A key is valid for *keys_max_age_seconds* after it was last read.

    Raises ValueError: the URL of the issuer or of its keys cannot be called.
    """

    def __init__(
        self,
        url: str,
        *,
        open_origin: OpenOrigin,
        log: logging.Logger,
        jwks_url: str | None = None,
        keys_max_age_seconds: float = KEYS_MAX_AGE_SECONDS,
    ) -> None:
        self.url = url
        self._keys_max_age_seconds = keys_max_age_seconds
        self._open_origin = open_origin
        self._log = log
        self._jwks_url = jwks_url
        self._clients: dict[str, HttpClient] = {}
        self._client(jwks_url or url)
        self._metadata = _Kept(self._read_metadata, failed=self._note)
        self._keys = _Kept(self._read_keys, failed=self._note)

    async def metadata(self, *, max_age_seconds: float = KEPT_SECONDS) -> Mapping[str, Any]:
        """Return the issuer's metadata (OpenID Connect Discovery), at most *max_age_seconds* old.

        Raises IssuerUnavailable: the metadata cannot be read now, or could not be read at the last try.
        """
        metadata = await self._metadata.get(max_age_seconds=max_age_seconds)
        if metadata is None or not self._metadata.is_fresh:
            raise IssuerUnavailable
        return metadata

    @property
    def keys_age_seconds(self) -> float:
        """The age of the issuer's keys; infinite if they were never read."""
        return self._keys.age_seconds

    async def claims(
        self,
        token: str,
        *,
        audience: str,
        or_for: Collection[str] = (),
        kind: str = "access token",
        types: Collection[str] | None = None,
    ) -> Mapping[str, Any]:
        """Verify a JWT of the issuer for *audience*, or for one of *or_for*, and return its claims.

        Error messages call the token *kind*. *types* are the accepted values of ``typ`` in its header, in lower case, ``""``
        for a header without it; if None, any value is accepted.

        Raises:
            Unauthenticated: the token is not valid, or is of another issuer or for another audience.
            IssuerUnavailable: the token cannot be verified now.
        """
        import jwt  # noqa: PLC0415
        from jwt.utils import base64url_decode  # noqa: PLC0415

        invalid = Unauthenticated(_INVALID.format(kind=kind))
        try:
            for part in token.split(".")[:2]:
                read_json(
                    base64url_decode(part)
                )  # PyJWT takes half a surrogate pair, which nothing can store
        except (BodyInvalid, ValueError):
            raise invalid from None
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise invalid
            typ = str(header.get("typ", "")).lower().removeprefix("application/")
            if types is not None and typ not in types:
                sentence = f"This {kind} has the type '{typ[:60]}' in its header (typ), not 'at+jwt'."
                raise Unauthenticated(sentence)
            key = await self._key(header.get("kid"))
            if key is None:
                raise invalid
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=[audience, *or_for],
                issuer=self.url,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "sub", "exp"]},
            )
        except jwt.PyJWTError as error:
            sentence = _SENTENCES.get(type(error).__name__, _INVALID)
            raise Unauthenticated(sentence.format(kind=kind)) from None
        return claims

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to one of the issuer's endpoints. Raises OSError, TimeoutError, AddressRefused, ValueError."""
        return await self._client(url).post(url, body=body, headers=headers)

    async def get(self, url: str, *, headers: Mapping[str, str]) -> dict[str, Any]:
        """Read the JSON object at *url*. Raises as ``post`` does, and TypeError."""
        answer = await self._client(url).get(url, headers={"accept": "application/json", **headers})
        if answer.status != 200:
            msg = f"{url} was answered with {answer.status}"
            raise (_DocumentMissing if answer.status == 404 else ValueError)(msg)
        document = orjson.loads(answer.body)
        if not isinstance(document, dict):
            msg = f"{url} has no JSON object"
            raise TypeError(msg)
        return document

    async def _key(self, key_id: str | None) -> "jwt.PyJWK | None":
        """Find a key by its id (None: the only key). Returns None if there is no such key. Raises IssuerUnavailable."""
        max_age_seconds = self._keys_max_age_seconds
        keys = self._keys.known(max_age_seconds=max_age_seconds)
        if not keys or key_id not in keys:
            await self._keys.get(max_age_seconds=max_age_seconds, is_enough=lambda known: key_id in known)
            keys = self._keys.known(max_age_seconds=max_age_seconds)
        if not keys:
            raise IssuerUnavailable
        self._keys.renew_beside(max_age_seconds=min(KEPT_SECONDS, max_age_seconds / 2))
        return keys.get(key_id)

    async def _read_keys(self) -> "Mapping[str | None, jwt.PyJWK]":
        document = await self.get(self._jwks_url or str((await self.metadata())["jwks_uri"]), headers={})
        if not isinstance(keys := document["keys"], list):
            raise TypeError("its keys are not a list")
        return _usable(keys)

    async def _read_metadata(self) -> Mapping[str, Any]:
        try:
            metadata = await self.get(f"{self.url.rstrip('/')}/.well-known/openid-configuration", headers={})
        except _DocumentMissing:
            parts = urlsplit(self.url)
            place = f"/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"  # RFC 8414, 3.1
            metadata = await self.get(f"{parts.scheme}://{parts.netloc}{place}", headers={})
        if metadata.get("issuer") != self.url:
            msg = f"its metadata are of another issuer, {metadata.get('issuer')!r:.100}"
            raise ValueError(msg)
        for name in _ENDPOINTS:
            if self.url.startswith("https:") and not str(metadata.get(name, "https:")).startswith("https:"):
                msg = f"its {name} is not reached by HTTPS"
                raise ValueError(msg)
        return metadata

    def _client(self, url: str) -> HttpClient:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._clients:
            if len(self._clients) >= MAX_ORIGINS:
                msg = f"its endpoints are at more than {MAX_ORIGINS} origins"
                raise ValueError(msg)
            self._clients[origin] = self._open_origin(origin, timeout_seconds=TIMEOUT_SECONDS)
        return self._clients[origin]

    def _note(self, error: Exception) -> None:
        self._log.warning("the issuer %s could not be read: %s", self.url, error)


def _usable(keys: list[Any]) -> "dict[str | None, jwt.PyJWK]":
    """Choose the public signing keys; other keys are skipped. A single key is also used for tokens without a key id.

    A private key (``d``) is not read: finding the factors of a large one would take hours.
    """
    import jwt  # noqa: PLC0415

    found: dict[str | None, jwt.PyJWK] = {}
    for key in keys:
        try:
            if key.get("kty") != "oct" and "d" not in key and key.get("use", "sig") == "sig":
                found[key.get("kid")] = jwt.PyJWK.from_dict(key)
        except (jwt.PyJWTError, AttributeError, KeyError, NotImplementedError, TypeError, ValueError):
            continue
    if len(found) == 1:
        found[None] = next(iter(found.values()))
    return found
