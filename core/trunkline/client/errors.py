"""The errors of calls and of webhooks."""

from collections.abc import Sequence


class HubError(Exception):
    """The hub refused a call, or could not be reached. ``str`` gives its sentence, with the fields at fault.

    *status* is 0 where there was no answer. *errors* are pairs of a JSON pointer and what is wrong there.
    *retry_after_seconds* is what a 429 or 503 asks to wait.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        faults = "".join(f"\n  {path or 'the whole'} {message}" for path, message in errors)
        super().__init__(f"{detail}{faults}")
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_passing(self) -> bool:
        """Whether the same call may succeed later: the hub was not reached, was busy, or failed."""
        return self.status in {0, 429} or self.status >= 500


class EventQuarantined(HubError):
    """The hub keeps the event aside, as its payload breaks its schema: it is not on the stream until somebody releases it.

    *quarantine_id* names it there; *errors* are what is wrong.
    """

    def __init__(self, quarantine_id: str, *, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__(202, f"the event breaks its schema and waits as {quarantine_id}", errors=errors)
        self.quarantine_id = quarantine_id


class NotGenuine(Exception):
    """A request is not a webhook that the hub signed with this secret, or it is too old."""
