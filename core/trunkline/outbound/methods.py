"""The HTTP methods besides POST, for the clients of channels and plugins."""

from collections.abc import Mapping

from trunkline.contract import HttpResponse


class OtherMethods:
    """The methods of an ``HttpClient`` besides ``post``, built on ``send``."""

    __slots__ = ()

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        """Make a call. Raises as ``post`` does."""
        raise NotImplementedError

    async def get(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Read what is at *url*. Raises as ``post`` does."""
        return await self.send("GET", url, headers=headers)

    async def put(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Put *body* at *url*. Raises as ``post`` does."""
        return await self.send("PUT", url, headers=headers, body=body)

    async def patch(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Change what is at *url* by *body*. Raises as ``post`` does."""
        return await self.send("PATCH", url, headers=headers, body=body)

    async def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Delete what is at *url*. Raises as ``post`` does."""
        return await self.send("DELETE", url, headers=headers)
