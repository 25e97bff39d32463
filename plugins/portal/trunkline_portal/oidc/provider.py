"""The provider: returns its sign-in and sign-out addresses, and exchanges a code for claims."""

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import orjson

from trunkline import PluginContext, Refused
from trunkline.routes import Issuer, TrunklineError, Unauthenticated
from trunkline_portal.oidc.attempts import Attempt
from trunkline_portal.oidc.people import says_who
from trunkline_portal.oidc.settings import Oidc

AT_ONCE = 8
"""Limit of codes that one process exchanges at once."""
LIMIT_SECONDS = 15
FRESH_SECONDS = 60
"""Age limit of the provider's metadata at a sign-in, so that people are not sent to a provider that is down."""
MAX_CODE = 4_096
_FAILURES = (OSError, TimeoutError, TrunklineError, ValueError, KeyError, TypeError)


class ProviderAway(Refused):
    """The provider does not answer."""

    status = 503
    title = "The identity provider does not answer"

    def __init__(self, issuer: str, *, has_keys: bool) -> None:
        other = " Sign in with an API key, or try" if has_keys else " Try"
        super().__init__(f"Nothing came from {urlsplit(issuer).netloc}.{other} again in a minute.")
        self.headers = {"Retry-After": "30"}


class SignInFailed(Refused):
    """The provider's answer does not permit a sign-in."""

    status = 400
    title = "You could not be signed in"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Begin again; if that does not help, tell the operator of this service.")


class Provider:
    """The OpenID Connect provider in the settings, which sends people back to *redirect_uri*.

    Raises:
        ValueError: the provider's address cannot be dialled.
    """

    def __init__(self, context: PluginContext, settings: Oidc, *, redirect_uri: str, has_keys: bool) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._has_keys = has_keys
        self._log = context.log
        self._issuer = Issuer(settings.issuer, open_origin=context.open_origin, log=context.log)
        self._exchanges = asyncio.Semaphore(AT_ONCE)

    async def sign_in_url(self, attempt: Attempt) -> str:
        """Return the sign-in address for a browser. Raises ProviderAway."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return _with_query((await self._metadata())["authorization_endpoint"], asked)

    async def sign_out_url(self, back: str) -> str | None:
        """Return the provider's sign-out address, which leads to *back*; None if the provider has none. Raises ProviderAway."""
        there = (await self._metadata()).get("end_session_endpoint")
        asked = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        return None if there is None else _with_query(there, asked)

    async def claims(self, query: Mapping[str, str], attempt: Attempt) -> Mapping[str, Any]:
        """Return the provider's claims about the person who came back with *query*.

        Raises:
            ProviderAway: the provider does not answer, or too many requests are waiting for it.
            SignInFailed: the provider refused, or its answer does not match this attempt.
        """
        if query.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207
            why = "The answer is of another issuer than the one that was asked."
            raise SignInFailed(why)
        if not 0 < len(query.get("code", "")) <= MAX_CODE:
            why = f"The identity provider refused the sign-in{_said(query.get('error'))}."
            raise SignInFailed(why)
        if self._exchanges.locked():
            raise self._away()
        async with self._exchanges:
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    return await self._exchange(query, attempt)
            except Unauthenticated as refusal:
                raise SignInFailed(refusal.detail) from None
            except SignInFailed:
                raise
            except _FAILURES as error:
                self._log.warning("a code could not be exchanged at %s: %s", self._settings.issuer, error)
                raise self._away() from None

    async def _exchange(self, query: Mapping[str, str], attempt: Attempt) -> Mapping[str, Any]:
        metadata = await self._issuer.metadata()
        if metadata.get("authorization_response_iss_parameter_supported") is True and "iss" not in query:
            why = "The answer does not say which issuer it is of, as this one's answers do."
            raise SignInFailed(why)
        fields = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": self._redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = self._authorize(fields, metadata)
        body = urlencode(fields).encode()
        answer = await self._issuer.post(metadata["token_endpoint"], body=body, headers=headers)
        if answer.status >= 500 or answer.status == 429:
            msg = f"its token endpoint answered with {answer.status}"
            raise ValueError(msg)
        tokens = orjson.loads(answer.body)
        if not isinstance(tokens, dict):
            msg = "its token endpoint answered with no JSON object"
            raise TypeError(msg)
        if answer.status != 200:
            error, more = tokens.get("error"), tokens.get("error_description")
            self._log.warning("%s refused a code: %.60s, %.200s", self._settings.issuer, error, more)
            why = f"The identity provider did not accept its own code{_said(error)}."
            raise SignInFailed(why)
        return await self._checked(tokens, attempt, metadata)

    async def _checked(
        self, tokens: Mapping[str, Any], attempt: Attempt, metadata: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Check the ID token (OpenID Connect Core, 3.1.3.7), and fetch the claims that it lacks."""
        own_id = self._settings.client_id
        claims = await self._issuer.claims(str(tokens["id_token"]), audience=own_id, kind="ID token")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
            why = "The ID token was made for another sign-in: its nonce is not the one that was sent."
            raise SignInFailed(why)
        if claims.get("azp", own_id) != own_id:
            why = "The ID token was made for another client: its claim azp says so."
            raise SignInFailed(why)
        userinfo = metadata.get("userinfo_endpoint")
        if says_who(claims, self._settings) or userinfo is None or "access_token" not in tokens:
            return claims
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        more = await self._issuer.get(str(userinfo), headers=bearer)
        return {**more, **claims} if more.get("sub") == claims["sub"] else claims

    def _authorize(self, fields: dict[str, str], metadata: Mapping[str, Any]) -> dict[str, str]:
        """Authenticate the client: in a header, or in *fields* if the provider takes no header or there is no secret."""
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        own_id, secret = self._settings.client_id, self._settings.client_secret
        if secret is None:
            fields["client_id"] = own_id
            return headers
        text = secret.get_secret_value()
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            fields |= {"client_id": own_id, "client_secret": text}
            return headers
        pair = f"{quote_plus(own_id)}:{quote_plus(text)}".encode()
        return {**headers, "authorization": f"Basic {b64encode(pair).decode()}"}

    async def _metadata(self) -> Mapping[str, Any]:
        try:
            return await self._issuer.metadata(max_age_seconds=FRESH_SECONDS)
        except Refused:
            raise self._away() from None

    def _away(self) -> ProviderAway:
        return ProviderAway(self._settings.issuer, has_keys=self._has_keys)


def _with_query(endpoint: str, asked: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"


def _said(error: object) -> str:
    """Return the error code *error* if it is well formed (RFC 6749, 5.2)."""
    is_code = isinstance(error, str) and len(error) <= 60 and error.replace("_", "").isalnum()
    return f": it says '{error}'" if is_code else ""
