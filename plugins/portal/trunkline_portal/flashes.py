"""A message that is stored after a form, for the next page. It is sealed in a cookie that only one session can read."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from trunkline.routes import Sealer
from trunkline_portal import cookies
from trunkline_portal.access import Viewer
from trunkline_portal.cookies import CookieRules

_SECONDS = 60


class Flashes:
    """Stores messages and reads them."""

    def __init__(self, sealer: Sealer, rules: CookieRules) -> None:
        self._sealer = sealer
        self._rules = rules

    def leave(self, response: Response, request: Request, viewer: Viewer, *, text: str, tone: str) -> None:
        """Store *text*, to be shown on the next page of *viewer*'s session and company."""
        data = orjson.dumps({"text": text, "tone": tone})
        sealed = self._sealer.seal(data, purpose=_purpose(viewer))
        self._rules.set(response, request, cookies.FLASH, sealed, seconds=_SECONDS)

    def read(self, request: Request, viewer: Viewer | None) -> dict[str, str] | None:
        """Return the message as ``text`` and ``tone``; None if there is no message for *viewer*."""
        sealed = self._rules.read(request, cookies.FLASH)
        if sealed is None or viewer is None:
            return None
        try:
            message: dict[str, str] = orjson.loads(self._sealer.unseal(sealed, purpose=_purpose(viewer)))
        except ValueError:
            return None
        return message

    def drop(self, response: Response, request: Request) -> None:
        """Remove the message, which *response* shows."""
        self._rules.drop(response, request, cookies.FLASH)


def _purpose(viewer: Viewer) -> str:
    return f"flash of {viewer.session.id} for {viewer.chosen_company_id}"
