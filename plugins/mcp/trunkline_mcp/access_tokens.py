"""Access tokens of the issuer that the settings name: JSON Web Tokens (RFC 9068), for ``/mcp`` and nobody else."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import jwt

from trunkline import PluginContext
from trunkline.routes import COMPANY_SCOPES, BearerRequest, Principal, Unauthenticated
from trunkline_mcp.issuer import IssuerKeys
from trunkline_mcp.settings import OAuth
from trunkline_mcp.users import PREFIX, Users

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Signatures that count: by a key of which the hub has the public half. Never a shared secret, never none."""
MAX_CHARACTERS = 8_192
LEEWAY_SECONDS = 30
MAX_COMPANY_ID = 2**63 - 1
_NAMES = ("name", "preferred_username", "email", "client_id", "azp", "sub")
_SCOPES = ("scope", "scp", "permissions")
_SENTENCES: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "This access token has expired; get a new one.",
    jwt.ImmatureSignatureError: "This access token is not valid yet.",
    jwt.InvalidAudienceError: "This access token is for somebody else: its audience is not this server.",
    jwt.InvalidIssuerError: "This access token is of another issuer.",
    jwt.MissingRequiredClaimError: "This access token lacks a claim that it needs: iss, aud, sub and exp.",
}
_INVALID = (
    "This access token is not valid: its form, its signature or its algorithm is not one that counts here."
)
_NO_COMPANY = "This access token names no company, and its user belongs to none here."


class AccessTokens:
    """Tells whose tokens of the issuer are. *audience* is who they must be for."""

    def __init__(self, context: PluginContext, settings: OAuth, *, audience: str) -> None:
        self._settings = settings
        self._audience = audience
        self._keys = IssuerKeys(context, settings)
        self._users = Users(context)

    async def authenticate(self, request: BearerRequest) -> Principal | None:
        """Find the principal of a token; None for what is no JWT. Raises Unauthenticated, IssuerUnavailable."""
        if request.token.count(".") != 2 or len(request.token) > MAX_CHARACTERS:
            return None
        principal = self._principal(await self._claims(request.token))
        await self._users.note(principal)
        return principal

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise Unauthenticated(_INVALID)
            key = await self._keys.find(header.get("kid"))
            if key is None:
                raise Unauthenticated(_INVALID)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "sub", "exp"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(_SENTENCES.get(type(error), _INVALID)) from None
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        company_id = self._company(claims)
        if company_id is None:
            raise Unauthenticated(_NO_COMPANY)
        who = f"{self._settings.issuer}|{claims['sub']}|{company_id}"
        user_id = f"{PREFIX}{hashlib.sha256(who.encode()).hexdigest()[:32]}"
        name = next((str(claims[one]) for one in _NAMES if claims.get(one)), "")[:100]
        return Principal(user_id, company_id, name, frozenset(self._scopes(claims)))

    def _company(self, claims: Mapping[str, Any]) -> int | None:
        """Find the company: by the claim, or by the table of users; digits in a text count."""
        claim = claims.get(self._settings.company_claim)
        found = claim if claim is not None else self._settings.companies.get(str(claims["sub"]))
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 19:
            found = int(found)
        if not isinstance(found, int) or isinstance(found, bool):
            return None
        return found if 0 < found <= MAX_COMPANY_ID else None

    def _scopes(self, claims: Mapping[str, Any]) -> Iterable[str]:
        for claim in _SCOPES:
            value = claims.get(claim, ())
            names = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
            for name in names:
                mapped = self._settings.scopes.get(str(name), (str(name),))
                yield from (scope for scope in mapped if scope in COMPANY_SCOPES)


def audience_of(context: PluginContext, settings: OAuth) -> str:
    """Tell who tokens must be for: as the settings say, or the server's own address. Raises ValueError: neither is known."""
    if settings.audience:
        return settings.audience
    if context.deployment.public_url is None:
        msg = "mcp.oauth.issuer needs mcp.oauth.audience or server.public_url: whom its tokens are for"
        raise ValueError(msg)
    return f"{context.deployment.public_url}/mcp"
