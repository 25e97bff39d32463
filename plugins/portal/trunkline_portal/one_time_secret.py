"""A secret on its way to the one page that shows it: sealed in a cookie, readable by one session, gone once it was shown."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import cookies
from trunkline_portal.access import Viewer
from trunkline_portal.portal import Portal

_SECONDS = 120


def hand_over(
    portal: Portal, request: Request, response: Response, viewer: Viewer, *, of: str, secret: str
) -> None:
    """Let the next page about *of* show *secret*, if *viewer*'s session asks within two minutes."""
    data = orjson.dumps({"of": of, "secret": secret})
    sealed = portal.context.sealer.seal(data, purpose=_purpose(viewer))
    portal.cookies.set(response, request, cookies.SECRET, sealed, seconds=_SECONDS)


def read(portal: Portal, request: Request, viewer: Viewer, *, of: str) -> str | None:
    """Give the secret of *of*; None where it is not there any more."""
    try:
        data = portal.context.sealer.unseal(
            portal.cookies.read(request, cookies.SECRET) or "", purpose=_purpose(viewer)
        )
    except ValueError:
        return None
    content: dict[str, str] = orjson.loads(data)
    return content["secret"] if content["of"] == of else None


def forget(portal: Portal, request: Request, response: Response) -> None:
    """Take the secret away, as *response* shows it."""
    portal.cookies.drop(response, request, cookies.SECRET)


def _purpose(viewer: Viewer) -> str:
    return f"secret of {viewer.session.id}"
