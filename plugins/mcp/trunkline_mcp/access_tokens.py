"""Access tokens of the issuer that the settings name: JSON Web Tokens (RFC 9068), for ``/mcp`` and nobody else."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from trunkline import PluginContext
from trunkline.routes import COMPANY_SCOPES, BearerRequest, Issuer, Principal, Unauthenticated, in_environment
from trunkline_mcp.settings import OAuth
from trunkline_mcp.users import PREFIX, Users

MAX_CHARACTERS = 8_192
MAX_COMPANY_ID = 2**63 - 1
_NAMES = ("name", "preferred_username", "email", "client_id", "azp", "sub")
_SCOPES = ("scope", "scp", "permissions")
_NO_COMPANY = "This access token names no company, and its user belongs to none here."


class AccessTokens:
    """Tells whose tokens of the issuer are. *audience* is who they must be for."""

    def __init__(self, context: PluginContext, settings: OAuth, *, audience: str) -> None:
        self._settings = settings
        self._audience = audience
        self._issuer = Issuer(
            settings.issuer, jwks_url=settings.jwks_url, open_origin=context.open_origin, log=context.log
        )
        self._users = Users(context)

    async def authenticate(self, request: BearerRequest) -> Principal | None:
        """Find the principal of a token; None for what is no JWT. Raises Unauthenticated, IssuerUnavailable."""
        if request.token.count(".") != 2 or len(request.token) > MAX_CHARACTERS:
            return None
        claims = await self._issuer.claims(request.token, audience=self._audience)
        principal = self._principal(claims)
        await self._users.note(principal)
        return principal

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
        if not 0 < found <= MAX_COMPANY_ID:
            return None
        return in_environment(
            found, "test" if claims.get(self._settings.environment_claim) == "test" else None
        )

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
