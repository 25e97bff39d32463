"""The changes between versions of an event type: the key ``x-changes`` of its schema.

Its form, in any order::

    "x-changes": [{"version": 2, "date": "2026-05-04", "sentence": "The optional field 'currency' was added."}]
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.errors import SchemaInvalid


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of an event type; *date* is an ISO 8601 date."""

    version: int
    date: str
    sentence: str


def read(schema: Mapping[str, Any], *, newest: int, source: str) -> tuple[Change, ...]:
    """List the changes in *schema*, whose version is *newest*; newest first.

    Raises SchemaInvalid: an entry has another form, or a version above *newest*.
    """
    try:
        changes = msgspec.convert(schema.get("x-changes", []), list[Change])
        fit = [
            1 <= each.version <= newest and dt.date.fromisoformat(each.date).isoformat() == each.date
            for each in changes
        ]
    except (msgspec.ValidationError, ValueError):
        changes, fit = [], [False]
    if not all(fit):
        reason = (
            '\'x-changes\' must be a list of {"version": 1, "date": "2026-01-31", "sentence": "…"}, '
            f"with versions up to its 'x-version', {newest}"
        )
        raise SchemaInvalid(source, reason)
    return tuple(sorted(changes, key=lambda change: (change.version, change.date), reverse=True))
