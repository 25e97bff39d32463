"""The errors of a subscription's form, as sentences for its fields."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from trunkline import FieldError, Refused
from trunkline_portal.forms import sentence
from trunkline_portal.pages.subscriptions import targets
from trunkline_portal.pages.subscriptions.form import Form

_SUBJECTS: Mapping[str, str] = {
    "target_url": "The address",
    "description": "The name",
    "secret": "The secret",
    "signature": "The signature",
    "ordering": "The key",
    "timeout_seconds": "It",
    "retry": "It",
    "rate": "It",
    "max_in_flight": "It",
}
_SHOWN = ("target", "event_types", "description")
"""The prefixes of the names of fields that are not under *Advanced*."""


class Faults(Struct, frozen=True):
    """The error messages of a form by field name (``""`` for the whole form), and the rows of filter and headers at fault."""

    by_field: Mapping[str, str] = field(default_factory=dict[str, str])
    named: frozenset[str] = frozenset()

    @property
    def are_advanced(self) -> bool:
        """Return True if a message is about a field under *Advanced*."""
        return any(not name.startswith(_SHOWN) for name in self.by_field if name)

    def get(self, name: str) -> str | None:
        """Return the error message of a field."""
        return self.by_field.get(name)


def of(refusal: Refused, form: Form) -> Faults:
    """Assign the faults of *refusal* to the fields of *form*."""
    sentences: dict[str, list[str]] = {}
    named: set[str] = set()
    for error in refusal.errors or [FieldError("", refusal.detail)]:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in error.path.split("/")[1:]]
        if parts[:1] == ["target"] and len(parts) > 1:
            parts = [targets.PREFIX + parts[1]]
        name = parts[0] if parts else ""
        named.update(parts[1:])
        sentences.setdefault(name, []).append(_sentence(name, parts[1:], error.message, form))
    return Faults(
        {name: " ".join(dict.fromkeys(texts)) for name, texts in sentences.items()}, frozenset(named)
    )


def _sentence(name: str, below: Sequence[str], message: str, form: Form) -> str:
    match name:
        case "event_types" if not form.chosen:
            return "Choose at least one event type, or all of them."
        case "target_url" if not form.target_url:
            return "Enter the address that events are to be sent to."
        case "start" if form.start == "cursor" and message.startswith("must be"):
            return "This is not a cursor that GET /api/v1/events gave out."
        case "headers" if not below and not any(any(pair) for pair in form.headers):
            return (
                "The new address is of another server, which does not get the headers of the one before: tick"
                " “Replace them by those below”, and enter them again or leave the rows empty."
            )
        case "filter" | "headers" if below:
            paths = [part for part in below if part.startswith(("payload.", "metadata."))]
            return sentence(f"“{paths[-1] if paths else '/'.join(below)}” {message}")
        case _:
            subject = "It" if name.startswith(targets.PREFIX) else _SUBJECTS.get(name)
            return sentence(f"{subject} {message}" if subject else message)
