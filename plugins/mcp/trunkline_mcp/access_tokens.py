"""Access tokens of an issuer: the one in this plugin's settings, or else the issuer of the whole API."""

from trunkline import PluginContext
from trunkline.routes import AccessTokens, BearerRequest, Principal, SettingsInvalid
from trunkline_mcp.settings import Settings
from trunkline_mcp.users import Users


class NotedTokens:
    """Authenticates tokens with *tokens*, and stores the users of valid tokens."""

    def __init__(self, context: PluginContext, tokens: AccessTokens) -> None:
        self.issuer = tokens.issuer
        self._tokens = tokens
        self._users = Users(context)

    async def authenticate(self, request: BearerRequest) -> Principal | None:
        """Find the principal of a token. Raises the same errors as ``AccessTokens.authenticate``."""
        principal = await self._tokens.authenticate(request.token)
        if principal is not None:
            await self._users.note(principal)
        return principal


def tokens_for(context: PluginContext) -> NotedTokens | None:
    """Make the authenticator of tokens for the server; None if no issuer is set.

    Raises:
        SettingsInvalid: the issuer's address cannot be dialled, or no audience is set.
    """
    assert isinstance(context.settings, Settings)
    named, public_url = context.settings.oauth, context.deployment.public_url
    own_address = () if public_url is None else (f"{public_url}/mcp",)
    if named is not None and not (named.audience or own_address):
        msg = "Setting 'mcp.oauth.issuer': needs mcp.oauth.audience or server.public_url: whom its tokens are for"
        raise SettingsInvalid(msg)
    try:
        tokens = context.deployment.access_tokens(*own_address, issuer=named)
    except ValueError as error:
        msg = f"Setting 'mcp.oauth': {error}"
        raise SettingsInvalid(msg) from None
    return None if tokens is None else NotedTokens(context, tokens)
