"""The key fields of an event, for lists: the event's own id and the first fields that distinguish it, by its schema."""

import json
import re
from collections.abc import Callable, Sequence

from trunkline import EventType
from trunkline.pages import Field, ListedEvent

_SHOWN = 4
_LENGTH = 40
_READ_BYTES = 16 * 1024
"""Longer envelopes are not parsed for a list."""
_OWN_ID = re.compile(r"(?:^|_)id$|Id$")
_KINDS = frozenset({"text", "integer", "number", "boolean", "date"})


class KeyFields:
    """Finds the key fields of events. *fields_of* reads the fields of a type's payload, once for each type."""

    def __init__(self, fields_of: Callable[[EventType], Sequence[Field]]) -> None:
        self._fields_of = fields_of
        self._chosen: dict[str, tuple[EventType, Sequence[Field]]] = {}

    def of(self, event: ListedEvent, event_type: EventType | None) -> Sequence[tuple[str, str]]:
        """Return the titles and values of the key fields of *event*.

        Empty if the event is long, or if its type is unknown or has no plain fields.
        """
        if len(event.body) > _READ_BYTES or event_type is None:
            return ()
        known = self._chosen.get(event.type)
        if known is None or known[0] is not event_type:
            known = self._chosen[event.type] = event_type, chosen(self._fields_of(event_type))
        payload = json.loads(event.body, parse_float=str, parse_int=str)["payload"]
        shown: list[tuple[str, str]] = []
        for field in known[1] if isinstance(payload, dict) else ():
            value = payload.get(field.name)
            if value is not None and not isinstance(value, dict | list):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                shown.append((field.title, text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"))
        return shown


def chosen(fields: Sequence[Field]) -> Sequence[Field]:
    """Choose the key fields of a payload: its first plain field, then fields that are not ids of other records.

    Required fields come before optional ones. If the first field is the id of the record itself, it is moved to the
    end, because a narrow list leaves out the last fields.
    """
    plain = [field for field in fields if field.kind in _KINDS and not field.is_long]
    telling = [field for field in plain[1:] if not field.name.endswith("_id")]
    telling.sort(key=lambda field: not field.is_required)
    own, others = plain[:1], telling[: _SHOWN - 1]
    return [*others, *own] if own and _OWN_ID.search(own[0].name) else [*own, *others]
