"""Forms that were sent after their session had ended. They are sealed into the sign-in page, and can be sent after the sign-in.

Nothing is stored: the sealed form goes to the browser and comes back with the sign-in. A sealed form is valid only in
the browser that sent it (its visit). Forms sent by other sites are not kept.
"""

from typing import Any

import orjson
from starlette.requests import Request

from trunkline.routes import Sealer
from trunkline_portal import addresses, security
from trunkline_portal.forms import FormTooLarge, read_fields
from trunkline_portal.security import FormRefused
from trunkline_portal.visits import Visit

MAX_BYTES = 64 * 1024
"""Limit of a kept form: sealed, it must fit into the sign-in form."""
_PURPOSE = "kept form"


async def keep(request: Request, sealer: Sealer, visit: Visit) -> str | None:
    """Seal the form of *request*. None if there is no form or no company, or if the form is from another site or too long."""
    if request.method != "POST" or addresses.company_in(request.url.path) is None:
        return None
    try:
        security.check_origin(request)
        sent = await read_fields(request)
    except (FormRefused, FormTooLarge):
        return None
    fields = [
        (name, value)
        for name, values in sent.by_name().items()
        for value in values
        if name not in {"csrf", "company"}
    ]
    data = orjson.dumps({"visit": visit.cookie, "path": request.url.path, "fields": fields})
    return sealer.seal(data, purpose=_PURPOSE) if "csrf" in sent and len(data) <= MAX_BYTES else None


def restore(kept: str, sealer: Sealer, visit: Visit) -> dict[str, Any] | None:
    """Unseal a kept form: its target ``path``, and its ``fields`` in order. None if it is not from this browser."""
    try:
        form: dict[str, Any] = orjson.loads(sealer.unseal(kept, purpose=_PURPOSE))
    except ValueError:
        return None
    return form if form["visit"] == visit.cookie else None
