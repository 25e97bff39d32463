"""The portal's cookies, and how they are written: for scripts out of reach, for other sites as the framing allows."""

from dataclasses import dataclass

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

    def set(
        self, response: Response, request: Request, name: str, value: str, *, seconds: int | None = None
    ) -> None:
        """Set a cookie on *response*: for *seconds*, until the browser is closed for None, never again for 0."""
        parts = [f"{name}={value}", "Path=/portal", "HttpOnly"]
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
