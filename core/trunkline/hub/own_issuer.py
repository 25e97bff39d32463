"""The issuers of access tokens in the settings: the principals of their tokens, and the endpoints for users of connectors."""

import logging
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from trunkline.access.issuer_tokens import IssuerTokens
from trunkline.access.issuers import Issuer
from trunkline.contract import CallLimits, Companies, OpenOrigin
from trunkline.errors import SettingsInvalid
from trunkline.schemas.authorization import APP_SCOPES, OFFLINE, AuthorizationServer
from trunkline.settings import AppIssuer, Settings, TokenIssuer

_log = logging.getLogger(__name__)


class Issuers:
    """All issuers whose tokens are accepted. *companies* finds companies, *limits* counts the calls of each user."""

    def __init__(self, *, open_origin: OpenOrigin, companies: Companies, limits: CallLimits) -> None:
        self._open_origin = open_origin
        self._companies = companies
        self._limits = limits
        self._issuers: list[Issuer] = []

    def add(self, named: TokenIssuer) -> Issuer:
        """Make an issuer from the settings. Raises ValueError if they are not usable."""
        issuer = Issuer(
            named.issuer,
            open_origin=self._open_origin,
            log=_log,
            jwks_url=named.jwks_url,
            keys_max_age_seconds=named.keys_max_age,
        )
        self._issuers.append(issuer)
        return issuer

    def tokens(self, named: TokenIssuer, issuer: Issuer, audience: str, *or_for: str) -> IssuerTokens:
        """Make the check for tokens of *issuer* whose audience is *audience* or one of *or_for*."""
        listed = frozenset(named.companies.values())

        async def find_company(name: int | str) -> int:
            makes = name in listed or named.unknown_companies == "create"
            return await self._companies.existing(name, make=makes)

        return IssuerTokens(
            named, issuer, audience=audience, or_for=or_for, find_company=find_company, limits=self._limits
        )

    def key_ages(self) -> Iterator[tuple[str, float]]:
        """List the age in seconds of each issuer's keys, without issuers whose keys were never read."""
        ages = {issuer.url: issuer.keys_age_seconds for issuer in self._issuers}
        return ((url, age) for url, age in ages.items() if age < inf)


class OwnIssuer:
    """The issuer in ``auth.oauth``, and its tokens.

    Raises SettingsInvalid: the issuer's settings are not usable, or the audience of its tokens is not known.
    """

    def __init__(self, settings: Settings, issuers: Issuers) -> None:
        named = settings.auth.oauth
        assert named is not None
        self._named = named
        self._issuers = issuers
        self._metadata: Mapping[str, Any] = {}
        self._audience = named.audience or (settings.server.public_url or "").rstrip("/")
        if not self._audience:
            msg = "Setting 'auth.oauth.issuer': needs auth.oauth.audience or server.public_url: whom its tokens are for"
            raise SettingsInvalid(msg)
        try:
            self._issuer = issuers.add(named)
        except ValueError as error:
            msg = f"Setting 'auth.oauth': {error}"
            raise SettingsInvalid(msg) from None
        self.authenticate = self.access_tokens().authenticate

    def access_tokens(self, *audiences: str) -> IssuerTokens:
        """Make the check of the issuer's tokens, for the API's audience and for *audiences*."""
        return self._issuers.tokens(self._named, self._issuer, self._audience, *audiences)

    async def look_up(self) -> None:
        """Read the issuer's endpoints, unless the settings have them. Raises IssuerUnavailable."""
        if not (self._named.authorization_endpoint and self._named.token_endpoint):
            self._metadata = await self._issuer.metadata()

    def authorization_server(self) -> AuthorizationServer:
        """Describe the issuer as the authorization server of connectors, from the settings and the metadata read so far."""
        named, found = self._named, self._metadata
        can_last = OFFLINE in found.get("scopes_supported", ())
        scopes = named.app_scopes or (*_scopes_asked(named), *((OFFLINE,) if can_last else ()))
        parameters = named.authorization_parameters
        if parameters is None:
            consent = {"prompt": "consent"} if OFFLINE in scopes else {}
            parameters = {"resource": self._audience, **consent}
        return AuthorizationServer(
            authorization_endpoint=named.authorization_endpoint or found.get("authorization_endpoint", ""),
            token_endpoint=named.token_endpoint or found.get("token_endpoint", ""),
            revocation_endpoint=named.revocation_endpoint or found.get("revocation_endpoint", ""),
            scopes=tuple(scopes),
            parameters=parameters,
            issuer=named.issuer,
            audience=self._audience,
        )


def _scopes_asked(named: AppIssuer) -> Iterator[str]:
    """List the issuer's scopes that grant a connector's scopes, then the hub's own scopes that none of these grants."""
    given: set[str] = set()
    for theirs, ours in named.scopes.items():
        if not given.issuperset(needed := set(ours) & set(APP_SCOPES)):
            given |= needed
            yield theirs
    yield from (scope for scope in APP_SCOPES if scope not in given)
