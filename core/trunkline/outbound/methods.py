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
        """Read the resource at *url*. Raises as ``post`` does."""
        return await self.send("GET", url, headers=headers)

    async def put(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Replace the resource at *url* with *body*. Raises as ``post`` does."""
        return await self.send("PUT", url, headers=headers, body=body)

    async def patch(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Change the resource at *url* as *body* says. Raises as ``post`` does."""
        return await self.send("PATCH", url, headers=headers, body=body)

    async def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Delete the resource at *url*. Raises as ``post`` does."""
        return await self.send("DELETE", url, headers=headers)
