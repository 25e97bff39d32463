"""Forms of people who are not signed in. Each form has a token that is valid only with a cookie of the same browser."""

import secrets

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trunkline.routes import Sealer
from trunkline_portal import cookies, security
from trunkline_portal.cookies import CookieRules
from trunkline_portal.forms import read_fields

_PURPOSE = "visit"
_SECONDS = 24 * 60 * 60


class Visit(Struct, frozen=True):
    """A browser in which nobody is signed in yet."""

    cookie: str

    def token(self, sealer: Sealer) -> str:
        """Return the value of the form's field ``csrf``."""
        return sealer.seal(self.cookie.encode(), purpose=_PURPOSE)

    def remember(self, response: Response, request: Request, rules: CookieRules) -> None:
        """Set the cookie."""
        rules.set(response, request, cookies.VISIT, self.cookie, seconds=_SECONDS)


def begin(request: Request, rules: CookieRules) -> Visit:
    """Continue the visit of this browser, or begin one."""
    known = rules.read(request, cookies.VISIT) or ""
    return Visit(known if len(known) == 32 and known.isalnum() else secrets.token_hex(16))


async def check(request: Request, sealer: Sealer, rules: CookieRules) -> None:
    """Refuse a form from another browser or another site. Raises FormRefused, FormTooLarge."""
    security.check_origin(request)
    sent = (await read_fields(request))["csrf"]
    try:
        expected = sealer.unseal(sent, purpose=_PURPOSE).decode()
    except ValueError:
        raise security.FormRefused from None
    security.check_token(rules.read(request, cookies.VISIT) or "", expected)
