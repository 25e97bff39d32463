"""What the official client keeps of its OAuth, for a client that is registered already."""

from mcp.shared.auth import OAuthClientInformationFull


class Kept:
    """What the client keeps; that it is registered, it knows from the start."""

    def __init__(self, registered: OAuthClientInformationFull) -> None:
        self.registered = registered
        self.tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.registered

    async def set_client_info(self, client_info):
        raise AssertionError("it registered itself")
