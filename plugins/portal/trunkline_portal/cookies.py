"""The portal's cookies, and how they are written: for scripts out of reach, for other sites as the framing allows.

By HTTPS their names begin with ``__Host-``, so that no other host of the domain can set one.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

SESSION = "trunkline_portal"
VISIT = "trunkline_portal_visit"
"""Ties the forms of people who are not signed in to their browser."""
FLASH = "trunkline_portal_flash"
SECRET = "trunkline_portal_secret"  # noqa: S105 - a cookie's name
"""Holds a secret, sealed, on its way to the one page that shows it."""
ATTEMPT = "trunkline_portal_attempt"
"""Holds an attempt to sign in at the identity provider, sealed."""
THEME = "trunkline_portal_theme"


@dataclass(frozen=True, slots=True)
class CookieRules:
    """How cookies are written. *is_framed*: pages of other sites may hold the portal, which only HTTPS allows."""

    public_url: str | None
    is_framed: bool

    def is_secure(self, request: Request) -> bool:
        """Tell whether people reach the portal by HTTPS; a proxy in front of the hub may end it."""
        return request.url.scheme == "https" or (self.public_url or "").startswith("https://")

    def owns_host(self, request: Request) -> bool:
        """Tell whether people reach the portal by HTTPS, at a host that is the hub's alone: its address has no path."""
        return self.is_secure(request) and urlsplit(self.public_url or "").path in {"", "/"}

    def read(self, request: Request, name: str) -> str | None:
        """Read a cookie."""
        return request.cookies.get(self._named(request, name))

    def _named(self, request: Request, name: str) -> str:
        return f"__Host-{name}" if self.owns_host(request) else name

    def set(
        self, response: Response, request: Request, name: str, value: str, *, seconds: int | None = None
    ) -> None:
        """Set a cookie on *response*: for *seconds*, until the browser is closed for None, never again for 0."""
        path = "/" if self.owns_host(request) else "/portal"  # as __Host- demands
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
        """Take a cookie away."""
        self.set(response, request, name, "", seconds=0)
