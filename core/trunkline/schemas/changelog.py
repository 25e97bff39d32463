"""The changes between versions of an event type: the key ``x-changes`` of its schema.

Its form, in any order::

    "x-changes": [{"version": 2, "date": "2026-05-04", "sentence": "The optional field 'currency' was added."}]
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from trunkline.errors import SchemaInvalid


class Change(Struct, frozen=True):
    """One change of an event type; *date* is an ISO 8601 date."""

    version: int
    date: str
    sentence: str


def read(schema: Mapping[str, Any], *, newest: int, source: str) -> tuple[Change, ...]:
    """List the changes in *schema*, whose version is *newest*; newest first.

    Raises SchemaInvalid: an entry has another form, or a version above *newest*.
    """
    listed = schema.get("x-changes", [])
    entries = [_read(entry, newest) for entry in listed] if isinstance(listed, list) else [None]
    changes = [change for change in entries if change is not None]
    if len(changes) < len(entries):
        reason = (
            '\'x-changes\' must be a list of {"version": 1, "date": "2026-01-31", "sentence": "…"}, '
            f"with versions up to its 'x-version', {newest}"
        )
        raise SchemaInvalid(source, reason)
    return tuple(sorted(changes, key=lambda change: (change.version, change.date), reverse=True))


def _read(entry: Any, newest: int) -> Change | None:
    match entry:
        case {"version": int(version), "date": str(date), "sentence": str(sentence), **rest} if not rest:
            return Change(version, date, sentence) if 1 <= version <= newest and _is_date(date) else None
        case _:
            return None


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
