"""The portal's cookies and their attributes. Scripts cannot read them, and framed pages get them only if framing is allowed.

With HTTPS the cookies' names begin with ``__Host-``, so that no other host of the domain can set such a cookie.
"""

from urllib.parse import urlsplit

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

SESSION = "trunkline_portal"
VISIT = "trunkline_portal_visit"
"""Ties a form to the browser of a person who has not signed in."""
FLASH = "trunkline_portal_flash"
SECRET = "trunkline_portal_secret"  # noqa: S105 - a cookie's name
"""Holds a sealed secret for the one page that shows it."""
ATTEMPT = "trunkline_portal_attempt"
"""Holds the sealed attempts to sign in at the identity provider."""
THEME = "trunkline_portal_theme"


class CookieRules(Struct, frozen=True):
    """The attributes of cookies. *is_framed* means that other sites may frame the portal; framing needs HTTPS."""

    public_url: str | None
    is_framed: bool

    def is_secure(self, request: Request) -> bool:
        """Return True if people reach the portal by HTTPS, perhaps through a proxy."""
        return request.url.scheme == "https" or (self.public_url or "").startswith("https://")

    def owns_host(self, request: Request) -> bool:
        """Check whether people reach the portal by HTTPS at a host that only the hub uses (its address has no path)."""
        return self.is_secure(request) and urlsplit(self.public_url or "").path in {"", "/"}

    def read(self, request: Request, name: str) -> str | None:
        """Read a cookie."""
        return request.cookies.get(self._named(request, name))

    def _named(self, request: Request, name: str) -> str:
        return f"__Host-{name}" if self.owns_host(request) else name

    def set(
        self, response: Response, request: Request, name: str, value: str, *, seconds: int | None = None
    ) -> None:
        """Set a cookie on *response* for *seconds*. None keeps the cookie until the browser closes, 0 removes the cookie."""
        path = "/" if self.owns_host(request) else "/portal"  # required by __Host-
        parts = [f"{self._named(request, name)}={value}", f"Path={path}", "HttpOnly"]
        if seconds is not None:
            parts.append(f"Max-Age={seconds}")
        if self.is_secure(request):
            parts.append("Secure")
            parts += ["SameSite=None", "Partitioned"] if self.is_framed else ["SameSite=Lax"]
        else:
            parts.append("SameSite=Lax")
        response.headers.append("Set-Cookie", "; ".join(parts))

    def drop(self, response: Response, request: Request, name: str) -> None:
        """Remove a cookie."""
        self.set(response, request, name, "", seconds=0)
