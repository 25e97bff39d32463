"""The issuer of access tokens that ``auth.oauth`` names, and whom its tokens let in."""

import logging
from typing import Protocol

from trunkline.access.issuer_tokens import IssuerTokens
from trunkline.access.issuers import Issuer
from trunkline.contract import BearerRequest, CallLimits, OpenOrigin
from trunkline.errors import SettingsInvalid
from trunkline.model.principals import Principal
from trunkline.settings import Settings
from trunkline.store.directory import CompanyDirectory

_log = logging.getLogger(__name__)


class Tokens(Protocol):
    """What knows whose a bearer token is that is no API key."""

    async def authenticate(self, request: BearerRequest) -> Principal | None:
        """Find the principal; None where nobody knows the token."""
        ...


class OwnIssuer:
    """The issuer and its tokens. *directory* knows companies, *limits* counts what the users of one call.

    Raises:
        SettingsInvalid: the issuer cannot be asked, or nobody says whom its tokens are for.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        open_origin: OpenOrigin,
        directory: CompanyDirectory,
        limits: CallLimits,
    ) -> None:
        named = settings.auth.oauth
        assert named is not None
        self._named = named
        self._directory = directory
        self._limits = limits
        self._audience = named.audience or (settings.server.public_url or "").rstrip("/")
        if not self._audience:
            msg = "Setting 'auth.oauth.issuer': needs auth.oauth.audience or server.public_url: whom its tokens are for"
            raise SettingsInvalid(msg)
        try:
            self._issuer = Issuer(named.issuer, open_origin=open_origin, log=_log, jwks_url=named.jwks_url)
        except ValueError as error:
            msg = f"Setting 'auth.oauth': {error}"
            raise SettingsInvalid(msg) from None

    def access_tokens(self, *audiences: str) -> IssuerTokens:
        """Give what knows its tokens: those for whom the API's are, and for *audiences*."""
        return IssuerTokens(
            self._named,
            self._issuer,
            audience=self._audience,
            or_for=audiences,
            find_company=self._directory.id_now,
            limits=self._limits,
        )


class AlsoOfIssuer:
    """What knows tokens, and those of the issuer where nobody else does."""

    def __init__(self, tokens: Tokens, issuer: IssuerTokens) -> None:
        self._tokens = tokens
        self._issuer = issuer

    async def authenticate(self, request: BearerRequest) -> Principal | None:
        """Find the principal. Raises what either does."""
        principal = await self._tokens.authenticate(request)
        return principal or await self._issuer.authenticate(request.token)
