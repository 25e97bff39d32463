"""Protection against other sites and guessed keys: headers of every answer, form tokens, and a limit on sign-ins."""

import hmac
import re
from collections.abc import Sequence

from starlette.requests import Request

from trunkline import Refused

HSTS = "max-age=31536000"
"""Browsers use only HTTPS for the host for a year (RFC 6797); subdomains are left out, as they may not be the hub's."""
_MINUTE_MS = 60_000
_FORM_TARGET = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+|[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)


class FormRefused(Refused):
    """A form lacks the token of its page."""

    status = 403
    title = "This form is no longer valid"

    def __init__(self) -> None:
        super().__init__("Go back, load the page again and send the form once more; nothing was changed.")


class SignInRefused(Refused):
    """An address has failed too many sign-ins."""

    status = 429
    title = "Too many sign-ins"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(
            f"Too many keys were tried from your address; try again in {retry_after_seconds} seconds."
        )
        self.headers = {"Retry-After": str(retry_after_seconds)}


def headers(frame_ancestors: Sequence[str], *, form_targets: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers of every answer; the sites *frame_ancestors* may show the answer in a frame.

    *form_targets* are origins, or schemes with a colon, to which forms in the answer may redirect.

    Raises:
        ValueError: a target is neither an origin nor a scheme with a colon.
    """
    for target in form_targets:
        if _FORM_TARGET.fullmatch(target) is None:
            msg = f"'{target}' is neither an origin nor a scheme with its colon"
            raise ValueError(msg)
    policy = {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": " ".join(["'self'", *form_targets]),
        "base-uri": "'none'",
        "frame-ancestors": " ".join(frame_ancestors) or "'none'",
    }
    values = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
    return values if frame_ancestors else {**values, "X-Frame-Options": "DENY"}


def check_origin(request: Request) -> None:
    """Refuse a form if the browser's Fetch Metadata say that another site sent it. Raises FormRefused."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FormRefused


def check_token(sent: str, expected: str) -> None:
    """Refuse a form without the token *expected*. Raises FormRefused."""
    if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise FormRefused


class SignInLimit:
    """Counts failed sign-ins by address, for each minute of the clock."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minute = 0
        self._failures: dict[str, int] = {}

    def begin(self, address: str, now_ms: int) -> None:
        """Count an attempt as failed, before its key is checked. Raises SignInRefused."""
        if now_ms // _MINUTE_MS != self._minute:
            self._minute = now_ms // _MINUTE_MS
            self._failures.clear()
        if self._failures.get(address, 0) >= self._per_minute:
            left_ms = (self._minute + 1) * _MINUTE_MS - now_ms
            raise SignInRefused(retry_after_seconds=-(-left_ms // 1000))
        self._failures[address] = self._failures.get(address, 0) + 1

    def succeed(self, address: str) -> None:
        """Undo the count of ``begin`` after a valid key."""
        self._failures[address] = max(self._failures.get(address, 0) - 1, 0)
