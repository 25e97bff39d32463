"""The portal's part of the log that says who did what: one line for each form, and for each time that a user signs in."""

import logging

from starlette.requests import Request
from starlette.responses import Response

from trunkline.routes import Principal, company_number, environment_of
from trunkline_portal.access import VIEWER_KEY, Viewer


def note_form(log: logging.Logger, request: Request, response: Response) -> None:
    """Log the form of *request*, if somebody who is signed in has sent one: whose it was, and how it was answered."""
    viewer: Viewer | None = request.scope.get(VIEWER_KEY)
    if viewer is None or request.method in {"GET", "HEAD"}:
        return
    chosen = viewer.chosen_company_id
    of = (
        {}
        if chosen is None
        else {"company_id": company_number(chosen), "environment": environment_of(chosen)}
    )
    facts = {**of, "form": request.url.path, "status": response.status_code}
    log.info("form", extra={**_who(viewer.principal), **facts})


def note_sign_in(log: logging.Logger, principal: Principal) -> None:
    """Log that a user of the identity provider has signed in."""
    facts = {"company_id": principal.company_id, "scopes": ",".join(sorted(principal.scopes))}
    log.info("signed in", extra={**_who(principal), **facts})


def _who(principal: Principal) -> dict[str, str]:
    return {"who": principal.name, "principal_id": principal.key_id}
