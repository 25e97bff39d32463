"""The OAuth 2.0 server at which users of a connector sign in, and the scopes that the connector requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trunkline.errors import Refused

APP_SCOPES = ("events:read", "webhooks:write", "integrations:read", "integrations:write")
"""The scopes that a connector requests."""
OFFLINE = "offline_access"
"""The scope for which many issuers grant a refresh token (OpenID Connect Core, 11)."""


class EndpointsUnknown(Refused):
    """The endpoints of *issuer* are unknown."""

    status = 503
    title = "Service unavailable"

    def __init__(self, issuer: str) -> None:
        super().__init__(
            f"Where {issuer} lets users of connectors sign in is not known, as its metadata could not be read: try again where it "
            "can be reached, or set auth.oauth.authorization_endpoint and auth.oauth.token_endpoint."
        )
        self.headers = {"Retry-After": "30"}


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """A server at which users of a connector sign in: the hub itself, or the product's own *issuer*.

    *authorization_endpoint* and *token_endpoint* are empty if they are unknown, *revocation_endpoint* if there is none.
    The connector requests *scopes*, and adds *parameters* to the address to which it sends users. *audience* is the
    audience of the tokens.
    """

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str = ""
    scopes: tuple[str, ...] = APP_SCOPES
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    issuer: str = ""
    audience: str = ""

    def require_endpoints(self) -> None:
        """Check that the endpoints are known. Raises EndpointsUnknown."""
        if not (self.authorization_endpoint and self.token_endpoint):
            raise EndpointsUnknown(self.issuer)


def own_server(api_url: str) -> AuthorizationServer:
    """Return the authorization server of the hub at *api_url* (the plugin ``oauth``)."""
    root = f"{api_url}/oauth"
    return AuthorizationServer(f"{root}/authorize", f"{root}/token", f"{root}/revoke")
