"""The errors of the client.

::

    HubError             a call failed; ``str`` returns the sentence and the invalid fields
    ├── Refused          the hub refused the call: the same call will never succeed
    │   └── EventQuarantined   the hub keeps the event in quarantine, as its payload breaks its schema
    └── Unanswered       no clear answer, or the hub cannot carry the call out now: the same call may succeed later
    NotGenuine           a request is not a webhook that the hub has signed
"""

from collections.abc import Sequence
from typing import Literal


class HubError(Exception):
    """A call failed. ``str`` returns the hub's sentence, with the invalid fields.

    *status* is 0 if there was no answer. *type* is the problem's type (``urn:trunkline:problem:…``), if it has one.
    *errors* are pairs of a JSON pointer and its fault. *retry_after_seconds* is the wait that the hub asks for.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        type: str = "about:blank",
        errors: Sequence[tuple[str, str]] = (),
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        faults = "".join(f"\n  {path or 'the whole'} {message}" for path, message in errors)
        super().__init__(f"{detail}{faults}")
        self.status = status
        self.detail = detail
        self.type = type
        self.errors = tuple(errors)
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_passing(self) -> bool:
        """True if the same call may succeed later."""
        return isinstance(self, Unanswered)


class Refused(HubError):
    """The hub refused the call. Do not send it again: the answer will be the same."""


class Unanswered(HubError):
    """The hub gave no answer, or cannot carry out the call now.

    Send the call again later, with the same idempotency key.

    The answer of a proxy in between does not count: a 404 or 403 that is not a problem document says nothing about the
    call.
    """


class EventQuarantined(Refused):
    """The hub keeps the event in quarantine, as its payload breaks its schema. An operator can release it.

    *quarantine_id* is the event's id in the quarantine; *errors* are the event's faults.
    """

    def __init__(self, quarantine_id: str, *, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__(202, f"the event breaks its schema and waits as {quarantine_id}", errors=errors)
        self.quarantine_id = quarantine_id


class NotGenuine(Exception):
    """A request is not a webhook that the hub has signed, or it is too old.

    *code* is ``missing`` (a header is missing), ``malformed`` (a header or the body cannot be read), ``expired`` (more than five
    minutes old or ahead) or ``mismatch`` (no key made this signature).
    """

    def __init__(self, code: Literal["missing", "malformed", "expired", "mismatch"], detail: str) -> None:
        super().__init__(detail)
        self.code = code
