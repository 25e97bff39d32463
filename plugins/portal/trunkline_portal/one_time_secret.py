"""A secret that a single page shows. It is sealed in a cookie, only one session can read it, and it is removed once shown."""

import orjson
from starlette.responses import Response

from trunkline_portal import cookies
from trunkline_portal.access import Viewer
from trunkline_portal.portal import Portal

_SECONDS = 120


def hand_over(portal: Portal, response: Response, viewer: Viewer, *, of: str, secret: str) -> None:
    """Store *secret* of the subject *of* for the page that shows it in *viewer*'s session, within two minutes."""
    data = orjson.dumps({"of": of, "secret": secret})
    sealed = portal.context.sealer.seal(data, purpose=_purpose(viewer))
    portal.cookies.set(response, viewer.request, cookies.SECRET, sealed, seconds=_SECONDS)


def read(portal: Portal, viewer: Viewer, *, of: str) -> str | None:
    """Return the stored secret of the subject *of*; None if it is gone."""
    try:
        data = portal.context.sealer.unseal(
            portal.cookies.read(viewer.request, cookies.SECRET) or "", purpose=_purpose(viewer)
        )
    except ValueError:
        return None
    content: dict[str, str] = orjson.loads(data)
    return content["secret"] if content["of"] == of else None


def forget(portal: Portal, response: Response, viewer: Viewer) -> None:
    """Remove the secret, which *response* shows."""
    portal.cookies.drop(response, viewer.request, cookies.SECRET)


def _purpose(viewer: Viewer) -> str:
    return f"secret of {viewer.session.id}"
