"""Client assertions (RFC 7523): an app authenticates by a JWT, signed with its own key and used once."""

import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from trunkline import HttpClient, PluginContext
from trunkline.routes import Issuer, Unauthenticated
from trunkline_oauth import store
from trunkline_oauth.errors import invalid_client
from trunkline_oauth.model import App

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "ES256", "EdDSA")
MOST_SECONDS = 3_600
"""The longest time after which an assertion may expire; the assertion's ``jti`` is stored until then."""
PER_MINUTE = 600
"""Limit of one app's assertions in a minute: each assertion is stored as a row until it expires."""
MAX_KEPT = 1_000
"""The maximum number of apps whose keys are cached; anybody can add an app by naming the address of a document."""
_MAX_JTI = 256
_REGISTERED = "https://registered.invalid/jwks"


class Assertions:
    """Checks the assertions of apps."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._keys: dict[str, _AppKeys] = {}

    async def check(self, app: App, assertion: str, *, audiences: Sequence[str]) -> None:
        """Check that *app* has signed *assertion* for one of *audiences*, and that *assertion* was not used before.

        Raises:
            OAuthError: the assertion is not valid, or was used before.
            IssuerUnavailable: the app's keys cannot be read now.
            RateLimited: the app has reached its limit for this minute.
        """
        try:
            keys = self._keys.get(app.client_id)
            if keys is None or keys.app != app:
                if len(self._keys) >= MAX_KEPT:
                    del self._keys[next(iter(self._keys))]
                keys = self._keys[app.client_id] = _AppKeys(app, self._context)
            claims = await keys.claims(
                assertion, audience=audiences[0], or_for=audiences[1:], kind="client assertion"
            )
        except Unauthenticated as error:
            raise invalid_client(error.detail) from None
        now_ms, jti = self._context.clock.now_ms(), claims.get("jti")
        expires_ms = int(claims["exp"]) * 1000  # PyJWT takes a number in text, too
        if claims["sub"] != app.client_id:
            msg = "The client assertion's sub must be the client_id, as its iss is."
            raise invalid_client(msg)
        if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
            msg = f"The client assertion needs a jti of 1 to {_MAX_JTI} characters."
            raise invalid_client(msg)
        if expires_ms > now_ms + MOST_SECONDS * 1000:
            msg = f"The client assertion must expire within {MOST_SECONDS} s."
            raise invalid_client(msg)
        await self._context.limits.count(app.client_id, "oauth_assertions", per_minute=PER_MINUTE)
        digest = hashlib.sha256(f"{app.client_id}\n{jti}".encode()).hexdigest()
        aged_ms = self._context.deployment.aged_ms(now_ms - 60_000)  # the token may have just expired
        async with self._context.database.write() as connection:
            if not await store.take_assertion(connection, digest, expires_ms=expires_ms, aged_ms=aged_ms):
                msg = "This client assertion was used before; make a new one for each call."
                raise invalid_client(msg)


class _AppKeys(Issuer):
    """The keys of *app*: the registered ones, or the keys at its ``jwks_uri``, read by the guarded client."""

    def __init__(self, app: App, context: PluginContext) -> None:
        def guarded(url: str, *, timeout_seconds: float) -> HttpClient:  # noqa: ARG001 - the guarded client has its own
            return context.http

        self.app = app
        jwks_url = app.jwks_uri or _REGISTERED
        super().__init__(app.client_id, open_origin=guarded, log=context.log, jwks_url=jwks_url)

    async def get(self, url: str, *, headers: Mapping[str, str]) -> dict[str, Any]:
        """Read the app's keys."""
        if self.app.jwks is None:
            return await super().get(url, headers=headers)
        document: dict[str, Any] = orjson.loads(self.app.jwks)
        return document


def client_id_in(assertion: str) -> str:
    """Read the unverified client id of an assertion. Raises OAuthError."""
    try:
        payload = assertion.split(".")[1]
        return str(orjson.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])
    except (IndexError, KeyError, TypeError, ValueError):
        msg = "The client assertion is no JSON Web Token with a sub."
        raise invalid_client(msg) from None
