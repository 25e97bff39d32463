"""The audit lines of the portal: one for each form, and the security events of signing in."""

import contextlib
import logging
from collections.abc import Generator

from starlette.requests import Request
from starlette.responses import Response

from trunkline import Refused
from trunkline.routes import Principal, SecurityEvent, company_number, environment_of
from trunkline_portal.access import VIEWER_KEY, Viewer

SIGNED_IN = SecurityEvent("signed_in", "a person signed in")
SIGN_IN_FAILED = SecurityEvent("sign_in_failed", "a person could not sign in", is_refusal=True)


def note_form(log: logging.Logger, request: Request, response: Response) -> None:
    """Log the viewer and the answer of a form that was sent by a signed-in viewer."""
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
    log.info("form", extra={"who": viewer.principal.name, "principal_id": viewer.principal.key_id, **facts})


def note_sign_in(principal: Principal, *, way: str) -> None:
    """Log a sign-in by a ``key``, a ``link`` or the identity ``provider``."""
    scopes = ",".join(sorted(principal.scopes))
    SIGNED_IN.note(principal, way=way, company_id=principal.company_id, scopes=scopes)


@contextlib.contextmanager
def failures_noted(*, way: str) -> Generator[None]:
    """Log a sign-in that fails in the block."""
    try:
        yield
    except Refused as refusal:
        SIGN_IN_FAILED.note(way=way, reason=refusal.title)
        raise
