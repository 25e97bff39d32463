"""The official client's OAuth storage."""

from mcp.shared.auth import OAuthClientInformationFull


class Kept:
    """The client's storage; a registered client may not register again."""

    def __init__(self, registered: OAuthClientInformationFull | None = None) -> None:
        self.registered = registered
        self.tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.registered

    async def set_client_info(self, client_info):
        assert self.registered is None, "it registered itself"
        self.registered = client_info
