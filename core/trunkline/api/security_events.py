"""The log of security events: one logger, one line per event, with the principal and the address.

``SecurityEvent`` declares an event; the address and the request's id come from the current call. ``runtime.logs`` limits
the lines that strangers can cause.
"""

import logging
from dataclasses import dataclass

from trunkline.model.principals import Principal
from trunkline.runtime import callers
from trunkline.runtime.log_writing import SECURITY

_log = logging.getLogger(SECURITY)


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """A kind of security event, and its line in the log."""

    name: str
    """The value of ``security_event``, such as ``sign_in_failed``."""
    sentence: str
    """The message of the event's line."""
    is_refusal: bool = False
    """Whether strangers can cause the event. If so, its lines are warnings, and only a few are written per minute."""

    def note(self, principal: Principal | None = None, **facts: object) -> None:
        """Log the event, with *principal* if it is known. *facts* are ids and reasons, never a secret."""
        if callers.scope() is not None:
            facts |= {"address": callers.address(), "request_id": callers.request_id()}
        if principal is not None:
            facts |= {"who": principal.name, "principal_id": principal.key_id}
        level = logging.WARNING if self.is_refusal else logging.INFO
        _log.log(level, self.sentence, extra={"security_event": self.name, **facts})
