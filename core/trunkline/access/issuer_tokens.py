"""Access tokens of a configured issuer: JSON Web Tokens (RFC 9068), and their principals.

``issuers`` verifies a token, ``claims`` reads it. This module maps the token to a company and scopes, and limits the calls of
all users of a company.
"""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from trunkline.access.claims import find_claim, is_access_token, read_company, read_environment, read_scopes
from trunkline.access.issuers import Issuer
from trunkline.contract import CallLimits
from trunkline.errors import CompanyUnknown, RateLimited, Refused, Unauthenticated
from trunkline.model.environments import in_environment
from trunkline.model.principals import Principal
from trunkline.settings import TokenIssuer

COMPANY_CALLS_PER_MINUTE = 6_000
"""The limit of calls with such tokens per company and minute, for all users together: the default reads of 100 keys."""
MAX_CHARACTERS = 8_192
"""The length of an access token; an ID token, which a provider hands over itself, may be longer."""
_NAMES = ("name", "preferred_username", "email", "client_id", "azp", "sub")
_MAX_NAME = 100
_OTHER_TOKEN = "This is an ID token or another token of the issuer, not an access token, which has scopes."  # noqa: S105 - a sentence


class CompanyCallsTaken(Refused):
    """The users of a company have together used up the calls of a minute."""

    status = 429
    title = "Too many requests"

    def __init__(self, retry_after: str) -> None:
        super().__init__(
            f"The users of this company may make {COMPANY_CALLS_PER_MINUTE} calls a minute together with access tokens; "
            f"try again in {retry_after} s."
        )
        self.headers = {"Retry-After": retry_after}


class IssuerTokens:
    """Finds the principals of tokens of *issuer*, by *settings*. Tokens must be for *audience*, or for one of *or_for*.

    *find_company* finds a company by its id or reference; it raises CompanyUnknown or CompanyErased.
    """

    PREFIX = "usr_"
    """The prefix of the ids of an issuer's users; ids of keys begin with ``key_``."""

    def __init__(
        self,
        settings: TokenIssuer,
        issuer: Issuer,
        *,
        audience: str,
        or_for: Collection[str] = (),
        find_company: Callable[[int | str], Awaitable[int]],
        limits: CallLimits,
    ) -> None:
        self._settings = settings
        self._issuer = issuer
        self._audience = audience
        self._or_for = or_for
        self._find_company = find_company
        self._limits = limits

    @property
    def issuer(self) -> str:
        """The issuer's address, as in its tokens."""
        return self._settings.issuer

    async def authenticate(self, token: str) -> Principal | None:
        """Find the principal of a token; None if it is not a JWT.

        Raises:
            Unauthenticated: the token is not valid here, or its user belongs to no company.
            IssuerUnavailable, StoreUnavailable: the check is not possible now.
            CompanyCallsTaken, CompanyErased: the user's company has used up its calls, or is being erased.
        """
        if token.count(".") != 2 or len(token) > MAX_CHARACTERS:
            return None
        is_marked = self._settings.typ == "at+jwt"
        types = ("at+jwt",) if is_marked else ("at+jwt", "jwt", "")
        claims = await self._issuer.claims(token, audience=self._audience, or_for=self._or_for, types=types)
        if not is_marked and not is_access_token(claims):
            raise Unauthenticated(_OTHER_TOKEN)
        company_id = await self._company(claims)
        holder, most = f"company:{company_id}", COMPANY_CALLS_PER_MINUTE
        try:
            await self._limits.count(holder, "access-tokens", per_minute=most)
        except RateLimited as refusal:
            raise CompanyCallsTaken(refusal.headers["Retry-After"]) from None
        who = f"{self._settings.issuer}|{claims['sub']}|{company_id}"
        user_id = f"{self.PREFIX}{hashlib.sha256(who.encode()).hexdigest()[:32]}"
        name = next((str(claims[one]) for one in _NAMES if claims.get(one)), "")[:_MAX_NAME]
        return Principal(user_id, company_id, name, read_scopes(claims, self._settings.scopes))

    async def _company(self, claims: Mapping[str, Any]) -> int:
        """Find the user's company from the claim, or from the table of users if the claim is missing.

        Raises Unauthenticated, CompanyErased.
        """
        settings = self._settings
        environment = read_environment(claims, settings.environment_claim)
        claim = find_claim(claims, settings.company_claim)
        if claim is None:
            named: int | str | None = settings.companies.get(str(claims["sub"]))
            fault = f"it has no claim '{settings.company_claim}', and its user is of no company here"
        else:
            named = read_company(claim, kind=settings.company_claim_is)
            fault = f"its claim '{settings.company_claim}' must be a company's {settings.company_claim_is}, not {claim!r:.60}"
        if named is None:
            msg = f"This access token names no company: {fault}."
            raise Unauthenticated(msg)
        try:
            return in_environment(await self._find_company(named), environment)
        except CompanyUnknown:
            msg = f"This access token names the company '{named}' in its claim '{settings.company_claim}', and there is none here."
            raise Unauthenticated(msg) from None
