"""The HTTP methods of the clients of channels and plugins."""

from collections.abc import Mapping

from trunkline.contract import HttpResponse


class HttpMethods:
    """The methods of an ``HttpClient``, built on ``send``."""

    __slots__ = ()

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        """Make a call."""
        raise NotImplementedError

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to *url*. Raises as ``send`` does."""
        return await self.send("POST", url, headers=headers, body=body)

    async def get(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Read the resource at *url*. Raises as ``send`` does."""
        return await self.send("GET", url, headers=headers)

    async def put(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Replace the resource at *url* with *body*. Raises as ``send`` does."""
        return await self.send("PUT", url, headers=headers, body=body)

    async def patch(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Change the resource at *url* as *body* says. Raises as ``send`` does."""
        return await self.send("PATCH", url, headers=headers, body=body)

    async def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Delete the resource at *url*. Raises as ``send`` does."""
        return await self.send("DELETE", url, headers=headers)
