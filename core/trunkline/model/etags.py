"""Entity tags of records (RFC 9110): a tag identifies the state in which a caller has read a record.

With the tag, the hub refuses a change that starts from an outdated state.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from trunkline.errors import PreconditionFailed

_DERIVED = frozenset({"updated_utc", "health", "failing_since", "success_rate_24h", "p95_ms_24h"})
"""Members that change by themselves; a conditional change does not fail because of them."""
_ONCE = frozenset({"secret", "warnings"})
"""Members that only a single answer has; they are not part of the record."""


def etag_of(view: Mapping[str, Any]) -> str:
    """Return the strong validator of a record, in quotes.

    The first part of the tag covers the members that people change, the second part the members that change by
    themselves.
    """
    stored = {name: value for name, value in view.items() if name not in _DERIVED | _ONCE}
    derived = {name: value for name, value in view.items() if name in _DERIVED}
    return f'"{_hash(stored)}.{_hash(derived)}"'


def check_match(if_match: str, view: Mapping[str, Any]) -> None:
    """Check that a record's stored members are in the state that the header *if_match* names.

    Raises PreconditionFailed: the stored members are in another state.
    """
    if if_match.strip() == "*":
        return
    stored = etag_of(view).partition(".")[0]
    if stored not in {tag.strip().partition(".")[0] for tag in if_match.split(",")}:
        raise PreconditionFailed


def _hash(members: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()[:20]
