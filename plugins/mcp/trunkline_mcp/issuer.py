"""The keys of the issuer that the settings name (JWKS): read when they are needed, and anew when a token names an unknown one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import jwt
import orjson

from trunkline import PluginContext, Refused
from trunkline.routes import TrunklineError
from trunkline_mcp.settings import OAuth

TIMEOUT_SECONDS = 5.0
KEPT_SECONDS = 3_600
"""How long keys are used before they are read anew: one that the issuer takes back is gone after that."""
PAUSE_SECONDS = 30
"""How long it is at least from one reading to the next, however many unknown keys tokens name."""


class IssuerUnavailable(Refused):
    """The issuer's keys cannot be read now, so nobody can tell whether its tokens are valid."""

    status = 503
    title = "Service unavailable"

    def __init__(self) -> None:
        super().__init__("The keys of the issuer of access tokens cannot be read now; try again in 30 s.")
        self.headers = {"Retry-After": "30"}


class IssuerKeys:
    """Gives the issuer's keys by their ids. The way out is opened at start, and leads to the issuer alone.

    Raises:
        ValueError: the issuer's address, or that of its keys, cannot be dialled.
    """

    def __init__(self, context: PluginContext, settings: OAuth) -> None:
        self._settings = settings
        self._log = context.log
        self._http = context.open_origin(
            settings.jwks_url or settings.issuer, timeout_seconds=TIMEOUT_SECONDS
        )
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._read_at = -float("inf")
        self._tried_at = -float("inf")
        self._lock = asyncio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """Find a key, the only one for None; None where the issuer has no such key. Raises IssuerUnavailable."""
        if self._is_missing(key_id):
            async with self._lock:
                if self._is_missing(key_id) and time.monotonic() >= self._tried_at + PAUSE_SECONDS:
                    await self._read()
        if not self._keys:
            raise IssuerUnavailable
        return self._keys.get(key_id)

    def _is_missing(self, key_id: str | None) -> bool:
        return key_id not in self._keys or time.monotonic() > self._read_at + KEPT_SECONDS

    async def _read(self) -> None:
        self._tried_at = time.monotonic()
        try:
            document = await self._document(self._settings.jwks_url or await self._discover())
            keys = _usable(document["keys"])
        except (OSError, TimeoutError, TrunklineError, ValueError, KeyError, TypeError) as error:
            self._log.warning("the keys of %s could not be read: %s", self._settings.issuer, error)
            return
        self._keys, self._read_at = keys, time.monotonic()

    async def _discover(self) -> str:
        """Find where the keys are, by the issuer's own metadata."""
        base = self._settings.issuer.rstrip("/")
        metadata = await self._document(f"{base}/.well-known/openid-configuration")
        if metadata.get("issuer") != self._settings.issuer:
            msg = f"its metadata are of another issuer, {metadata.get('issuer')!r:.100}"
            raise ValueError(msg)
        return str(metadata["jwks_uri"])

    async def _document(self, url: str) -> dict[str, Any]:
        answer = await self._http.get(url, headers={"accept": "application/json"})
        if answer.status != 200:
            msg = f"{url} was answered with {answer.status}"
            raise ValueError(msg)
        document = orjson.loads(answer.body)
        if not isinstance(document, dict):
            msg = f"{url} has no JSON object"
            raise TypeError(msg)
        return document


def _usable(keys: list[dict[str, Any]]) -> dict[str | None, jwt.PyJWK]:
    """Choose the public keys that sign; one alone also stands for tokens that name none."""
    found: dict[str | None, jwt.PyJWK] = {}
    for key in keys:
        if key.get("kty") == "oct" or key.get("use", "sig") != "sig":
            continue
        try:
            found[key.get("kid")] = jwt.PyJWK.from_dict(key)
        except jwt.PyJWTError:  # of a kind that nobody here knows
            continue
    if len(found) == 1:
        found[None] = next(iter(found.values()))
    return found
